"""Drops per node of several policies on one graph, with the regime path's noise taken out.

The arrival regimes are drawn from a stream that all policies share, and the own-queue policy's mean is known
exactly, so its sampled drops Y are a control variate for any policy's drops X under the same seed:

    mean(X) - b (mean(Y) - exact),    b = Cov(X, Y) / Var(Y)

(bias of order 1 / replications). On large graphs it removes nearly all of the noise of smooth policies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxsim.engine import simulate
from jaxsim.models.balancing import Own, assemble
from jaxsim.models.balancing.graphs import Graph
from jaxsim.models.balancing.theory import constant_rates
from jaxsim.results.report import Curve
from jaxsim.statistics import student_t

SOURCE = "Tahir, Cui, Koeppl (2023), Sparse mean field load balancing"


@dataclass(frozen=True)
class Value:
    """An estimate with the half-width of its 95 % interval (0 if exact)."""

    mean: float
    half_width: float

    def __str__(self) -> str:
        """Return mean and half-width."""
        return f"{self.mean:.4g} ± {self.half_width:.2g}"

    def below(self, other: Value) -> bool:
        """Whether the value is smaller, with intervals apart."""
        return self.mean + self.half_width < other.mean - other.half_width


def drops(
    graph: Graph,
    policies: Mapping[str, Any],
    *,
    delay: float,
    replications: int,
    seed: int,
    horizon: float = 50.0,
    largest_delay: float | None = None,
    equal_servers: bool = True,
    **keys: Any,
) -> dict[str, Value]:
    """Return drops per node over the horizon of each policy (name -> function of the system).

    ``own`` is exact where servers are equal, and is then the control variate of all others.
    """
    system = assemble(graph, delay=delay, largest_delay=largest_delay, **keys)

    def sampled(policy: Any) -> np.ndarray:
        result = simulate(
            system.kernel, policy, system.params, seed=seed, replications=replications, horizon=horizon
        )
        return result.samples["drops_per_node.numerator"] / result.samples["drops_per_node.denominator"]

    control = sampled(Own())
    if not equal_servers:
        plain = {name: _estimate(sampled(make(system))) for name, make in policies.items()}
        return {"own": _estimate(control), **plain}
    exact = constant_rates(delay=delay, horizon=horizon, **keys)["drops_per_node"]
    found = {name: _estimate(sampled(make(system)), control, exact) for name, make in policies.items()}
    return {"own": Value(exact, 0.0), **found}


def _estimate(x: np.ndarray, control: np.ndarray | None = None, exact: float = 0.0) -> Value:
    used = 1
    if control is not None and np.var(control) > 0:
        slope = np.cov(x, control)[0, 1] / np.var(control, ddof=1)
        x = x - slope * (control - exact)
        used = 2
    error = np.std(x, ddof=used) / np.sqrt(x.size)
    return Value(float(np.mean(x)), float(student_t(0.95, x.size - used) * error))


def curve(label: str, x: Sequence[float], values: Sequence[Value]) -> Curve:
    """Return values along x as a curve with error bars."""
    return Curve(
        label,
        tuple(float(v) for v in x),
        tuple(v.mean for v in values),
        tuple(v.half_width for v in values),
    )
