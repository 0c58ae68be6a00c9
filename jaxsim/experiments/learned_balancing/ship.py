"""Train the policies that come with the package.

    python -m jaxsim.experiments.learned_balancing.ship [PATTERN] [FOLDER]

trains those whose names match (default ``*``) into a folder (default where the package keeps them), with the
seed and sizes below; the graphs are those of the paper's section 2.3, sizes corrected. Delays of one view and
graph share a compilation. The cycle's come with the package; other kinds of graph use the cycle's until
theirs are trained.
"""

from __future__ import annotations

import fnmatch
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxsim.engine.environment import environment
from jaxsim.experiments.learned_balancing.policies import SHIPPED
from jaxsim.experiments.training import Trained, write_policy
from jaxsim.learning.ppo import settings, train
from jaxsim.learning.ppo.evaluate import evaluate
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import Graph, bethe, ccc, configuration, cycle, torus
from jaxsim.models.balancing.views import seen_by

SEED = 0
LENGTH = 10
"""Steps of a replication in a batch, whatever the delay; values go on where an episode does."""
TEAM: dict[str, Any] = {"batch": 10000, "length": LENGTH}
NODES: dict[str, Any] = {"batch": 3000, "length": LENGTH, "updates": 100}
FEW: dict[str, Any] = {"batch": 40000, "length": LENGTH}
"""For NA-PS on 5 nodes; the paper uses batches of 50000."""
USUAL, ALL = (1, 3, 5, 7, 10), (1, 2, 3, 5, 7, 10)
PLAN: tuple[tuple[str, str, tuple[int, ...], dict[str, Any]], ...] = (
    ("mf-r", "cycle", ALL, TEAM),
    ("mf-n", "cycle", ALL, NODES),
    ("nodes", "cycle", USUAL, FEW),
    ("mf-r", "torus", USUAL, TEAM),
    ("mf-r", "configuration", USUAL, TEAM),
    ("mf-r", "ccc", USUAL, TEAM),
    ("mf-r", "bethe", USUAL, TEAM),
    ("mf-g", "cycle", (5,), TEAM),
)


def graph_of(view: str, kind: str) -> Graph:
    """Return the graph that a policy is trained on."""
    if view == "nodes":
        return cycle(5)
    return {
        "cycle": lambda: cycle(101),
        "torus": lambda: torus(11),
        "ccc": lambda: ccc(5),
        "configuration": lambda: configuration(101, (2, 3), seed=1),
        "bethe": lambda: bethe(5, 3),
    }[kind]()


def trained(
    view: str, kind: str, delays: tuple[int, ...], most: int, how: dict[str, Any], seed: int
) -> Iterator[tuple[int, Trained]]:
    """Yield (delay, Trained) for each delay, with one compilation for all delays up to ``most``."""
    graph, (sizes, rates) = graph_of(view, kind), settings("fast", **how)
    env, _ = environment(*seen_by(view, assemble(graph, delay=most, largest_delay=most)))
    for delay in delays:
        params = env.params(assemble(graph, delay=delay, largest_delay=most).params)
        found = train(env, params, seed=seed, sizes=sizes, rates=rates)
        returns = evaluate(env, params, found.agent, found.policy, episodes=500, seed=seed + 1)
        request = {
            "family": "balancing", "view": view, "keys": {"graph": graph.name, "delay": delay},
            "algorithm": "ppo", "setting": "fast", "changes": how, "seed": seed,
        }  # fmt: skip
        yield delay, Trained(found, request, returns)


def main(pattern: str = "*", folder: str = str(SHIPPED), seed: str = str(SEED)) -> None:
    """Train what matches the pattern and write it."""
    for view, kind, delays, how in PLAN:
        wanted = tuple(d for d in delays if fnmatch.fnmatch(f"{view}-{kind}-{d}", pattern))
        if not wanted:
            continue
        clock = time.process_time()
        for delay, found in trained(view, kind, wanted, max(delays), how, int(seed)):
            write_policy(found, Path(folder) / f"{view}-{kind}-{delay}.npz")
            spent, done = time.process_time() - clock, found.training
            drops, half = -found.returns.mean, found.returns.half_width
            times = f"{done.seconds:.3g} CPU seconds of training, {spent:.3g} in all"
            print(f"{view}-{kind}-{delay}: {drops:.4f} ± {half:.2g} drops per node; {times}", flush=True)
            clock = time.process_time()


if __name__ == "__main__":
    main(*sys.argv[1:])
