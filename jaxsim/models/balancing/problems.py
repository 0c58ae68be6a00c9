"""What can be solved rather than simulated, for the command line."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from jaxsim.core.validation import choice, integer, non_negative, positive, scalar
from jaxsim.models.balancing import meanfield, theory
from jaxsim.models.balancing.fresh import fresh_jsq
from jaxsim.models.balancing.graphs import Graph, bethe, ccc, configuration, cycle, torus
from jaxsim.models.balancing.model import fair_rates
from jaxsim.models.balancing.policies import reading_of
from jaxsim.models.balancing.search import best_table
from jaxsim.models.balancing.system import assemble

GRAPHS = ("cycle", "torus", "ccc", "configuration", "bethe")


def _graph(topology: Any, nodes: Any, side: Any) -> Graph:
    """Return a graph of moderate size: the laws of a node depend on its surroundings only."""
    nodes, side = integer("nodes", nodes, low=4, high=5000), integer("side", side, low=3, high=70)
    make = {
        "cycle": lambda: cycle(nodes),
        "torus": lambda: torus(side),
        "ccc": lambda: ccc(5),
        "configuration": lambda: configuration(nodes, (2, 3), seed=1),
        "bethe": lambda: bethe(7, 3),
    }
    return make[choice("topology", topology, GRAPHS)]()


def own(
    *, delay: Any = 5.0, buffer: Any = 5, service_rate: Any = 1.0, arrival_rates: Any = (0.9, 0.6),
    switch: Any = theory.SWITCH, horizon: Any = 50.0,
) -> dict[str, Any]:  # fmt: skip
    """Return the exact expected drops per queue of the own-queue policy, from empty.

    Over ceil(horizon / delay) whole epochs: ``drops_per_node`` scaled to the horizon, ``whole_epochs`` not.
    """
    keys = {"buffer": buffer, "service_rate": service_rate, "arrival_rates": arrival_rates, "switch": switch}
    found = theory.constant_rates(delay=delay, horizon=horizon, **keys)
    count, scale = theory.epochs_of(scalar("horizon", horizon, positive), scalar("delay", delay, positive))
    stationary = theory.stationary_drops(delay=delay, **keys)
    return {
        "drops_per_node": found["drops_per_node"],
        "whole_epochs": found["drops_per_node"] / scale,
        "epochs": count,
        "drops_per_time_in_the_long_run": stationary["drops_per_time"],
        "the_same_for_long_delays": stationary["limit"],
    }


def random(
    *, topology: Any = "configuration", nodes: Any = 1001, side: Any = 11, delay: Any = 5.0, buffer: Any = 5,
    arrival_rates: Any = (0.9, 0.6),
) -> dict[str, Any]:  # fmt: skip
    """Return the exact expected drops of random routing: a mean over the graph's relative arrival rates."""
    rates, counts = np.unique(fair_rates(_graph(topology, nodes, side)), return_counts=True)
    keys = {"delay": delay, "buffer": buffer, "arrival_rates": arrival_rates}
    found = theory.constant_rates(relative=rates, weights=counts / counts.sum(), **keys)
    return {
        "drops_per_node": found["drops_per_node"],
        "own_queue": theory.constant_rates(**keys)["drops_per_node"],
        "relative_rates": rates.tolist(),
        "shares": (counts / counts.sum()).tolist(),
    }


def jsq(
    *, nodes: Any = 4, buffer: Any = 5, service_rate: Any = 1.0, arrival_rates: Any = (0.9, 0.6),
    switch: Any = theory.SWITCH, horizon: Any = 50.0,
) -> dict[str, Any]:  # fmt: skip
    """Return the exact drops per queue of JSQ on a small cycle as the delay tends to 0, from empty."""
    keys = {"service_rate": service_rate, "arrival_rates": arrival_rates, "switch": switch}
    return dict(fresh_jsq(nodes=nodes, buffer=buffer, horizon=horizon, **keys))


def mean_field(
    *, zeta: Any = (0.04, 0.137, 0.281, 0.448, 0.638, 0.871), delay: Any = 5.0, method: Any = "pair"
) -> dict[str, Any]:
    """Return drops on a large cycle under a table, by ``pair`` approximation or as ``independent`` nodes."""
    return dict(meanfield.cycle_law(zeta=zeta, delay=delay, method=method))


def table(
    *, topology: Any = "cycle", nodes: Any = 128, side: Any = 11, delay: Any = 5.0, buffer: Any = 5,
    arrival_rates: Any = (0.9, 0.6), horizon: Any = 50.0, iterations: Any = 80, samples: Any = 1 << 18,
    seed: Any = 0, reading: Any = "packet",
) -> dict[str, Any]:  # fmt: skip
    """Return the best offload probabilities by own state, found by the score-function search.

    ``reading``: ``packet`` (default) or ``epoch``, one action for all packets of an epoch.
    ``drops_per_node`` is a mean over the search's last steps, at tables close to the best one; simulate the
    table (``--policy zeta zeta=...``) for an interval.
    """
    graph = _graph(topology, nodes, side)
    non_negative("arrival_rates", arrival_rates)
    system = assemble(graph, delay=delay, buffer=buffer, arrival_rates=arrival_rates)
    span = scalar("horizon", horizon, positive)
    system = dataclasses.replace(system, kernel=dataclasses.replace(system.kernel, horizon=span))
    steps, size = integer("iterations", iterations, low=2), integer("samples", samples, low=1)
    zeta, values = best_table(
        system,
        graph,
        iterations=steps,
        samples=size,
        seed=integer("seed", seed, low=0),
        reading=reading_of(reading),
    )
    late = values[len(values) // 2 :]
    return {"zeta": np.round(zeta, 4).tolist(), "drops_per_node": float(np.mean(late))}
