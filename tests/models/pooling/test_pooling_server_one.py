"""Section 6.3: the best answer of a fully informed server, by policy iteration and by linear programming."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.precision import float64
from jaxsim.core.validation import InvalidInput
from jaxsim.models.pooling.theory import server_one
from jaxsim.models.pooling.theory.program import best_response_program
from jaxsim.models.pooling.theory.server_one import OFFER, SERVE, best_response_value

SMALL = {"longest_pool": 30, "longest_queue": 6}


def test_printed_gaps():
    rates, servers = (0.7, 0.8, 0.9, 0.7, 0.8), (8, 10, 18, 16, 18)
    found = best_response_value(rates, servers)
    assert np.all(found.optimum.converged)
    assert np.round(100 * found.gap, 2).tolist() == [4.43, 4.27, 4.01, 0.87, 0.89]
    assert float(found.optimum.value[0]) == pytest.approx(0.94963, abs=5e-6)
    # Charging q0/N after a service, as the stated lower bound would need, gives larger gaps.
    honest = best_response_value(rates, servers, reading="honest")
    assert np.round(100 * honest.gap, 2).tolist() == [5.33, 4.65, 4.14, 1.20, 1.02]


@pytest.mark.parametrize("reading", ["paper", "honest"])
def test_policy_iteration_agrees_with_linear_programming(reading):
    for rate, servers, cost in ((0.7, 4, 1.0), (0.5, 3, 0.5), (0.6, 6, 2.5)):
        options = {"processing_cost": cost, "reading": reading, **SMALL}
        # The program's own tolerance shows: its value falls below the minimum by up to 1e-8 here.
        program = best_response_program(rate, servers, **options)
        found = best_response_value(rate, servers, **options)
        assert float(found.optimum.value[0]) == pytest.approx(program.value, abs=3e-8)


@float64
def test_complete_pooling_evaluates_to_its_closed_form():
    game = server_one.Game(*map(jnp.asarray, (0.6, 5.0, 1.0, 0.0)))
    found = server_one.evaluate(server_one.complete_pooling(80, 4), game, jnp.asarray(0.3))
    assert float(found.cost) == pytest.approx(0.6 * (1 + 1 / (5 * 0.4)), rel=1e-10)
    assert abs(float(found.balance)) < 1e-12
    assert float(found.bias[0, 0]) == 0.0


@pytest.mark.slow
@float64
def test_derivatives_follow_by_the_envelope_theorem():
    def value(rate, cost):
        zero, servers = jnp.asarray(0.0), jnp.asarray(6.0)
        return server_one.optimum(server_one.Game(rate, servers, cost, zero), 31, 7).value

    at = (jnp.asarray(0.6), jnp.asarray(1.0))
    slope = jax.jit(jax.grad(value, (0, 1)))(*at)
    value = jax.jit(value)
    for i in range(2):
        ends = [[x + (sign * 1e-5 if j == i else 0.0) for j, x in enumerate(at)] for sign in (1, -1)]
        difference = (value(*ends[0]) - value(*ends[1])) / 2e-5
        assert float(slope[i]) == pytest.approx(float(difference), rel=1e-5)


def test_the_optimal_policy_waits_for_a_short_pool():
    found = best_response_value(0.7, 4, **SMALL).optimum
    sends = np.asarray(found.below.arrival[0])[:, 0]
    # Sends the job that comes while the pool is short, keeps it when the pool is long.
    assert sends[0] and not sends[29]
    assert np.all(np.diff(sends.astype(int)) <= 0)
    units = np.asarray(found.below.unit[0])
    assert units[0, 0] == OFFER and np.all(units[5:29, 1:4] == SERVE)


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"arrival_rates": 1.0, "servers": 5}, "arrival_rates"),
        ({"arrival_rates": 0.5, "servers": 1}, "servers"),
        ({"arrival_rates": 0.5, "servers": 5, "reading": "other"}, "reading"),
        ({"arrival_rates": 0.5, "servers": 5, "processing_cost": -1}, "processing_cost"),
    ],
)
def test_bad_numbers_are_refused(keys, field):
    with pytest.raises(InvalidInput, match=f"^{field}"):
        best_response_value(**keys)
