"""The learned policy: equivariant, for any number of users, near the exact solver; weights load safely."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.core.random import key
from jaxsim.experiments.pricing_games import instances
from jaxsim.experiments.pricing_games.policy import WEIGHTS, learned
from jaxsim.models.pricing import network
from jaxsim.models.pricing.market import Observation, Terms
from jaxsim.models.pricing.policies import cheapest
from jaxsim.models.pricing.system import system

VARIABLES = network.load(WEIGHTS.read_bytes())


def reordered(seen, order):
    rows = {name: getattr(seen, name)[order] for name in ("level", "order", "share", "position")}
    return network.Situation(**rows, log_workload=seen.log_workload, regime=seen.regime)


def test_shares_follow_a_permutation_of_the_users():
    seen = jax.jit(lambda: instances.situation(key(1).replication(0), 6, jnp.int32(2)))()
    order = jnp.array([3, 0, 5, 1, 4, 2])
    shares = jax.jit(network.log_shares)
    there = shares(VARIABLES, reordered(seen, order))
    np.testing.assert_allclose(there, shares(VARIABLES, seen)[order], atol=2e-5)
    assert float(jnp.sum(jnp.exp(there))) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("users", "mean", "worst"), [(2, 2e-4, 2e-3), (12, 2e-3, 2e-2)])
def test_regret_is_small_and_never_negative(users, mean, worst):
    """The untrained network has a mean regret of about 0.3 to 0.9 % and a 99th percentile of 7 to 20 %."""
    run = jax.jit(jax.vmap(lambda v, n: instances.regret(v, key(5).replication(n), users, n % 3), (None, 0)))
    found = np.asarray(run(VARIABLES, jnp.arange(1024)))
    assert found.min() > -1e-5, "cheaper than the exact solver"
    assert found.mean() < mean and np.percentile(found, 99) < worst
    assert np.asarray(run(network.start(), jnp.arange(1024))).mean() > 3 * found.mean()


def test_the_policy_selects_the_pair_of_the_exact_game_with_its_queues():
    here = system(users=3, reference="none")
    users = here.params.users
    prices = (3.0, 1.1, 0.6)
    terms = Terms(
        tuple(users.mu), tuple(users.rate[0, 0]), *map(tuple, (users.initial_prices, users.lower_prices)),
        tuple(users.upper_prices), market=here.kernel.spec.market,
    )  # fmt: skip
    w = jnp.float32(1500.0)
    prices = tuple(jnp.float32(p) for p in prices)
    seen = Observation(w, tuple(users.mu * 500.0), prices, jnp.asarray(False), 0, terms)
    action = jax.jit(lambda o: learned(here)(None, o))(seen)
    queues, pair = cheapest(terms, prices, w)
    assert int(action.coalition) == int(pair)
    np.testing.assert_allclose(jnp.stack(action.queues), jnp.stack(queues), rtol=0.05, atol=0.05)
    held = sum(float(q / m) for q, m in zip(action.queues, users.mu, strict=True))
    assert held == pytest.approx(1500, rel=1e-5)
    first, second = here.kernel.spec.market.coalitions[int(pair)]
    rates = learned(here).rates(seen, action, (first, second))
    assert float(sum(rates)) == pytest.approx(2000, rel=1e-5)


def test_weights_survive_a_round_trip_and_damaged_ones_are_refused(tmp_path):
    again = network.load(network.save(VARIABLES))
    assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (again, VARIABLES)), strict=True))
    other = network.SharesNetwork(features=3).init(jax.random.key(0), jnp.zeros((2, network.CHANNELS)))
    for data in (b"", b"no msgpack", network.save(other), network.save({"params": {}})):
        with pytest.raises(InvalidInput, match="weights"):
            network.load(data)
    with pytest.raises(InvalidInput, match="cannot be read"):
        learned(system(), weights=str(tmp_path / "none"))
