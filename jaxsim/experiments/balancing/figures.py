"""Figures 3a, 5, 6, 7 and 8: JSQ, random, own queue and the tabulated MF-R over delays and sizes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.validation import choice
from jaxsim.experiments.balancing.measure import SOURCE, Value, curve, drops
from jaxsim.models.balancing import JSQ, Random, Table
from jaxsim.models.balancing.graphs import Graph, bethe, ccc, configuration, cycle, torus
from jaxsim.models.balancing.learned import learned
from jaxsim.results.report import Claim, Panel, Report, Verdict

SCALES = ("smoke", "paper")
X, Y = "delay", "packets lost per queue in 50 time units"


def _verdict(holds: bool) -> Verdict:
    return "reproduced" if holds else "not reproduced"


def _delays(scale: str) -> tuple[int, ...]:
    return tuple(range(1, 11)) if choice("scale", scale, SCALES) == "paper" else (1, 5, 10)


def _policies(regular: bool) -> dict[str, Any]:
    names: dict[str, Any] = {
        "jsq": lambda s: JSQ(),
        "jsq, ties split": lambda s: JSQ("packet"),
        "mf-r": learned,
        "mf-r, one action": lambda s: learned(s, reading="epoch"),
    }
    return names if regular else names | {"random": lambda s: Random()}


def sweep(graph: Graph, delays: tuple[int, ...], replications: int, seed: int) -> dict[str, list[Value]]:
    """Return drops of every policy over the delays; on a regular graph random is own queue, path by path."""
    regular = bool(np.all(graph.degrees == graph.degrees[0]))
    found = [
        drops(
            graph,
            _policies(regular),
            delay=delay,
            replications=replications,
            seed=seed,
            largest_delay=max(delays),
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
    replications = 2000 if scale == "paper" else 400
    rule = {"jsq": lambda s: JSQ()}
    found = [
        drops(graph, rule, delay=d, replications=replications, seed=seed, largest_delay=max(delays))["jsq"]
        for d in delays
    ]
    early = (found[-1].mean - found[0].mean) / (delays[-1] - delays[0])
    late = (found[-1].mean - found[-2].mean) / (delays[-1] - delays[-2])
    claim = Claim(
        "JSQ's losses level off with the delay: slope at the end over mean slope",
        "starts to converge",
        round(late / early, 3),
        verdict=_verdict(late < 0.5 * early),
        note="the printed size, o_t = 100 and N = 100, is a torus of side 10",
    )
    panel = Panel("JSQ on the torus 10 x 10", X, Y, (curve("jsq", delays, found),))
    return Report(
        "balancing.figure3a", "JSQ over delays", f"{SOURCE}, figure 3a", (claim,), (panel,), scale, seed
    )


def figure5(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The cycle at six sizes: which policy is best at which delay."""
    choice("scale", scale, SCALES)
    sizes = (9, 21, 91, 901, 3501, 5001) if scale == "paper" else (101,)
    delays = (1, 3, 5, 7, 10) if scale == "paper" else (1, 5, 10)
    claims, panels = [], []
    for nodes in sizes:
        replications = max(200, 400_000 // nodes) if scale == "paper" else max(200, 40_000 // nodes)
        values = sweep(cycle(nodes), delays, min(replications, 20_000), seed)
        panels.append(_panel(f"cycle of {nodes}", delays, values))
        claims += _ranking(f"cycle of {nodes}", delays, values)
    return Report(
        "balancing.figure5",
        "Policies on the cycle",
        f"{SOURCE}, figure 5",
        tuple(claims),
        tuple(panels),
        scale,
        seed,
    )


def _ranking(where: str, delays: tuple[int, ...], values: dict[str, list[Value]]) -> list[Claim]:
    """Hold the paper's ranking of policies against ours: JSQ at delay 1, MF-R between, random at 8 to 10."""
    at = {d: {name: v[i] for name, v in values.items()} for i, d in enumerate(delays)}
    rnd = "random" if "random" in values else "own"
    claims = []
    if 1 in at:
        first = at[1]
        # Like with like: both policies per packet, or both with one action for the epoch.
        packet, action = (
            first[jsq].below(first[mfr]) and first[jsq].below(first[rnd])
            for jsq, mfr in (("jsq, ties split", "mf-r"), ("jsq", "mf-r, one action"))
        )
        text = ", ".join(f"{n} {v}" for n, v in first.items())
        verdict: Verdict = "ambiguous" if packet != action else _verdict(packet)
        note = f"per packet {'true' if packet else 'false'}, one action {'true' if action else 'false'}"
        claims.append(
            Claim(f"{where}, delay 1: JSQ is best", "JSQ best, MF-R close", text, verdict=verdict, note=note)
        )
    for d in (d for d in delays if 3 <= d <= 7):
        now = at[d]
        best = all(now["mf-r"].below(now[n]) for n in ("jsq", "jsq, ties split", rnd))
        text = ", ".join(f"{n} {v}" for n, v in now.items())
        claims.append(Claim(f"{where}, delay {d}: MF-R is best", "MF-R best", text, verdict=_verdict(best)))
    for d in (d for d in delays if d >= 8):
        packet, action, base = at[d]["mf-r"], at[d]["mf-r, one action"], at[d][rnd]
        one_of_two: Verdict = (
            "ambiguous" if packet.apart(base) and not action.apart(base) else "not reproduced"
        )
        claims.append(
            Claim(
                f"{where}, delay {d}: MF-R coincides with random",
                "coincide",
                f"per packet {packet}, one action {action}, random {base}",
                verdict=one_of_two if packet.apart(base) else "reproduced",
                note="drawn per packet the best table stays better; with one action for the epoch offloading"
                " only loses at such delays, so its best table is the own queue: random on regular graphs",
            )
        )
    return claims


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
    """Cycle, cube-connected cycles, torus, configuration model; at smoke scale only small last two."""
    delays = _delays(scale)
    paper = scale == "paper"
    # Most of the time is compilation, so the small scale leaves out what resembles another panel.
    graphs = {"a": cycle(5001), "b": ccc(9)} if paper else {}
    graphs["c"] = torus(70 if paper else 11)
    graphs["d"] = configuration(5001 if paper else 101, (2, 3), seed=1)
    claims, panels = [], []
    for letter, graph in graphs.items():
        values = sweep(graph, delays, 200, seed)
        panels.append(_panel(f"({letter}) {graph.name}", delays, values))
        claims += _ranking(graph.name, delays, values)
        if "random" in values:
            apart = values["own"][-1].below(values["random"][-1])
            text = f"own {values['own'][-1]}, random {values['random'][-1]}"
            what = f"{graph.name}: own queue and random differ"
            claims.append(Claim(what, "differ by the degrees", text, verdict=_verdict(apart)))
    return Report(
        "balancing.figure7",
        "Four topologies",
        f"{SOURCE}, figure 7",
        tuple(claims),
        tuple(panels),
        scale,
        seed,
    )


def figure8(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The Bethe lattice: does MF-R end worse than own queue?"""
    delays = _delays(scale)
    graph = bethe(11 if scale == "paper" else 6, 3)
    values = sweep(graph, delays, 200, seed)
    last = {name: v[-1] for name, v in values.items()}
    text = ", ".join(f"{n} {v}" for n, v in last.items())
    nothing = drops(
        graph,
        {"zeta = 0": lambda s: Table(jnp.zeros(6))},
        delay=delays[-1],
        replications=50,
        seed=seed,
    )
    claims = (
        Claim(
            "delay 10: MF-R is worse than own queue",
            "worse",
            text,
            verdict=_verdict(last["own"].below(last["mf-r"])),
            note="own queue is the table zeta = 0"
            f" ({nothing['zeta = 0']} by simulation), so the best table cannot lose to it; the crossing in"
            " the paper is an effect of training on another graph",
        ),
        Claim(
            "delay 10: random is worse than own queue",
            "worse",
            text,
            verdict=_verdict(last["own"].below(last["random"])),
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
