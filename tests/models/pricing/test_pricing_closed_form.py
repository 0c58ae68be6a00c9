"""Closed forms of two users against generic minimization and the equations as printed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from jaxsim.models.pricing import closed_form as c

KINDS = [("log", "delay"), ("delay", "log"), ("log", "log"), ("delay", "delay")]


def instances(count, seed=0):
    """Random prices, mu, rates and workloads over six decades."""
    draw = np.random.default_rng(seed).uniform
    spans = ((-2, 2), (-2, 1), (1, 3))
    prices, mu, rates = (tuple(10 ** draw(*span, (2, count))) for span in spans)
    return prices, mu, rates, 10 ** draw(-1, 5, count)


@pytest.mark.parametrize("reading", ["paper", "literal"])
@pytest.mark.parametrize("kinds", KINDS)
def test_pareto_point_equals_the_root_of_equal_marginal_costs(kinds, reading):
    prices, mu, rates, w = instances(20)
    for i in range(20):
        s = [float(c.slope(k, prices[j][i], mu[j][i], rates[j][i], reading)) for j, k in enumerate(kinds)]
        power = [1 if kind == "log" else 2 for kind in kinds]

        def shares(u, total=w[i]):
            return total / (1 + np.exp(-u)), total / (1 + np.exp(u))

        def gap(u, s=s, power=power):
            x, y = shares(u)
            return np.log(s[0] * x ** power[0]) - np.log(s[1] * y ** power[1])

        root = shares(brentq(gap, -200.0, 200.0, xtol=1e-14, rtol=1e-14))
        with jax.enable_x64(True):
            user = [tuple(x[i] for x in numbers) for numbers in (prices, mu, rates)]
            q = c.pareto_pair(kinds, *user, w[i], reading)
        for j in range(2):
            assert float(q[j]) / mu[j][i] == pytest.approx(root[j], rel=1e-12)


def test_single_precision_agrees_with_double_over_random_instances():
    """100 000 instances over six decades, both users: 1e-5 relative, where (5.5) as printed fails."""
    prices, mu, rates, w = instances(100_000)
    with jax.enable_x64(True):
        double = [np.asarray(q) for q in c.pareto_pair(KINDS[0], prices, mu, rates, w)]
    halves = [tuple(jnp.asarray(np.stack(x), jnp.float32)) for x in (prices, mu, rates)]
    single = c.pareto_pair(KINDS[0], *halves, jnp.asarray(w, jnp.float32))
    for a, b in zip(double, single, strict=True):
        np.testing.assert_allclose(np.asarray(b), a, rtol=1e-5)


def test_pareto_point_is_equation_5_5_where_that_does_not_cancel():
    p1, p2, mu1, mu2, c1, c2, w = 0.9, 1.1, 0.1, 0.05, 20.0, 10.0, 30.0
    a = 2 * w / mu1 + p1**2 * c2**3 / (2 * p2**3 * c1 * mu2**2)
    printed = 0.5 * a * mu1**2 - np.sqrt(0.25 * a**2 * mu1**4 - mu1**2 * w**2)
    with jax.enable_x64(True):
        q1, q2 = c.pareto_pair(KINDS[0], (p1, p2), (mu1, mu2), (c1, c2), w)
    assert float(q1) == pytest.approx(printed, rel=1e-9)
    assert float(q1) / mu1 + float(q2) / mu2 == pytest.approx(w, rel=1e-14)


@pytest.mark.parametrize("reading", ["paper", "literal"])
@pytest.mark.parametrize("kinds", KINDS)
def test_price_ratio_at_the_pareto_point_is_a_ratio_of_price_powers(kinds, reading):
    prices, mu, rates, w = instances(50, seed=1)
    with jax.enable_x64(True):
        q = c.pareto_pair(kinds, prices, mu, rates, w, reading)
        kappa = np.asarray(c.price_ratio(kinds, q[0] / mu[0], q[1] / mu[1], mu, rates))
    less = 1 if reading == "literal" else 0
    powers = [(2 if kind == "log" else 3) - less for kind in kinds]
    np.testing.assert_allclose(kappa, prices[0] ** powers[0] / prices[1] ** powers[1], rtol=1e-10)


@pytest.mark.parametrize("kinds", KINDS)
def test_shared_capacity_equalizes_marginal_utilities(kinds):
    v = 10 ** np.random.default_rng(3).uniform(-3, 3, (2, 200))
    with jax.enable_x64(True):
        rates = [np.asarray(x) for x in c.share(kinds, v[0], v[1], 200.0)]
    np.testing.assert_allclose(rates[0] + rates[1], 200.0, rtol=1e-12)
    marginal = [
        v[j] / rates[j] if kind == "log" else 2 * v[j] ** 2 / rates[j] ** 3 for j, kind in enumerate(kinds)
    ]
    np.testing.assert_allclose(marginal[0], marginal[1], rtol=1e-9)


def test_dual_cost_is_the_integral_of_the_marginal_utility():
    p, q, mu, rate = 1.7, 40.0, 0.05, 90.0
    u = np.linspace(0, q, 20001)
    for kind, marginal in (("log", p * u / rate), ("delay", 2 * (p * u) ** 2 / rate**3)):
        literal = np.trapezoid(marginal, u) / mu
        assert float(c.dual_cost(kind, p, q, mu, rate, "literal")) == pytest.approx(literal, rel=1e-6)
        assert float(c.dual_cost(kind, p, q, mu, rate)) == pytest.approx(p * literal, rel=1e-6)
