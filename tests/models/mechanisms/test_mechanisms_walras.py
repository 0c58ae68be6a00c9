"""The pure exchange economy against closed forms, a polynomial, and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.mechanisms.preferences import CES, CobbDouglas, Concave
from jaxsim.models.mechanisms.problems import walras
from jaxsim.models.mechanisms.status import SOLVED, NoEquilibrium
from jaxsim.models.mechanisms.walras import solve_walras, walrasian_equilibrium


def eigenvector(shares, held):
    # sum_j a_jk (w_j'p) = p_k sum_j w_jk: p spans the null space of diag(sum w) - a'w
    p = np.linalg.svd(np.diag(held.sum(axis=0)) - shares.T @ held)[2][-1]
    return p / p[-1]


def test_cobb_douglas_prices_solve_a_linear_system():
    rng = np.random.default_rng(0)
    held, shares = rng.random((60, 5, 3)) + 0.05, rng.dirichlet(np.ones(3), (60, 5))
    with jax.enable_x64(True):
        one = lambda a, w: solve_walras(CobbDouglas(a), w, jnp.ones(3))  # noqa: E731
        found = jax.device_get(jax.jit(jax.vmap(one))(jnp.asarray(shares), jnp.asarray(held)))
    assert np.all(found.status == SOLVED) and np.all(found.unique) and np.all(found.index == 1)
    np.testing.assert_allclose(
        found.prices, [eigenvector(*e) for e in zip(shares, held, strict=True)], rtol=1e-9
    )
    np.testing.assert_allclose(found.bundles.sum(axis=1), held.sum(axis=1), rtol=1e-9)
    # individually rational, and Pareto optimal: everybody's marginal rates of substitution are the prices
    assert np.all(found.after >= found.before - 1e-12)
    rates = shares / found.bundles
    np.testing.assert_allclose(
        rates[..., :2] / rates[..., 2:], np.repeat(found.prices[:, None, :2], 5, 1), rtol=1e-9
    )


def test_many_ces_economies_and_derivatives_by_the_implicit_function_theorem():
    rng = np.random.default_rng(1)
    held, weights = rng.random((300, 4, 3)) + 0.05, rng.random((300, 4, 3)) + 0.05
    s = np.exp(rng.uniform(-1, 1, (300, 4)))
    aim = np.array([0.7, -0.4, 0.2])

    def one(a, s, w):
        def number(a, s, w):
            found = solve_walras(CES(a, s), w, jnp.ones(3))
            return aim @ found.prices + jnp.sum(found.bundles**2), found

        slopes, found = jax.grad(number, argnums=(0, 1, 2), has_aux=True)(a, s, w)
        return number(a, s, w)[0], slopes, found

    with jax.enable_x64(True):
        solve = jax.jit(jax.vmap(one))
        at = tuple(map(jnp.asarray, (weights, s, held)))
        _, slopes, found = jax.device_get(solve(*at))
        assert np.all(found.status == SOLVED) and np.max(found.residual) < 1e-8
        ways = [rng.normal(size=v.shape) for v in at]
        ends = [solve(*(v + h * way for v, way in zip(at, ways, strict=True)))[0] for h in (1e-6, -1e-6)]
    along = sum(np.sum(g * w, axis=tuple(range(1, w.ndim))) for g, w in zip(slopes, ways, strict=True))
    slope = (np.asarray(ends[0]) - np.asarray(ends[1])) / 2e-6
    np.testing.assert_allclose(along, slope, rtol=2e-5, atol=1e-5)


def test_kehoes_economy_has_three_equilibria():
    # with t = p^(1/5) the first market clears where
    #   4 (12 t^5 + 1)(t^4 + 4) + (t^5 + 12)(4 t^4 + 1) = 13 t (4 t^4 + 1)(t^4 + 4)
    x = np.polynomial.Polynomial([0, 1])
    gap = (
        4 * (12 * x**5 + 1) * (x**4 + 4) + (x**5 + 12) * (4 * x**4 + 1) - 13 * x * (4 * x**4 + 1) * (x**4 + 4)
    )
    roots = gap.roots()
    real = np.sort(roots[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)].real) ** 5
    assert len(real) == 3
    found = [walras(first_prices=[p, 1]) for p in (0.1, 1.0, 9.0)]
    np.testing.assert_allclose([e["prices"][0] for e in found], real, rtol=1e-8)
    assert [e["index"] for e in found] == [1, -1, 1] and not any(e["unique"] for e in found)
    np.testing.assert_allclose(real / (1 + real), [0.1129, 0.5, 0.8871], atol=5e-5)  # as printed by Kehoe


def test_demand_for_a_users_utility_is_that_of_the_closed_form():
    rng = np.random.default_rng(2)
    a, s = rng.random((3, 2)) + 0.1, 0.5
    own = Concave({"a": a}, lambda e, x: -jnp.sum(e["a"] ** (1 / s) / x))  # ordinally CES with s = 1/2
    prices, wealth = np.array([0.7, 1.9]), rng.random(3) + 0.5

    def both(utility):
        demand = lambda p: utility.demand(p, jnp.asarray(wealth))  # noqa: E731
        return jax.jit(lambda p: (demand(p), jax.jacobian(demand)(p)))(prices)

    with jax.enable_x64(True):
        for ours, closed in zip(both(own), both(CES(a, np.full(3, s))), strict=True):
            np.testing.assert_allclose(ours, closed, rtol=1e-7)


@pytest.mark.slow
def test_equilibrium_with_a_users_utility_is_that_of_the_closed_form():
    rng = np.random.default_rng(3)
    a, held, s = rng.random((4, 3)) + 0.1, rng.random((4, 3)), 0.5
    own = Concave({"a": a}, lambda e, x: -jnp.sum(e["a"] ** (1 / s) / x))
    closed = walrasian_equilibrium(CES(a, np.full(4, s)), held)
    np.testing.assert_allclose(walrasian_equilibrium(own, held).prices, closed.prices, rtol=1e-8)


@pytest.mark.slow
def test_many_random_economies_clear_in_both_precisions():
    rng = np.random.default_rng(4)
    shares, held = rng.dirichlet(np.ones(8), (2000, 30)), rng.exponential(size=(2000, 30, 8))
    elasticity = np.exp(rng.normal(size=(2000, 30)))
    for kind, bound in ((np.float64, 1e-8), (np.float32, 1e-4)):
        with jax.enable_x64(kind is np.float64):
            given = [jnp.asarray(v, kind) for v in (shares, elasticity, held)]
            solve = lambda a, s, w: solve_walras(CES(a, s), w, jnp.ones(8, w.dtype))  # noqa: E731
            found = jax.jit(jax.vmap(solve))(*given)
            assert np.all(found.status == 0) and np.max(found.residual) < bound


@pytest.mark.slow
def test_a_users_corner_solution_is_optimal():
    # a utility with finite marginal values at 0, so that some goods are not bought by some consumers
    value = lambda e, x: e * jnp.log1p(x[0]) + jnp.sqrt(x[1] + 0.1) - jnp.exp(-x[2] - 0.3 * x[0])  # noqa: E731
    t, held = np.array([0.05, 0.6, 3.0]), np.random.default_rng(0).random((3, 3)) + 0.1
    found = walrasian_equilibrium(Concave(t, value), held)
    assert np.any(found.bundles == 0) and found.residual < 1e-8
    with jax.enable_x64(True):
        slopes = np.asarray(jax.vmap(jax.grad(value, 1))(jnp.asarray(t), jnp.asarray(found.bundles)))
    money = np.max(slopes / found.prices, axis=1, keepdims=True)
    gap = np.minimum(found.bundles, money * found.prices - slopes)
    assert np.max(np.abs(gap)) < 1e-8


def test_economies_without_an_equilibrium_and_bad_input_are_refused():
    # consumer 2 owns good 2 only and wants good 1 only; nobody wants good 2, which would have to be free
    with pytest.raises(NoEquilibrium, match="not converged; give other first_prices"):
        walrasian_equilibrium(CobbDouglas(np.array([[1.0, 0], [1, 0]])), [[1.0, 0], [0, 1]])
    with pytest.raises(InvalidInput, match="endowments summed over consumers"):
        walrasian_equilibrium(CobbDouglas(np.full((2, 2), 0.5)), [[1.0, 0], [1, 0]])
    with pytest.raises(InvalidInput, match="utility"):
        walrasian_equilibrium(CobbDouglas(np.full((3, 2), 0.5)), np.ones((2, 2)))
    with pytest.raises(InvalidInput, match="elasticity"):
        walras(elasticity=1)
