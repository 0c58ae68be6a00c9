"""The price mechanism against closed forms, the conditions (3.1), (3.2), and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.mechanisms.price import demands, price_equilibrium, solve_economies, solve_prices
from jaxsim.models.mechanisms.status import (
    INFEASIBLE,
    NOT_CONVERGED,
    SOLVED,
    UNBOUNDED,
    NoEquilibrium,
    demand_solved,
)
from jaxsim.models.mechanisms.utilities import Custom, Logarithmic, Mixed, Quadratic, SquareRoot


def economies(seed, count, divisions, kinds, activities=1):
    """Random economies of mixed utilities; every activity uses the first resource, others with probability
    .6.
    """
    rng = np.random.default_rng(seed)
    shape = (count, divisions, activities)
    uses = rng.exponential(size=(*shape, kinds)) * (rng.random((*shape, kinds)) < 0.6)
    uses[..., 0] += 0.05
    supplies = rng.exponential(size=(count, kinds)) * divisions * 0.3 + 0.1
    one, two = rng.lognormal(size=shape), rng.lognormal(size=shape)
    members = (SquareRoot(one), Logarithmic(5 * one, two), Quadratic(3 * one, two))
    return Mixed(rng.integers(0, 3, size=shape), members), uses, supplies


def test_logarithmic_spot_prices_of_the_worked_example():
    # all four consume: p = sum w / (S + sum d); 44/15 and 44/21 with all (w_j/d_j > p), 56/37 likewise
    w, d = np.array([10.0, 8, 6, 4])[:, None], np.array([1.0, 2, 3, 0.5])[:, None]
    for supply, price in ((4, 44 / 15), (7, 44 / 21), (12, 56 / 37)):
        found = price_equilibrium(Logarithmic(w, d), np.ones((4, 1)), [supply])
        np.testing.assert_allclose(found.prices[0], price, rtol=1e-12)


def test_square_roots_have_the_closed_form_of_lemma_3_1_2():
    # N = qK + r: r groups of q + 1 divisions and K - r groups of q share one unit each: p = sqrt(group size)
    sizes = (3, 2, 2)
    uses = np.repeat(np.eye(3), sizes, axis=0)
    found = price_equilibrium(SquareRoot(np.ones((7, 1))), uses, np.ones(3))
    np.testing.assert_allclose(found.prices, np.sqrt(sizes), rtol=1e-12)
    np.testing.assert_allclose(found.activities[:, 0], 1 / np.repeat(sizes, sizes), rtol=1e-12)


@pytest.mark.parametrize(("precision", "bound"), [("float64", 1e-8), ("float32", 1e-4)])
def test_random_economies_meet_the_optimality_conditions(precision, bound):
    utility, uses, supplies = economies(0, 500, 12, 4)
    found = solve_economies(utility, uses, supplies, precision=precision)
    assert np.all(np.asarray(found.status) == SOLVED)
    assert np.max(found.residual) < bound
    # the conditions once more, in numpy float64 and without the solver's scaling
    p, x = np.asarray(found.prices, float), np.asarray(found.activities, float)
    used = np.einsum("rjnk,rjn->rk", uses, x)
    assert np.all(p >= 0) and np.all(x >= 0)
    assert np.max((used - supplies) / np.maximum(1, supplies)) < bound
    slack = np.maximum(supplies - used, 0) / np.maximum(1, supplies)
    assert np.max(np.minimum(p, slack)) < bound
    assert (p == 0).any() and (p > 0).any() and (x == 0).any()  # corners do occur


@pytest.mark.slow
def test_large_economies_meet_the_optimality_conditions():
    for count, divisions, kinds in ((3000, 3, 6), (100, 1000, 10), (3000, 30, 5)):
        for precision, bound in (("float64", 1e-8), ("float32", 1e-4)):
            found = solve_economies(*economies(1, count, divisions, kinds), precision=precision)
            assert np.all(np.asarray(found.status) == SOLVED)
            assert np.max(found.residual) < bound


def test_a_users_utility_agrees_with_the_closed_form():
    w, d = np.array([[3.0], [2.0], [0.1]]), np.array([[1.0], [2.0], [4.0]])
    uses = np.array([[1.0, 0.5], [0.2, 1.0], [1.0, 1.0]])
    own = Custom({"w": w, "d": d}, lambda e, x: e["w"] * jnp.log(e["d"] + x))
    a = price_equilibrium(own, uses, [1.0, 0.7])
    b = price_equilibrium(Logarithmic(w, d), uses, [1.0, 0.7])
    np.testing.assert_allclose(a.prices, b.prices, rtol=1e-9)
    np.testing.assert_allclose(a.activities, b.activities, rtol=1e-9, atol=1e-12)
    assert b.activities[2, 0] == 0  # marginal utility at 0 is below the cost


def test_prices_are_zero_where_a_resource_is_plentiful():
    found = price_equilibrium(Quadratic(np.full((2, 1), 1.0), np.full((2, 1), 2.0)), np.eye(2), [0.25, 9.0])
    np.testing.assert_allclose(found.prices, [0.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(found.activities[:, 0], [0.25, 0.5], atol=1e-12)


def test_an_activity_that_yields_a_resource():
    # division 3 turns good 1 into good 2, which nobody else supplies enough of
    uses = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    found = price_equilibrium(SquareRoot(np.array([[1.0], [1.0], [0.1]])), uses, [3.0, 0.5])
    p, x = found.prices, found.activities[:, 0]
    np.testing.assert_allclose(x, (np.array([1, 1, 0.1]) / (uses @ p)) ** 2, rtol=1e-9)
    np.testing.assert_allclose(uses.T @ x, [3.0, 0.5], rtol=1e-9)


def test_infeasible_and_unbounded_are_reported_and_never_numbers():
    one = np.ones((2, 1, 1))
    # the last has no interior point: its price would be infinite
    uses = np.stack([one, one, -one, np.array([1.0, 0.0]).reshape(2, 1, 1), one])
    found = solve_economies(SquareRoot(np.ones((5, 2, 1))), uses, [[1.0], [-1.0], [1.0], [1.0], [0.0]])
    assert list(np.asarray(found.status)) == [SOLVED, INFEASIBLE, UNBOUNDED, UNBOUNDED, NOT_CONVERGED]
    for numbers in (found.prices, found.activities, found.allocation, found.welfare):
        assert np.all(np.isnan(np.asarray(numbers)[1:])) and np.all(np.isfinite(np.asarray(numbers)[0]))
    with pytest.raises(NoEquilibrium, match="infeasible"):
        price_equilibrium(SquareRoot(np.ones((2, 1))), np.ones((2, 1)), [-1.0])
    for code, reason in ((UNBOUNDED, "unbounded"), (NOT_CONVERGED, "not converged")):
        with pytest.raises(NoEquilibrium, match=f"price mechanism: {reason}"):
            demand_solved(code, "price mechanism")
    # a satiated utility needs no resource to be bounded
    found = price_equilibrium(Quadratic(np.ones((2, 1)), np.ones((2, 1))), np.array([[1.0], [0.0]]), [0.3])
    np.testing.assert_allclose(found.activities[:, 0], [0.3, 1.0])


def test_bad_input_names_the_field():
    with pytest.raises(InvalidInput, match="supplies"):
        price_equilibrium(SquareRoot(np.ones((2, 1))), np.ones((2, 2)), [1.0])
    with pytest.raises(InvalidInput, match="consumption"):
        price_equilibrium(SquareRoot(np.ones((2, 1))), np.full((2, 1), np.nan), [1.0])


def test_implicit_derivatives_equal_finite_differences():
    with jax.enable_x64(True):
        utility, uses, supplies = economies(3, 1, 5, 3, activities=2)
        one = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), (utility, uses, supplies))
        aim = jnp.asarray([0.3, -1.0, 0.7])

        def number(weight, uses, supplies):
            members = (SquareRoot(weight), one[0].members[1], one[0].members[2])
            found = solve_prices(Mixed(one[0].kind, members), uses, supplies)
            return aim @ found.prices + jnp.sum(found.activities**2) + found.welfare

        at = (one[0].members[0].weight, one[1], one[2])
        gradients = jax.jit(jax.grad(number, argnums=(0, 1, 2)))(*at)
        value = jax.jit(number)
        rng = np.random.default_rng(0)
        for place, gradient in enumerate(gradients):
            # only entries that are used: an activity's zero consumption may become negative otherwise
            way = rng.normal(size=at[place].shape) * (np.asarray(at[place]) > 0)
            moved = [[v + h * way if i == place else v for i, v in enumerate(at)] for h in (1e-6, -1e-6)]
            numeric = (value(*moved[0]) - value(*moved[1])) / 2e-6
            np.testing.assert_allclose(np.sum(np.asarray(gradient) * way), numeric, rtol=1e-6, atol=1e-7)


def test_welfare_derivative_with_respect_to_supply_is_the_price():
    with jax.enable_x64(True):
        utility, uses, supplies = economies(4, 1, 8, 3)
        u, a, b = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), (utility, uses, supplies))
        both = jax.jit(
            lambda b: (jax.grad(lambda b: solve_prices(u, a, b).welfare)(b), solve_prices(u, a, b).prices)
        )
        np.testing.assert_allclose(*both(b), atol=1e-9)


def test_a_division_sees_its_own_utility_and_the_price_only():
    utility = SquareRoot(jnp.asarray([[1.0], [2.0]]))
    slope = jax.jacobian(lambda w: demands(SquareRoot(w), jnp.ones((2, 1, 1)), jnp.ones(1)))(utility.weight)
    assert slope[0, 0, 1, 0] == 0 and slope[1, 0, 0, 0] == 0 and slope[0, 0, 0, 0] != 0
