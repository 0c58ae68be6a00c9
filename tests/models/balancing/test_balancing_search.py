"""The search for tables: its gradient against differences of exact values, and the optima it finds."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.balancing import Table, assemble
from jaxsim.models.balancing.graphs import configuration, cycle
from jaxsim.models.balancing.learned import learned, table_for
from jaxsim.models.balancing.search import balls, best_table, cone
from jaxsim.models.balancing.theory import constant_rates

OPTIMA = {1: 1.306, 3: 2.181, 5: 2.819, 7: 3.186, 10: 3.287}
"""Drops of the best static table on the cycle, by an independent program."""


def controlled(table: np.ndarray, delay: float, replications: int) -> tuple[float, float]:
    """Mean and standard error of drops on a large cycle, with own queue's exact mean as control variate."""
    s = assemble(cycle(512), delay=delay)

    def sampled(zeta: np.ndarray) -> np.ndarray:
        r = simulate(s.kernel, Table(jnp.asarray(zeta, jnp.float32)), s.params, replications=replications)
        return r.samples["drops_per_node.numerator"] / r.samples["drops_per_node.denominator"]

    x, y = sampled(table), sampled(np.zeros(6))
    slope = np.cov(x, y)[0, 1] / y.var(ddof=1)
    z = x - slope * (y - constant_rates(delay=delay)["drops_per_node"])
    return float(z.mean()), float(z.std(ddof=1) / np.sqrt(z.size))


def test_search_finds_the_best_table_from_scratch() -> None:
    graph = cycle(64)
    table, _ = best_table(assemble(graph, delay=5), graph, iterations=60, samples=1 << 16)
    mean, error = controlled(table, 5.0, 1500)
    # Within 0.5 % of the optimum, and 4 standard errors: false alarm 6e-5.
    assert abs(mean - OPTIMA[5]) < 0.005 * OPTIMA[5] + 4 * error


@pytest.mark.slow
@pytest.mark.parametrize("delay", OPTIMA)
def test_search_and_shipped_tables_at_every_delay(delay: int) -> None:
    graph = cycle(128)
    found, _ = best_table(assemble(graph, delay=delay), graph)
    for table in (found, table_for("cycle", delay)):
        mean, error = controlled(table, float(delay), 6000)
        assert abs(mean - OPTIMA[delay]) < 0.005 * OPTIMA[delay] + 3 * error


def test_balls_and_cone() -> None:
    rings = balls(cycle(9), 3)
    assert [r.shape[1] for r in rings] == [3, 5, 7]
    excess = np.random.default_rng(0).normal(size=(6, 9)).astype(np.float32)
    ours = np.asarray(cone(jnp.asarray(excess), tuple(jnp.asarray(r) for r in rings), 4))
    want = np.zeros((6, 9))
    for t in range(6):
        for j in range(9):
            for lag in range(1, 5):
                for step in range(-min(lag, 3), min(lag, 3) + 1):
                    if t + lag < 6:
                        want[t, j] += excess[t + lag, (j + step) % 9]
    np.testing.assert_allclose(ours, want, atol=1e-4)
    irregular = balls(configuration(20, (2, 3), seed=1), 1)[0]
    assert all(j in irregular[j] for j in range(20))


def test_shipped_tables_fit_their_system() -> None:
    for topology in ("cycle", "torus", "ccc", "bethe", "configuration"):
        assert np.all((table_for(topology, 5.0) >= 0) & (table_for(topology, 5.0) <= 1))
    between = table_for("cycle", 4.5)
    np.testing.assert_allclose(between, (table_for("cycle", 4) + table_for("cycle", 5)) / 2)
    with pytest.raises(InvalidInput, match="buffer"):
        learned(assemble(cycle(9), buffer=7))
    with pytest.raises(InvalidInput, match="service_rate"):
        s = assemble(cycle(4), service_rate=[1, 2, 1, 2])
        best_table(dataclasses.replace(s), cycle(4))
