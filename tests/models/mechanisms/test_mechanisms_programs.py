"""General convex programs, linear programs, the joint-cost example and the exchange economy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

from jaxsim.core.validation import InvalidInput
from jaxsim.models.mechanisms.convex import Program, convex_equilibrium, private_response
from jaxsim.models.mechanisms.exchange import exchange_equilibrium
from jaxsim.models.mechanisms.linear import linear_equilibrium, solve_linear
from jaxsim.models.mechanisms.nonseparable import joint_cost, joint_cost_equilibrium
from jaxsim.models.mechanisms.price import price_equilibrium
from jaxsim.models.mechanisms.simplex import basic_columns, simplex
from jaxsim.models.mechanisms.status import INFEASIBLE, SOLVED, UNBOUNDED, NoEquilibrium
from jaxsim.models.mechanisms.utilities import Logarithmic, SquareRoot

TWO_GOODS = Program(
    profit=lambda e, x: e["w"] * jnp.log1p(e["c"] @ x) + jnp.sum(e["w"] * jnp.sqrt(x + 0.1)),
    consumption=lambda e, x: jnp.stack([x[0] + 0.5 * x[1] ** 2, x[1] + 0.1 * x[0]]),
    activities=2,
)


def test_general_program_meets_conditions_3_1_and_3_2_by_hand():
    rng = np.random.default_rng(0)
    w, c = rng.lognormal(size=6), rng.random((6, 2))
    found = convex_equilibrium(TWO_GOODS, {"w": w, "c": c}, [3.0, 2.0])
    p, x = np.asarray(found.prices), np.asarray(found.activities)
    # derivative of the Lagrangian written out by hand for this profit and this consumption
    inner = 1 + np.sum(c * x, axis=1, keepdims=True)
    marginal = w[:, None] * c / inner + w[:, None] / (2 * np.sqrt(x + 0.1))
    cost = np.stack([p[0] + 0.1 * p[1] + 0 * x[:, 0], p[0] * x[:, 1] + p[1]], axis=1)
    assert np.max(np.abs(np.minimum(x, cost - marginal))) < 1e-9
    used = np.array([np.sum(x[:, 0] + 0.5 * x[:, 1] ** 2), np.sum(x[:, 1] + 0.1 * x[:, 0])])
    assert np.max(np.abs(np.minimum(p, np.array([3.0, 2.0]) - used))) < 1e-9


def test_private_response_is_differentiable_and_private():
    with jax.enable_x64(True):
        e = {"w": jnp.asarray(1.3), "c": jnp.asarray([0.4, 0.2])}
        respond = jax.jit(lambda p: private_response(TWO_GOODS, e, p, jnp.ones(2)))
        p = jnp.asarray([0.5, 0.9])
        slope = jax.jacobian(respond)(p)
        for k in range(2):
            h = 1e-6 * jnp.eye(2)[k]
            np.testing.assert_allclose(
                slope[:, k], (respond(p + h) - respond(p - h)) / 2e-6, rtol=1e-6, atol=1e-8
            )


def test_simplex_agrees_with_highs_in_value_and_status():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(90, 4, 9)), rng.normal(size=(90, 4)), rng.normal(size=(90, 9))
    a[:40], b[:30] = np.abs(a[:40]), np.abs(b[:30])
    c[60:75] -= 1
    with jax.enable_x64(True):
        found = jax.device_get(jax.jit(jax.vmap(simplex))(*map(jnp.asarray, (c, a, b))))
    codes = {0: SOLVED, 2: INFEASIBLE, 3: UNBOUNDED}
    for i in range(90):
        # presolve may answer "infeasible or unbounded" without deciding which
        peer = linprog(-c[i], A_ub=a[i], b_ub=b[i], method="highs", options={"presolve": False})
        assert int(found.status[i]) == codes[peer.status]
        if peer.status == 0:
            np.testing.assert_allclose(found.value[i], -peer.fun, rtol=1e-9, atol=1e-9)
            assert np.count_nonzero(np.asarray(found.activities[i]) > 1e-12) <= 4
            assert np.all(np.asarray(found.prices[i]) >= -1e-9)
            np.testing.assert_allclose(found.prices[i] @ b[i], found.value[i], rtol=1e-8, atol=1e-9)
        else:
            assert np.all(np.isnan(np.asarray(found.activities[i])))
    assert {int(s) for s in found.status} == {SOLVED, INFEASIBLE, UNBOUNDED}


def test_simplex_does_not_cycle_on_a_degenerate_program():
    # Beale's example cycles under the largest-coefficient rule with lowest-index ties; optimum 1/20
    c = np.array([3 / 4, -150, 1 / 50, -6])
    a = np.array([[1 / 4, -60, -1 / 25, 9], [1 / 2, -90, -1 / 50, 3], [0, 0, 1, 0]])
    with jax.enable_x64(True):
        found = jax.jit(simplex)(jnp.asarray(c), jnp.asarray(a), jnp.asarray([0.0, 0.0, 1.0]))
        assert int(found.status) == SOLVED
        np.testing.assert_allclose(found.value, 1 / 20, rtol=1e-12)
        assert set(np.asarray(basic_columns(found))) >= {0, 2}


def test_linear_price_mechanism_serves_at_most_k_divisions():
    rng = np.random.default_rng(1)
    c, a, b = rng.random((12, 2)), rng.random((12, 2, 3)), rng.random(3) + 0.5
    found = linear_equilibrium(c, a, b)
    peer = linprog(-c.ravel(), A_ub=a.reshape(-1, 3).T, b_ub=b, method="highs")
    np.testing.assert_allclose(found.value, -peer.fun, rtol=1e-10)
    assert found.residual < 1e-10
    served = np.flatnonzero(np.asarray(found.activities).sum(axis=1) > 0)
    assert len(served) <= 3 and set(served) <= set(np.asarray(found.indicator))
    bundles = np.einsum("jnk,jn->jk", a, np.asarray(found.activities))
    np.testing.assert_allclose(found.bundles, bundles[np.asarray(found.indicator)], atol=1e-12)
    np.testing.assert_allclose(np.sum(found.bundles, axis=0), bundles.sum(axis=0), atol=1e-12)
    with pytest.raises(NoEquilibrium, match="infeasible"):
        linear_equilibrium(c, a, -b)
    with pytest.raises(NoEquilibrium, match="unbounded"):
        linear_equilibrium(c, -a, b)


def test_linear_programs_in_float32():
    rng = np.random.default_rng(2)
    c, a, b = rng.random((50, 10, 1)), rng.random((50, 10, 1, 4)), rng.random((50, 4)) + 0.5
    found = jax.jit(jax.vmap(solve_linear))(*(jnp.asarray(v, jnp.float32) for v in (c, a, b)))
    assert np.all(np.asarray(found.status) == SOLVED) and np.max(found.residual) < 1e-4
    for i in range(50):
        peer = linprog(-c[i].ravel(), A_ub=a[i, :, 0].T, b_ub=b[i], method="highs")
        np.testing.assert_allclose(found.value[i], -peer.fun, rtol=1e-4)


def test_joint_cost_example():
    # w_1 = w_2: x_j = b z_j^2 / (z_1^2 + z_2^2); lambda = sqrt((z_1^2 + z_2^2)/b) - w^2 b = sqrt(10) - 1/10
    found = joint_cost_equilibrium([1.2, 1.6], [0.5, 0.5], 0.4)
    np.testing.assert_allclose(found.activities, [0.144, 0.256], rtol=1e-12)
    np.testing.assert_allclose(found.price, np.sqrt(10) - 0.1, rtol=1e-12)
    np.testing.assert_allclose(found.price, 3.0622776602, rtol=1e-10)
    np.testing.assert_allclose(found.externality, 0.2, rtol=1e-12)
    alone = joint_cost_equilibrium([1.2, 1.6], [0.5, 0.5], 0.4, priced=False)
    np.testing.assert_allclose(alone.activities[0], 0.14559134, atol=5e-9)
    assert alone.welfare < found.welfare


def test_joint_cost_is_optimal_when_the_resource_is_plentiful_and_when_burdens_differ():
    z, w = np.array([0.2, 0.6]), np.array([2.5, 1.3])
    found = joint_cost_equilibrium(z, w, 4.0)
    assert found.price == 0 and np.sum(found.activities) < 4
    value = lambda x: np.sum(2 * z * np.sqrt(x)) - (w @ x) ** 2 / 2  # noqa: E731
    x = np.asarray(found.activities)
    for step in np.eye(2):
        for h in (1e-4, -1e-4):
            assert value(x + h * step) < value(x)
    with jax.enable_x64(True):
        w, b = jnp.asarray([0.7, 0.2]), jnp.asarray(0.5)
        z = jnp.asarray([1.5, 1.1])
        welfare = lambda w, b: joint_cost(z, w, b).welfare  # noqa: E731
        both = jax.jit(lambda w, b: (jax.grad(welfare, (0, 1))(w, b), joint_cost(z, w, b)))
        (by_burden, by_supply), found = both(w, b)
        np.testing.assert_allclose(by_supply, found.price, rtol=1e-9)
        h = jnp.asarray([1e-6, 0.0])
        numeric = (both(w + h, b)[1].welfare - both(w - h, b)[1].welfare) / 2e-6
        np.testing.assert_allclose(by_burden[0], numeric, rtol=1e-6)
    with pytest.raises(InvalidInput, match="burden"):
        joint_cost_equilibrium([1, 1], [0, 1], 1)


def test_exchange_economy():
    rng = np.random.default_rng(0)
    held = rng.random((5, 2)) + 0.1
    trade = exchange_equilibrium(SquareRoot(np.full((5, 2), 0.5)), held, np.full(5, 9.0))
    # equal utilities sqrt(x): everybody ends with the mean holding; p = 1/(2 sqrt(mean))
    np.testing.assert_allclose(trade.goods, held.mean(axis=0) - held, atol=1e-10)
    np.testing.assert_allclose(trade.prices, 0.5 / np.sqrt(held.mean(axis=0)), rtol=1e-10)
    np.testing.assert_allclose(np.sum(trade.numeraire), 0, atol=1e-12)
    assert np.all(np.asarray(trade.gains) >= 0)
    same = exchange_equilibrium(SquareRoot(np.full((4, 2), 0.5)), np.tile(held[0], (4, 1)), np.ones(4))
    np.testing.assert_allclose(same.goods, 0, atol=1e-12)  # no trade (Lemma 2.2.2)
    with pytest.raises(InvalidInput, match="money"):
        exchange_equilibrium(
            Logarithmic(np.array([[9.0], [1.0]]), np.ones((2, 1))), [[0.0], [1.0]], [0.0, 0.0]
        )


def test_exchange_and_price_mechanism_agree():
    held = np.array([[0.2], [1.4], [0.9]])
    utility = Logarithmic(np.array([[1.0], [2.0], [0.5]]), np.ones((3, 1)))
    trade = exchange_equilibrium(utility, held, np.full(3, 5.0))
    found = price_equilibrium(utility, np.ones((3, 1)), [2.5])
    np.testing.assert_allclose(trade.prices, found.prices, rtol=1e-10)
