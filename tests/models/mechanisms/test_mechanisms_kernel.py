"""Rounds of exchange: the kernel clears the economies that the solver clears, sees no more than it should,
says no.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.errors import UntrustworthyResult
from jaxsim.core.validation import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.mechanisms import kernel, policies
from jaxsim.models.mechanisms.price import price_equilibrium
from jaxsim.models.mechanisms.system import system
from jaxsim.models.mechanisms.tatonnement import tatonnement_equilibrium
from jaxsim.models.mechanisms.utilities import Logarithmic


def test_rounds_lead_to_the_equilibrium_prices():
    s = system(divisions=6, resources=3, tolerance=1e-5)
    spec = s.kernel.spec
    state = kernel.init(random.key(4).replication(0), spec, s.params)
    first = state.economy
    rule, words = policies.adaptive(s), jnp.zeros(6 * 5 + 3, jnp.uint32)
    advance = jax.jit(lambda state: kernel.step(words, spec, s.params, rule, state))
    for _ in range(200):
        prices = state.prices
        state, seen = advance(state)
        if seen["cleared"]:
            break
    assert seen["cleared"] == 1 and state.rounds == 0
    e = [np.asarray(v, np.float64) for v in first]
    exact = price_equilibrium(Logarithmic(e[0][:, None], e[1][:, None]), e[2], e[3])
    np.testing.assert_allclose(prices, exact.prices, rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(seen["welfare"], exact.welfare, rtol=1e-4)


def test_a_demand_depends_on_its_own_row_only():
    s = system(divisions=3, resources=2)
    e = kernel.init(random.key(0).replication(0), s.kernel.spec, s.params).economy
    slope = jax.jacobian(lambda w: kernel.demand(e._replace(weight=w), jnp.asarray([0.3, 0.2])))(e.weight)
    off = np.asarray(slope)[~np.eye(3, dtype=bool)]
    assert np.all(off == 0) and np.all(np.diagonal(slope) > 0)


def test_simulation_counts_rounds_and_messages():
    s = system(divisions=4, resources=2)
    found = simulate(s.kernel, policies.adaptive(s), s.params, replications=32, horizon=400.0, seed=2)
    rounds, messages = found.estimates["rounds_to_clear"], found.estimates["messages_to_clear"]
    np.testing.assert_allclose(messages.mean, rounds.mean * 2 * (1 + 4), rtol=1e-6)
    assert 3 < rounds.mean < 60 and found.estimates["abandoned"].mean == 0 and not found.status


def test_a_rule_that_cannot_clear_says_so():
    s = system(divisions=4, resources=3, patience=100)
    with pytest.raises(UntrustworthyResult, match="NOT_CONVERGED"):
        simulate(
            s.kernel, policies.multiplicative(s, gain=8.0), s.params, replications=4, horizon=300.0, seed=1
        )


def test_tatonnement_reaches_the_dual_newton_prices_and_reports_when_it_does_not():
    rng = np.random.default_rng(0)
    uses, supplies = rng.random((8, 3)) + 0.2, 8 * (0.5 + rng.random(3))
    utility = Logarithmic(5 * (0.5 + rng.random((8, 1))), 0.5 + rng.random((8, 1)))
    slow = tatonnement_equilibrium(utility, uses, supplies)
    np.testing.assert_allclose(slow.prices, price_equilibrium(utility, uses, supplies).prices, atol=1e-8)
    assert slow.rounds > 10
    stopped = tatonnement_equilibrium(utility, uses, supplies, limit=3)
    assert int(stopped.status) == 1 and np.all(np.isnan(stopped.prices)) and int(stopped.rounds) == 3


def test_bad_keys():
    with pytest.raises(InvalidInput, match="tolerance"):
        system(tolerance=1e-9)
    with pytest.raises(InvalidInput, match="gain"):
        policies.multiplicative(system(), gain=0)
