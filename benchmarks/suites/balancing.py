"""Load balancing with delayed information, epoch by epoch, beside event loops and epoch loops in C++.

The job is "100 replications of 50 time units on the cycle with N = 5001". The unit is a queue-epoch: what one
queue does between two decisions, whatever a program does for it (events, in Gillespie's method: about 7.5 at
delay 5, 1.5 at delay 1). The epoch kernel has no null events; uniformization has services of idle servers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from benchmarks.harness.ours import repeats_of, simulated
from benchmarks.harness.peers import program
from benchmarks.harness.rows import Case, Row
from jaxsim.models.balancing import JSQ, Own, Random, assemble
from jaxsim.models.balancing.graphs import cycle, torus
from jaxsim.models.balancing.learned import learned
from jaxsim.models.balancing.theory import constant_rates

NODES, REPLICATIONS, HORIZON = 5001, 100, 50.0
GILLESPIE = {"own": 0, "jsq": 1, "random": 2, "jsq, ties split": 3}
OTHERS = (
    ("C++ uniformized", "balancing_uniformized"),
    ("C++ epochs", "balancing_epochs"),
    ("C++ 64 lanes, SIMD", "balancing_lanes"),
)
LONG = (
    (cycle(NODES), "own"), (cycle(NODES), "table"), (cycle(NODES), "jsq"),
    (torus(70), "table"), (torus(70), "jsq"),
)  # fmt: skip
DROPS = {"drops_per_node": "drops_per_node"}


def cases(quick: bool) -> Iterator[Case]:
    """All of the suite."""
    for delay in (5.0,) if quick else (5.0, 1.0):
        for name in ("own", "jsq") if quick else GILLESPIE:
            yield job(delay, name, quick)
    for graph, name in () if quick else LONG:
        yield long_paths(graph, name)
    for name in ("own", "jsq"):
        for nodes in (100, 1000) if quick else (100, 1000, 10_000, 100_000, 1_000_000):
            yield point(name, nodes, max(16, min(512, 640_000 // nodes)), "size", quick)
        for replications in (1, 64) if quick else (1, 8, 64, 512, 4096):
            yield point(name, 1000, replications, "replications", quick)


def policy_of(name: str, system: Any) -> Any:
    """A policy by the name that the table shows."""
    makers = {
        "own": Own, "jsq": JSQ, "random": Random, "jsq, ties split": functools.partial(JSQ, "packet"),
        "table": lambda: learned(system),
    }  # fmt: skip
    return makers[name]()


def ours(graph: Any, delay: float, name: str, replications: int, horizon: float, repeats: int) -> Row:
    """Time the epoch kernel."""
    system = assemble(graph, delay=delay)
    return simulated(
        system, policy_of(name, system), DROPS, replications=replications, horizon=horizon, nodes=graph.nodes,
        repeats=repeats,
    )  # fmt: skip


def exact(delay: float, name: str, horizon: float = HORIZON) -> dict[str, float]:
    """Drops of a queue with constant arrival rates: what own queue and random are on a regular graph."""
    if name not in ("own", "random"):
        return {}
    return {"drops_per_node": float(constant_rates(delay=delay, horizon=horizon)["drops_per_node"])}


def job(delay: float, name: str, quick: bool) -> Case:
    """The job beside the C++ programs."""
    repeats, epochs = repeats_of(quick), round(HORIZON / delay)
    rows = [ours(cycle(NODES), delay, name, REPLICATIONS, HORIZON, repeats)]

    def run(who: str, source: str, policy: int) -> Row:
        return program(
            source, lambda seed: [NODES, REPLICATIONS, epochs, delay, seed, policy], who, 2 if quick else 3
        )

    rows.append(run("C++ Gillespie", "balancing_gillespie", GILLESPIE[name]))
    if GILLESPIE[name] < 2:
        rows += [run(who, source, GILLESPIE[name]) for who, source in OTHERS]
    title = f"cycle of {NODES}, delay {delay:g}, {name}, {REPLICATIONS} replications of 50 time units"
    return Case(title, "queue-epoch", tuple(rows), exact(delay, name), size=NODES, replications=REPLICATIONS)


def long_paths(graph: Any, name: str) -> Case:
    """Steady speed on long paths."""
    row = ours(graph, 5.0, name, 64, 1500.0, 3)
    return Case(f"{graph.name}, delay 5, {name}, 64 replications of 1500 time units", "queue-epoch", (row,))


def point(name: str, nodes: int, replications: int, along: str, quick: bool) -> Case:
    """One point of a curve: so many epochs that the speed is steady."""
    work = 1e7 if quick else 1e8
    epochs = max(10, round(work / nodes / replications))
    row = ours(cycle(nodes), 5.0, name, replications, 5.0 * epochs, 3)
    sweep = f"{name}, cycle{'' if along == 'size' else f' of {nodes}'}/{along}"
    return Case(
        f"{name}, cycle of {nodes}, {replications} replications", "queue-epoch", (row,),
        exact(5.0, name, 5.0 * epochs), sweep=sweep, size=nodes, replications=replications,
    )  # fmt: skip
