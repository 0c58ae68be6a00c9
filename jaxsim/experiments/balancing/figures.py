"""Figures 3a, 5, 6, 7 and 8: JSQ, random, own queue and the tabulated MF-R over delays and sizes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.validation import choice
from jaxsim.experiments.balancing.measure import SOURCE, Value, curve, drops, own_queue
from jaxsim.experiments.balancing.ranking import listed, policies, ranking, verdict
from jaxsim.models.balancing import JSQ, Random, Table
from jaxsim.models.balancing.graphs import Graph, bethe, ccc, configuration, cycle, torus
from jaxsim.models.balancing.learned import learned, table_for
from jaxsim.results.report import Claim, Panel, Report

SCALES = ("smoke", "paper")
PRECISION = {"smoke": None, "paper": 0.01}
"""Half-widths as a share of the mean that replications are added for, where `measure.MOST` allows."""
X, Y = "delay", "packets lost per queue in 50 time units"


def _delays(scale: str) -> tuple[int, ...]:
    return tuple(range(1, 11)) if choice("scale", scale, SCALES) == "paper" else (1, 5, 10)


def sweep(
    graph: Graph, delays: tuple[int, ...], scale: str, replications: int, seed: int,
    rules: dict[str, Any] | None = None,
) -> dict[str, list[Value]]:  # fmt: skip
    """Return drops of every policy over the delays; at paper scale to half-widths of `PRECISION`."""
    regular = bool(np.all(graph.degrees == graph.degrees[0]))
    found = [
        drops(
            graph,
            policies(regular) | (rules or {}),
            delay=delay,
            replications=replications,
            seed=seed,
            largest_delay=max(delays),
            precision=PRECISION[scale],
        )
        for delay in delays
    ]
    return {name: [f[name] for f in found] for name in found[0]}


def _panel(title: str, delays: tuple[int, ...], values: dict[str, list[Value]]) -> Panel:
    return Panel(title, X, Y, tuple(curve(name, delays, v) for name, v in values.items()))


def figure3a(*, scale: str = "smoke", seed: int = 0) -> Report:
    """JSQ on a 10 x 10 torus over delays: its losses level off."""
    delays = _delays(scale)
    graph = torus(10)
    replications = 4000 if scale == "paper" else 400
    rule = {"jsq": lambda s: JSQ()}
    # Seeds of their own make the delays independent, so that the errors of a difference add up.
    found = [
        drops(graph, rule, delay=d, replications=replications, seed=seed + d, largest_delay=max(delays))[
            "jsq"
        ]
        for d in delays
    ]
    ratio, width = slope_ratio(delays, found)
    claim = Claim(
        "JSQ's losses level off with the delay: slope at the end over mean slope",
        "starts to converge",
        round(ratio, 3),
        round(width, 3),
        verdict(ratio + width < 0.5),
        "the printed size, o_t = 100 and N = 100, is a torus of side 10; slopes between"
        f" {listed(delays[-2:])} and {listed((delays[0], delays[-1]))}",
    )
    panel = Panel("JSQ on the torus 10 x 10", X, Y, (curve("jsq", delays, found),))
    return Report(
        "balancing.figure3a", "JSQ over delays", f"{SOURCE}, figure 3a", (claim,), (panel,), scale, seed
    )


def slope_ratio(delays: tuple[int, ...], values: list[Value]) -> tuple[float, float]:
    """Return the last slope over the mean slope with the half-width of its interval (delta method).

    With x the values at the first, the last but one and the last delay, the ratio is
    r = c (x2 - x1) / (x2 - x0), whose derivatives are r / (x2 - x0), -c / (x2 - x0), (c - r) / (x2 - x0).
    """
    x0, x1, x2 = (values[i] for i in (0, -2, -1))
    c = (delays[-1] - delays[0]) / (delays[-1] - delays[-2])
    span = x2.mean - x0.mean
    ratio = c * (x2.mean - x1.mean) / span
    widths = ratio * x0.half_width, c * x1.half_width, (c - ratio) * x2.half_width
    return ratio, float(np.linalg.norm(widths) / abs(span))


def figure5(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The cycle at six sizes: which policy is best at which delay."""
    delays = _delays(scale)
    sizes = (9, 21, 91, 901, 3501, 5001) if scale == "paper" else (101,)
    claims, panels = [], []
    for nodes in sizes:
        values = sweep(cycle(nodes), delays, scale, max(200, 100_000 // nodes), seed)
        panels.append(_panel(f"cycle of {nodes}", delays, values))
        claims += ranking(f"cycle of {nodes}", delays, values)
    return Report(
        "balancing.figure5",
        "Policies on the cycle",
        f"{SOURCE}, figure 5",
        tuple(claims),
        tuple(panels),
        scale,
        seed,
    )


def figure6(*, scale: str = "smoke", seed: int = 0) -> Report:
    """MF-R over sizes of the cycle at delay 5: the mean does not depend on N from 2 epochs + 1 nodes on."""
    choice("scale", scale, SCALES)
    sizes = (5, 9, 21, 51, 101, 501, 2001, 5001) if scale == "paper" else (21, 101)
    total = 4_000_000 if scale == "paper" else 100_000
    found = []
    for nodes in sizes:
        replications = min(20_000, max(200, total // nodes))
        found.append(
            drops(cycle(nodes), {"mf-r": learned}, delay=5, replications=replications, seed=seed)["mf-r"]
        )
    width = found[-1].half_width
    control = Claim(
        "control variate (own queue given the regime path): half-widths of MF-R at the largest N",
        None,
        f"{found[-1].plain:.3g} without, {width:.2g} with: {found[-1].plain / width:.1f} times narrower",
    )
    large = [v for n, v in zip(sizes, found, strict=True) if n >= 21]
    spread = max(abs(v.mean - large[-1].mean) - 1.5 * (v.half_width + large[-1].half_width) for v in large)
    claim = Claim(
        "MF-R on cycles of N >= 21: drops converge to those of N = 101 as N grows",
        "converges with N",
        ", ".join(f"N {n}: {v}" for n, v in zip(sizes, found, strict=True)),
        verdict="ambiguous" if spread <= 0 else "not reproduced",
        note="10 epochs reach 10 nodes to each side, so from N = 21 on the mean is the same number for all N;"
        " only the variance can shrink",
    )
    panel = Panel("MF-R on cycles, delay 5", "nodes", Y, (curve("mf-r", sizes, found),), log_x=True)
    return Report(
        "balancing.figure6", "MF-R over sizes", f"{SOURCE}, figure 6", (claim, control), (panel,), scale, seed
    )


def figure7(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Cycle, cube-connected cycles, torus, configuration model; at smoke scale only a small last one."""
    delays = _delays(scale)
    paper = scale == "paper"
    # Most of the time is compilation, so the small scale leaves out what figure 5 shows as well.
    regular = {"a": cycle(5001), "b": ccc(9), "c": torus(70)} if paper else {}
    claims, panels = [], []
    for letter, graph in (regular | {"d": configuration(5001 if paper else 101, (2, 3), seed=1)}).items():
        values = sweep(graph, delays, scale, 200, seed)
        panels.append(_panel(f"({letter}) {graph.name}", delays, values))
        claims += ranking(graph.name, delays, values)
        claims.append(_own_and_random(graph, delays[-1], seed, values.get("random")))
    return Report(
        "balancing.figure7",
        "Four topologies",
        f"{SOURCE}, figure 7",
        tuple(claims),
        tuple(panels),
        scale,
        seed,
    )


def _own_and_random(graph: Graph, delay: int, seed: int, found: list[Value] | None) -> Claim:
    """Judge that random is own queue on regular graphs only (per packet; ``found``: random over delays)."""
    rules = {"random": lambda s: Random()}
    known = own_queue(graph, delay=delay)
    value = found[-1] if found else drops(graph, rules, delay=delay, replications=200, seed=seed)["random"]
    same = not value.apart(Value(known, 0.0, 0.0))
    regular = found is None
    return Claim(
        f"{graph.name}, delay {delay}: random "
        + ("is as own queue" if regular else "differs from own queue"),
        "equal" if regular else "differ by the degrees",
        f"random {value}, own {known:.4f} (exact)",
        verdict=verdict(same == regular),
        note="per packet; one random action an epoch loses more" if regular else "",
    )


def figure8(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The Bethe lattice: does MF-R end worse than own queue?"""
    delays = _delays(scale) if scale == "paper" else (1, 3, 10)
    choice("scale", scale, SCALES)
    graph = bethe(11 if scale == "paper" else 6, 3)
    # What the mean-field training sees is a regular graph of degree 3.
    foreign = {
        "mf-r of the regular graph": lambda s: Table(
            jnp.asarray(table_for("ccc", float(s.params.delay)), jnp.float32)
        )
    }
    values = sweep(graph, delays, scale, 200, seed, foreign)
    at = {d: {name: v[i] for name, v in values.items()} for i, d in enumerate(delays)}
    last, third = at[delays[-1]], at[3]
    tuned, untuned = (last["own"].below(last[n]) for n in ("mf-r", "mf-r of the regular graph"))
    crossed = [d for d in delays if at[d]["own"].below(at[d]["mf-r of the regular graph"])]

    def numbers(now: dict[str, Value]) -> str:
        return ", ".join(f"{n} {v}" for n, v in now.items())

    best = all(third["mf-r"].below(third[n]) for n in ("jsq", "jsq, ties split", "random", "own"))
    claims = (
        Claim(
            "delay 3: MF-R beats JSQ, random and own queue",
            "outperforms",
            numbers(third),
            verdict=verdict(best),
        ),
        Claim(
            f"delay {delays[-1]}: MF-R is worse than own queue",
            "worse",
            numbers(last),
            verdict="ambiguous" if tuned != untuned else verdict(tuned),
            note="own queue is the table zeta = 0, so the best table for the lattice cannot lose to it"
            f" ({'it does' if tuned else 'it does not'}); the best table of the regular graph of degree 3"
            f" loses to it at {listed(crossed) if crossed else 'no delay'}: the crossing comes from training"
            " on regular surroundings",
        ),
        Claim(
            f"delay {delays[-1]}: random is worse than own queue",
            "worse",
            numbers(last),
            verdict=verdict(last["own"].below(last["random"])),
            note="leaves send half of their packets to their only neighbour",
        ),
    )
    return Report(
        "balancing.figure8",
        "Bethe lattice",
        f"{SOURCE}, figure 8",
        claims,
        (_panel(graph.name, delays, values),),
        scale,
        seed,
    )
