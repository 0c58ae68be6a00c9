"""The dual-cost Pareto point against the closed form of two users, scipy and brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import elementwise

from jaxsim.core.precision import float64
from jaxsim.models.pricing.games import custom, dual, utilities

COUNT = 100_000


def instances(seed, dtype):
    """Prices over two decades, workloads over five, the paper's pair of utilities."""
    rng = np.random.default_rng(seed)
    p, mu = 10 ** rng.uniform(-1, 1, (2, COUNT)), 10 ** rng.uniform(-2, 0, (2, COUNT))
    w, c = 10 ** rng.uniform(0, 5, COUNT), 10 ** rng.uniform(2, 3.3, (2, COUNT))
    return tuple(x.astype(dtype) for x in (p, w, c, mu))


def pair(dtype):
    both = utilities.join(utilities.proportional_fair(), utilities.minimal_potential_delay())
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), both)


def solved(dtype, cost):
    utility, arguments = pair(dtype), instances(1, dtype)
    run = jax.vmap(lambda p, w, c, m: dual.pareto(utility, p, w, c, m, cost=cost), in_axes=-1, out_axes=-1)
    found = jax.device_get(jax.jit(run)(*map(jnp.asarray, arguments)))
    return found, [x.astype(np.longdouble) for x in arguments]


def stable_root(p, w, c, mu, cost):
    """(5.5) without cancellation, in extended precision; literally, D has one power of each price less."""
    price = p[0] ** 2 / p[1] ** 3 if cost == "paper" else p[0] / p[1] ** 2
    d = price * c[1] ** 3 / (2 * c[0] * mu[1] ** 2)
    first = 2 * w**2 / (2 * w / mu[0] + d + np.sqrt(d * (d + 4 * w / mu[0])))
    # the second by equal marginal costs, since w - q_1/mu_1 would cancel
    return first, mu[1] * np.sqrt(price * first * c[1] ** 3 / (2 * c[0] * mu[1] ** 2))


@pytest.mark.parametrize("cost", dual.COSTS)
def test_the_closed_form_of_two_users_to_1e_12(cost):
    with jax.enable_x64(True):
        found, arguments = solved(np.float64, cost)
    for ours, exact in zip(found.queues, stable_root(*arguments, cost), strict=True):
        assert float(np.max(np.abs(np.asarray(ours) / exact - 1))) < 1e-12
    assert float(np.max(found.residual)) < 1e-12


def test_single_precision_to_1e_5():
    found, arguments = solved(np.float32, "paper")
    for ours, exact in zip(found.queues, stable_root(*arguments, "paper"), strict=True):
        assert float(np.max(np.abs(np.asarray(ours) / exact - 1))) < 1e-5


def test_scipy_finds_the_same_multiplier_to_1e_12():
    """Chandrupatla's method on ln sum exp, bracketed as the solution is: all instances at once."""
    with jax.enable_x64(True):
        found, (p, w, c, mu) = solved(np.float64, "paper")
        levels = np.stack([np.log(p[0] ** 2 * mu[0] / c[0]), np.log(2 * p[1] ** 3 * mu[1] ** 2 / c[1] ** 3)])
    a, b = (levels + np.log(w) * np.array([[1], [2]])).astype(float)
    top = np.minimum(a, b)

    def missing(t, a, b):
        return np.logaddexp(t - a, (t - b) / 2)

    limits = {"xatol": 1e-14, "xrtol": 0, "fatol": 1e-15}
    ends = (top - 2 * np.log(2), top + 1e-9)
    root = elementwise.find_root(missing, ends, args=(a, b), tolerances=limits)
    first = np.exp(root.x - a + np.log(mu[0].astype(float) * w.astype(float)))
    assert np.max(np.abs(np.asarray(found.queues[0]) / first - 1)) < 1e-12


@float64
def test_many_users_meet_the_conditions_and_unserved_ones_stay_out():
    rng = np.random.default_rng(3)
    utility = utilities.fair(rng.uniform(0.5, 2, 12), rng.uniform(0.5, 4, 12))
    p, c, mu = rng.uniform(0.5, 2, 12), rng.uniform(100, 2000, 12), rng.uniform(0.05, 0.2, 12)
    c[3] = 0
    found = dual.pareto(utility, jnp.asarray(p), jnp.asarray(500.0), jnp.asarray(c), jnp.asarray(mu))
    assert found.queues[3] == 0 and found.log_cost[3] == -jnp.inf
    assert float(found.residual) < 1e-12
    np.testing.assert_allclose(np.sum(found.queues / mu), 500, rtol=1e-14)
    none = dual.pareto(utility, jnp.asarray(p), jnp.asarray(0.0), jnp.asarray(c), jnp.asarray(mu))
    assert np.all(none.queues == 0) and none.cost == 0
    gains = dual.unilateral_gains(utility, found, *map(jnp.asarray, (p, c, mu, 500.0)))
    assert float(np.max(gains)) < 1e-10 * float(found.cost)


@float64
def test_pools_agree_with_one_pool_and_with_brute_force():
    one = pair(np.float64)
    both = jax.tree.map(lambda x: jnp.stack([x, x]), one)
    p, w, mu = jnp.array([1.2, 0.7]), jnp.asarray(800.0), jnp.array([0.1, 0.05])
    half = jnp.array([[1000.0, 800.0], [0.0, 800.0]])
    pooled = jax.jit(dual.pareto_pools)(both, p, w, half, mu)
    # two equal pools double the cost of user 2, as one pool with a smaller rate does
    same = jax.jit(dual.pareto)(one, p, w, jnp.array([1000.0, 800.0 / 2 ** (1 / 3)]), mu)
    np.testing.assert_allclose(pooled.queues, same.queues, rtol=1e-12)
    np.testing.assert_allclose(pooled.cost, same.cost, rtol=1e-12)
    orders, decays = [[1.0, 2.0], [2.0, 1.0]], [[1.0, 3.0], [3.0, 1.0]]
    mixed = utilities.Power(both.coefficient, jnp.array(orders), jnp.array(decays))
    rates = jnp.array([[1000.0, 800.0], [600.0, 1500.0]])
    found = jax.jit(dual.pareto_pools)(mixed, p, w, rates, mu)
    assert float(found.residual) < 1e-12

    def cost(first):
        loads = jnp.stack([first, w - first])
        terms = jnp.exp(dual.levels(mixed, p, rates, mu)) * loads ** (mixed.order + 1) / (mixed.order + 1)
        return jnp.sum(terms)

    grid = found.queues[0] / mu[0] * jnp.linspace(0.9, 1.1, 2001)
    assert float(jnp.min(jax.vmap(cost)(grid))) >= float(found.cost) * (1 - 1e-12)
    np.testing.assert_allclose(cost(found.queues[0] / mu[0]), found.cost, rtol=1e-12)


@float64
def test_users_own_utilities_give_the_same_point():
    own = custom([lambda x, c: x * jnp.log(c), lambda x, c: -(x**2) / c**2])
    arguments = (
        jnp.array([1.3, 0.8]),
        jnp.asarray(3000.0),
        jnp.array([900.0, 700.0]),
        jnp.array([0.1, 0.05]),
    )
    for cost in dual.COSTS:
        ours, power = (
            jax.jit(lambda *a, u=u, cost=cost: dual.pareto(u, *a, cost=cost))(*arguments)
            for u in (own, pair(np.float64))
        )
        np.testing.assert_allclose(ours.queues, power.queues, rtol=1e-11)
        np.testing.assert_allclose(ours.log_cost, power.log_cost, atol=1e-11)


@float64
def test_first_derivatives_are_exact():
    w, c, mu = jnp.asarray(10000.0), jnp.array([1000.0, 1000.0]), jnp.array([0.1, 0.05])
    utility = pair(np.float64)
    queues = jax.jit(lambda p: dual.pareto(utility, p, w, c, mu).queues)
    p, h = jnp.array([1.1, 0.9]), 1e-4
    differences = jnp.stack([(queues(p + h * e) - queues(p - h * e)) / (2 * h) for e in jnp.eye(2)], axis=1)
    np.testing.assert_allclose(jax.jacobian(queues)(p), differences, rtol=1e-6)
