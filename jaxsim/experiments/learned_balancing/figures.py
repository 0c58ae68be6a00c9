"""Figures 5 to 8 and 10b with the shipped networks, beside JSQ, random, own queue and the best table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxsim.core.validation import choice
from jaxsim.experiments.balancing.measure import SOURCE, Value, curve, drops
from jaxsim.experiments.learned_balancing.policies import stand_in
from jaxsim.models.balancing import JSQ, SED, Random
from jaxsim.models.balancing.graphs import Graph, bethe, ccc, configuration, cycle, torus
from jaxsim.models.balancing.learned import learned as best_table
from jaxsim.results.report import Claim, Panel, Report, Verdict

SCALES = ("smoke", "paper")
DELAYS = (1, 3, 5, 7, 10)
X, Y = "delay", "packets lost per queue in 50 time units"
MAKERS: dict[str, Callable[..., Any]] = {
    "mf-r": stand_in,
    "na-ps": functools.partial(stand_in, view="nodes"),
    "mf-n": functools.partial(stand_in, view="mf-n"),
    "best table": best_table,
    "jsq": lambda system: JSQ(),
    "random": lambda system: Random(),
    "sed": lambda system: SED(),
}


def verdict(holds: bool) -> Verdict:
    """Return the verdict of a statement."""
    return "reproduced" if holds else "not reproduced"


def measured(
    graph: Graph, names: tuple[str, ...], delays: tuple[int, ...], replications: int, seed: int, **keys: Any
) -> dict[str, list[Value]]:
    """Return drops of every policy over the delays, own queue first."""
    rules = {name: MAKERS[name] for name in names}
    found = [
        drops(
            graph, rules, delay=d, replications=replications, seed=seed, largest_delay=max(delays), **keys
        )
        for d in delays
    ]  # fmt: skip
    return {name: [f[name] for f in found] for name in found[0]}


def listed(values: Mapping[str, Value]) -> str:
    """Return values by name, as text."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def near_best(where: str, delay: int, now: Mapping[str, Value]) -> Claim:
    """Return how far the learned MF-R is from the best table, which the paper does not know."""
    mine, best = now["mf-r"], now["best table"]
    share = 100.0 * (mine.mean / best.mean - 1.0)
    half = 100.0 * float(np.hypot(mine.half_width, best.half_width)) / best.mean
    what = f"{where}, delay {delay}: learned MF-R above the best table, per cent"
    note = "the table is searched with the score function; at most 1 per cent is asked for"
    return Claim(what, None, round(share, 3), round(half, 3), verdict(share - half <= 1.0), note)


def ranking(where: str, delays: tuple[int, ...], values: dict[str, list[Value]]) -> list[Claim]:
    """Hold the paper's ranking against ours: JSQ at delay 1, MF-R from 3 to 7, random at 10."""
    base = "random" if "random" in values else "own"
    claims = []
    for i, delay in enumerate(delays):
        now = {name: v[i] for name, v in values.items()}
        claims.append(near_best(where, delay, now))
        mine = now["mf-r"]
        if delay == 1:
            holds, what, paper = now["jsq"].below(mine), "JSQ is best", "JSQ best, MF-R close"
        elif delay <= 7:
            what, paper = "MF-R is best", "MF-R best"
            holds = all(mine.below(now[name]) for name in ("jsq", base))
        else:
            holds, what, paper = not mine.apart(now[base]), "MF-R coincides with random", "coincide"
        claims.append(Claim(f"{where}, delay {delay}: {what}", paper, listed(now), verdict=verdict(holds)))
        if "na-ps" in now:
            never = not now["na-ps"].below(mine)
            about = f"{where}, delay {delay}: NA-PS does not beat MF-R"
            text = f"na-ps {now['na-ps']}, mf-r {mine}"
            claims.append(Claim(about, "unable to outperform", text, verdict=verdict(never)))
    return claims


def panel(title: str, x: tuple[float, ...], values: Mapping[str, list[Value]], **keys: Any) -> Panel:
    """Return the curves of a figure."""
    curves = tuple(curve(name, x, v) for name, v in values.items())
    return Panel(title, keys.pop("x_name", X), Y, curves, **keys)


def _report(number: str, title: str, claims: Any, panels: Any, scale: str, seed: int) -> Report:
    about = f"{SOURCE}, figure {number}"
    return Report(f"balancing.learned{number}", title, about, tuple(claims), tuple(panels), scale, seed)


def learned5(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The cycle at six sizes, with all curves of the figure: MF-R, NA-PS, JSQ, random, own queue."""
    paper = choice("scale", scale, SCALES) == "paper"
    sizes, delays = ((9, 21, 91, 901, 3501, 5001), DELAYS) if paper else ((101,), (1, 5, 10))
    claims, panels = [], []
    for nodes in sizes:
        count = min(20_000, max(200, 400_000 // nodes)) if paper else 2000
        names = ("mf-r", "na-ps", "best table", "jsq")
        values = measured(cycle(nodes), names, delays, count, seed)
        claims += ranking(f"cycle of {nodes}", delays, values)
        panels.append(panel(f"cycle of {nodes}", delays, values))
    return _report("5", "Learned policies on the cycle", claims, panels, scale, seed)


def learned6(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The learned MF-R over sizes of the cycle at delay 5, with the return on the graph of its training."""
    paper = choice("scale", scale, SCALES) == "paper"
    sizes = (5, 9, 21, 51, 101, 501, 2001, 5001) if paper else (21, 101)
    total = 4_000_000 if paper else 200_000
    found = [
        measured(cycle(n), ("mf-r",), (5,), min(20_000, max(200, total // n)), seed)["mf-r"][0] for n in sizes
    ]
    trained = found[sizes.index(101)]
    apart = [n for n, v in zip(sizes, found, strict=True) if n >= 21 and v.apart(trained)]
    text = ", ".join(f"N {n}: {v}" for n, v in zip(sizes, found, strict=True))
    note = "10 epochs reach 10 nodes to each side: from N = 21 on the mean is the same number for all N"
    claim = Claim(
        "converges to the value at N = 101", "converges", text, verdict=verdict(not apart), note=note
    )
    values = {"mf-r": found, "trained at 101": [trained] * len(sizes)}
    shown = panel("learned MF-R, delay 5", sizes, values, x_name="nodes", log_x=True)
    return _report("6", "Learned MF-R over sizes", (claim,), (shown,), scale, seed)


def learned7(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Cycle, cube-connected cycles, torus and configuration model; smoke: the last two, small."""
    paper = choice("scale", scale, SCALES) == "paper"
    graphs = {"c": torus(70 if paper else 11), "d": configuration(5001 if paper else 101, (2, 3), seed=1)}
    graphs |= {"a": cycle(5001), "b": ccc(9)} if paper else {}
    delays = DELAYS if paper else (5,)
    claims, panels = [], []
    for letter, graph in sorted(graphs.items()):
        regular = bool(np.all(graph.degrees == graph.degrees[0]))
        names = ("mf-r", "best table", "jsq", *(() if regular else ("random",)))
        values = measured(graph, names, delays, 200 if paper else 1000, seed)
        other = "" if letter == "a" else ", the cycle's network"
        claims += ranking(f"{graph.name}{other}", delays, values)
        panels.append(panel(f"({letter}) {graph.name}{other}", delays, values))
    return _report("7", "Learned MF-R on four topologies", claims, panels, scale, seed)


def learned8(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The Bethe lattice: does the learned MF-R end worse than own queue?"""
    paper = choice("scale", scale, SCALES) == "paper"
    graph, delays = bethe(11 if paper else 6, 3), DELAYS if paper else (3, 10)
    values = measured(graph, ("mf-r", "best table", "jsq", "random"), delays, 200, seed)
    first, last = ({n: v[i] for n, v in values.items()} for i in (delays.index(3), -1))
    claims = (
        Claim(
            "delay 3: MF-R (the cycle's network) is best", "outperforms", listed(first),
            verdict=verdict(all(first["mf-r"].below(first[n]) for n in ("jsq", "random", "own"))),
        ),
        Claim(
            "delay 10: MF-R (the cycle's network) is worse than own queue", "worse", listed(last),
            verdict=verdict(last["own"].below(last["mf-r"])),
            note="own queue is the table of zeros, so the best table cannot lose to it; a network may",
        ),
    )  # fmt: skip
    panels = (panel(graph.name, delays, values),)
    return _report("8", "Learned MF-R on the Bethe lattice", claims, panels, scale, seed)


def learned10b(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Servers of rate 1 or 2 at random: the learned MF-R, trained with equal servers, beside SED."""
    paper = choice("scale", scale, SCALES) == "paper"
    graph, delays = cycle(1001 if paper else 60), DELAYS if paper else (1, 5)
    speeds = 1.0 + np.random.default_rng(1).permutation(np.arange(graph.nodes) % 2)
    names = ("mf-r", "sed", "jsq", "random")
    values = measured(graph, names, delays, 400 if paper else 200, seed, service_rate=speeds)
    pairs = (("mf-r", "jsq", "outperforms JSQ"), ("sed", "mf-r", "SED performs better"))
    claims = []
    for better, worse, said in pairs:
        wins = [d for d, a, b in zip(delays, values[better], values[worse], strict=True) if a.below(b)]
        what, found = f"{better} beats {worse}", "at delays " + ", ".join(map(str, wins)) if wins else "never"
        note = "the paper does not say at which delay nor on which graph"
        claims.append(Claim(what, said, found, verdict=verdict(len(wins) == len(delays)), note=note))
    panels = (panel(graph.name, delays, values),)
    return _report("10b", "Learned MF-R, unequal servers", claims, panels, scale, seed)
