"""Drops per node of several policies on one graph, with the regime path's noise taken out.

What the own-queue policy is expected to lose given the regime path, C, is computed along every path
(`jaxsim.models.balancing.control`) and its mean is known, so it is a control variate for the drops X:

    mean(X) - b (mean(C) - E C),    b = Cov(X, C) / Var(C)

(bias of order 1 / replications). On large graphs it removes nearly all of the noise of smooth policies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxsim.engine import simulate
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import Graph
from jaxsim.models.balancing.theory import constant_rates
from jaxsim.results import Result
from jaxsim.results.report import Curve
from jaxsim.statistics import controlled_interval, mean_interval

MOST = 40.0
SOURCE = "Tahir, Cui, Koeppl (2023), Sparse mean field load balancing"


@dataclass(frozen=True)
class Value:
    """An estimate with the half-width of its 95 % interval (0 if exact), and the latter without control."""

    mean: float
    half_width: float
    plain: float

    def __str__(self) -> str:
        """Return mean and half-width."""
        return f"{self.mean:.4g} ± {self.half_width:.2g}"

    def below(self, other: Value) -> bool:
        """Whether the value is smaller, with intervals apart."""
        return self.mean + self.half_width < other.mean - other.half_width

    def shortfall(self, precision: float) -> float:
        """Return how many times as many replications bring the half-width down to that share of the mean."""
        return (self.half_width / (precision * abs(self.mean))) ** 2

    def apart(self, other: Value) -> bool:
        """Whether the intervals have nothing in common."""
        return self.below(other) or other.below(self)


def drops(
    graph: Graph,
    policies: Mapping[str, Any],
    *,
    delay: float,
    replications: int,
    seed: int,
    horizon: float = 50.0,
    largest_delay: float | None = None,
    precision: float | None = None,
    **keys: Any,
) -> dict[str, Value]:
    """Return drops per node over the horizon of each policy (name -> function of the system).

    ``own`` comes first and is exact; it is not simulated. precision: where a half-width is a larger share of
    its mean than this, replications are added once, as many as that asks for, at most `MOST` times as many.
    """
    system = assemble(graph, delay=delay, largest_delay=largest_delay, control=True, **keys)
    exact = own_queue(graph, delay=delay, horizon=horizon, **keys)
    found = {"own": Value(exact, 0.0, 0.0)}
    for name, make in policies.items():
        policy = make(system)

        def value(count: int, policy: Any = policy) -> Value:
            result = simulate(
                system.kernel, policy, system.params, seed=seed, replications=count, horizon=horizon
            )
            return controlled(result, exact)

        found[name] = value(replications)
        more = found[name].shortfall(precision) if precision else 1.0
        if more > 1.0:
            found[name] = value(math.ceil(replications * min(1.1 * more, MOST)))
    return found


def own_queue(
    graph: Graph, *, delay: float, horizon: float = 50.0, buffer: Any = 5, service_rate: Any = 1.0,
    **keys: Any,
) -> float:  # fmt: skip
    """Return the exact drops of the own-queue policy, averaged over the kinds of servers."""
    keys.pop("redraw", None)
    kinds = np.stack([np.broadcast_to(np.asarray(x, float), (graph.nodes,)) for x in (buffer, service_rate)])
    (places, rates), counts = np.unique(kinds, axis=1, return_counts=True)
    each = [
        constant_rates(delay=delay, horizon=horizon, buffer=int(b), service_rate=float(mu), **keys)[
            "drops_per_node"
        ]
        for b, mu in zip(places, rates, strict=True)
    ]
    return float(np.average(each, weights=counts))


def controlled(result: Result, exact: float) -> Value:
    """Return the drops of a result made with ``control=True``; ``exact`` is the control variate's mean."""
    x, c = (
        result.samples[f"{name}.numerator"] / result.samples[f"{name}.denominator"]
        for name in ("drops_per_node", "own_queue_given_regimes")
    )
    e = controlled_interval(x, np.ones(x.size), c[:, None], np.array([exact]))
    return Value(e.mean, e.half_width, mean_interval(x).half_width)


def curve(label: str, x: Sequence[float], values: Sequence[Value]) -> Curve:
    """Return values along x as a curve with error bars."""
    return Curve(
        label,
        tuple(float(v) for v in x),
        tuple(v.mean for v in values),
        tuple(v.half_width for v in values),
    )
