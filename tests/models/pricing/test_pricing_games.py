"""Rates of the Nash equilibrium, the selection of users, and the check of users' own utilities."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxsim.core.errors import InvalidInput
from jaxsim.core.precision import float64
from jaxsim.models.pricing.games import custom, nash, problems, regions, selection, utilities

MIXED = (utilities.proportional_fair(), utilities.minimal_potential_delay(), utilities.fair(1.0, 2.0))


def mixed():
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), utilities.join(*MIXED))


@float64
def test_bisection_and_interior_point_agree_where_both_apply():
    box = regions.sum_and_box(2000.0, [1500.0, 1200.0, 900.0])
    x = 10 ** np.random.default_rng(0).uniform(-2, 5, (2000, 3))
    x[:200, 0] = 0
    x[0] = 0
    utility, corners = mixed(), regions.as_polytope(box)
    by_box, by_facets = (
        jax.jit(jax.vmap(lambda v, r=region: nash.equilibrium(utility, r, v)))(jnp.asarray(x))
        for region in (box, corners)
    )
    np.testing.assert_allclose(by_box.rates, by_facets.rates, atol=1e-7)
    assert np.all(np.asarray(by_box.rates)[x == 0] == 0), "an empty queue is served"
    assert float(np.max(by_box.kkt)) < 1e-12 and float(np.max(by_facets.kkt)) < 1e-12
    assert float(np.max(by_box.gains)) < 1e-7 and float(np.max(by_facets.gains)) < 1e-7


@float64
def test_rates_over_a_polytope_are_those_of_scipy():
    rng = np.random.default_rng(5)
    facets = rng.uniform(0, 1, (4, 3)) * (rng.random((4, 3)) < 0.7)
    facets[0] = 1
    region, utility = regions.polytope(facets, rng.uniform(1, 2, 4)), mixed()
    x = np.array([1.0, 0.7, 1.3])
    found = nash.equilibrium(utility, region, jnp.asarray(x))
    total = jax.jit(lambda c: -jnp.sum(utilities.value(utility, jnp.asarray(x), c)))
    a, b = np.asarray(region.facets), np.asarray(region.bounds)
    inside = {"type": "ineq", "fun": lambda c: b - a @ c, "jac": lambda c: -a}
    slope = jax.jit(jax.grad(total))
    peer = minimize(
        lambda c: float(total(c)), np.full(3, 0.1), jac=lambda c: np.asarray(slope(c)), method="SLSQP",
        bounds=[(1e-6, None)] * 3, constraints=inside, options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    assert float(total(found.rates)) <= peer.fun + 1e-9
    np.testing.assert_allclose(found.rates, peer.x, atol=1e-5)


def dome(c, curve):
    """Return the facets c' M c <= 1 (curved, users not separable) and sum c <= 1.3."""
    return jnp.stack([c @ curve @ c - 1, jnp.sum(c) - 1.3])


@float64
@pytest.mark.parametrize("kind", ["powers", "users' own"])
def test_rates_over_curved_facets_are_those_of_scipy(kind):
    curve = jnp.array([[1.0, 0.3, 0.2], [0.3, 1.5, 0.1], [0.2, 0.1, 0.8]])
    if kind == "powers":
        region = regions.power_facets([[1, 1, 1], [1, 0.8, 0], [0.5, 1, 1]], [1.3, 1.0, 0.9], [1, 2, 1.5])
    else:
        region = regions.curved_region(dome, 3, curve)
        np.testing.assert_allclose(region.alone, np.diag(curve) ** -0.5, rtol=1e-14)
    utility, at = mixed(), jax.jit(region.at)
    total = jax.jit(lambda x, c: -jnp.sum(utilities.value(utility, x, c)))
    slope, normal = jax.jit(jax.grad(total, argnums=1)), jax.jit(jax.jacfwd(region.at))
    solve = jax.jit(jax.vmap(lambda x: nash.equilibrium(utility, region, x)))
    x = 10 ** np.random.default_rng(2).uniform(-1, 1, (8, 3))
    found = solve(jnp.asarray(x))
    assert float(np.max(found.kkt)) < 1e-13 and float(np.max(found.gains)) < 1e-8
    inside = {"type": "ineq", "fun": lambda c: -np.asarray(at(c)), "jac": lambda c: -np.asarray(normal(c))}
    prices = np.asarray(found.multipliers * np.exp(found.log_unit)[:, None])
    for v, rates, price in zip(x, found.rates, prices, strict=True):
        peer = minimize(
            lambda c, v=v: float(total(v, c)), np.full(3, 0.1), jac=lambda c, v=v: np.asarray(slope(v, c)),
            method="SLSQP", bounds=[(1e-6, None)] * 3, constraints=inside,
            options={"ftol": 1e-14, "maxiter": 500},
        )  # fmt: skip
        # what the peer gains by leaving the region a little is at most the price of it
        left = price @ np.maximum(np.asarray(at(peer.x)), 0)
        assert float(total(v, rates)) <= peer.fun + left + 1e-10 * abs(peer.fun)
        np.testing.assert_allclose(rates, peer.x, atol=1e-5)
    assert np.any(np.asarray(jax.vmap(at)(found.rates))[:, 0] > -1e-9), "the first facet never binds"


@float64
def test_curved_solver_on_linear_facets_is_the_polytopes_and_weights_of_any_size_converge():
    rng = np.random.default_rng(0)
    facets, bounds = rng.uniform(0.2, 1, (4, 3)) / 100, rng.uniform(1, 2, 4)
    x = 10 ** rng.uniform(-2, 5, (400, 3))
    x[:50, 0] = 0
    utility = mixed()
    exponents = ([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 1.5, 3.0])
    flat, bent = (regions.power_facets(facets, bounds, e) for e in exponents)
    solve = jax.jit(jax.vmap(lambda r, v: nash.equilibrium(utility, r, v), (None, 0)))
    one, other = (solve(r, jnp.asarray(x)) for r in (flat, bent))
    peer = solve(regions.polytope(facets, bounds), jnp.asarray(x))
    np.testing.assert_allclose(one.rates, peer.rates, rtol=1e-9, atol=1e-9)
    for found in (one, other):
        assert float(np.max(found.kkt)) < 1e-13 and float(np.max(found.gains)) < 1e-7
        assert np.all(np.asarray(found.rates)[x == 0] == 0)
    single = jax.tree.map(lambda v: jnp.asarray(v, jnp.float32), (utility, bent, x))
    rough = jax.jit(jax.vmap(lambda v: nash.equilibrium(*single[:2], v)))(single[2])
    assert float(np.max(rough.kkt)) < 1e-5


@pytest.mark.parametrize(
    ("h", "problem"),
    [
        (lambda c, _: jnp.sum(c) - 1, "vector"),
        (lambda c, _: jnp.sum(c)[None], "not negative"),
        (lambda c, _: c[:1] - 1, "unbounded"),
        (lambda c, _: jnp.array([(c[0] - 0.5) ** 2 + c[1] ** 2 - 1]), "decreases"),
        (lambda c, _: jnp.array([jnp.sum(jnp.sqrt(c + 0.1)) - 1]), "not convex"),
        (lambda c, _: np.sum(np.asarray(c)), "evaluated"),
    ],
)
def test_regions_that_break_3_10_are_refused(h, problem):
    with pytest.raises(InvalidInput, match=problem):
        regions.curved_region(h, 2)


@float64
def test_a_gain_is_found_where_there_is_one():
    """Two users at (400, 400) of 1000 leave 200: each gains ln(600 / 400) per unit of valued queue."""
    box = regions.sum_and_box(1000.0, [1000.0, 1000.0])
    utility, x = utilities.proportional_fair(2), jnp.array([2.0, 3.0])
    gains = nash.unilateral_gains(utility, box, x, jnp.array([400.0, 400.0]))
    np.testing.assert_allclose(gains, np.array([2.0, 3.0]) * np.log(1.5), rtol=1e-12)


@float64
def test_rates_have_exact_first_derivatives():
    box = regions.sum_and_box(2000.0, [1500.0] * 3)
    utility = mixed()
    rates = jax.jit(lambda x: nash.equilibrium(utility, box, x).rates)
    x, h = jnp.array([100.0, 400.0, 50.0]), 1e-4
    differences = jnp.stack([(rates(x + h * e) - rates(x - h * e)) / (2 * h) for e in jnp.eye(3)], axis=1)
    np.testing.assert_allclose(jax.jacobian(rates)(x), differences, rtol=1e-5, atol=1e-9)


@float64
def test_radial_homogeneity_holds_exactly_for_equal_orders():
    box, x = regions.sum_and_box(2000.0, [1500.0] * 2), jnp.array([30.0, 70.0])
    for utility in (utilities.fair([1.0, 2.0], 2.0), utilities.join(*MIXED[:2])):
        rates = [nash.equilibrium(utility, box, a * x).rates for a in (1.0, 1000.0)]
        same = bool(np.allclose(*rates, rtol=1e-9))
        assert utilities.radially_homogeneous(utility) == same
    assert utilities.radially_homogeneous(custom([lambda x, c: x * jnp.log(c)] * 2))
    assert not utilities.radially_homogeneous(custom([lambda x, c: x * jnp.log(c), lambda x, c: -(x**2) / c]))


BROKEN = {
    "is not 0 at x = 0": lambda x, c: (x + 1) * jnp.log(c),
    "does not increase": lambda x, c: -x * jnp.log(c),
    "not strictly concave": lambda x, c: x * c,
    "not a product": lambda x, c: x * jnp.log(c + x),
    "neither multiplicative": lambda x, c: x * jnp.log1p(c),
    "drop the term": lambda x, c: x * (jnp.log(c) + 1),
    "stays bounded": lambda x, c: x / (1 + x) * jnp.log(c),
    "does not increase with x": lambda x, c: (x + 20 * jnp.sin(x)) ** 2 * jnp.log(c),
    "cannot be differentiated": lambda x, c: float(x),
}


@pytest.mark.parametrize("problem", BROKEN)
def test_utilities_that_break_6_1_are_refused(problem):
    good = lambda x, c: x * jnp.log(c)  # noqa: E731
    with pytest.raises(InvalidInput, match=problem) as caught:
        custom([good, BROKEN[problem]])
    assert caught.value.field == "utility[1]"


def random_levels(seed, users):
    """Levels at which users of both orders compete for a workload of 1, so that the choice is not plain."""
    rng = np.random.default_rng(seed)
    order = rng.integers(1, 3, users).astype(float)
    return order, np.log(rng.uniform(0.5, 2, users)) + (order - 1) * 1.0


def least_cost(level, order):
    return float(selection.coalition_cost(jnp.asarray(level), jnp.asarray(order), jnp.zeros(()))[0])


def chosen(order, level, size, method):
    # mu, rates and prices of 1 leave the level as ln of the coefficient
    one = jnp.ones(len(order))
    utility = utilities.Power(jnp.exp(jnp.asarray(level)), jnp.asarray(order), one)
    return selection.select(utility, one, jnp.ones(()), one, one, size=size, method=method)


@float64
def test_selection_is_the_cheapest_coalition_and_the_lagrangian_gap_is_honest():
    pick = {m: jax.jit(jax.vmap(lambda o, v, m=m: chosen(o, v, 3, m))) for m in ("enumeration", "lagrangian")}
    order, level = map(np.stack, zip(*(random_levels(seed, 6) for seed in range(300)), strict=True))
    exact, priced = (pick[m](order, level) for m in ("enumeration", "lagrangian"))
    for k in range(5):
        listed = {
            s: least_cost(level[k, list(s)], order[k, list(s)]) for s in itertools.combinations(range(6), 3)
        }
        assert tuple(np.asarray(exact.members[k]).tolist()) == min(listed, key=listed.get)
        np.testing.assert_allclose(exact.log_cost[k], min(listed.values()), rtol=1e-12)
    excess = np.asarray(priced.log_cost - exact.log_cost)
    assert np.all(excess >= -1e-12) and np.all(np.asarray(exact.margin) >= 0)
    assert np.all(np.asarray(priced.log_bound) <= np.asarray(exact.log_cost) + 1e-12), "not a lower bound"
    assert np.all(np.expm1(excess) <= np.asarray(priced.gap) + 1e-12)
    assert np.any(np.asarray(priced.gap) > 1e-6), "no instance has a gap: the test shows nothing"
    assert np.percentile(priced.gap, 99) < 0.02


@float64
def test_ties_go_to_the_first_coalition():
    same = jax.jit(lambda o, v: chosen(o, v, 2, "enumeration"))(np.ones(4), np.zeros(4))
    assert np.asarray(same.members).tolist() == [0, 1] and float(same.margin) == 0
    assert problems.select(prices=(2.25, 1.5, 2.25))["selected"] == [1, 2]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: problems.pareto(prices=(1, -1)), "prices"),
        (lambda: problems.pareto(utilities=("proportional", "dely")), "utilities"),
        (lambda: problems.pareto(mu=(1, 2, 3)), "mu"),
        (lambda: problems.equilibrium(facets=[[1, 0]], bounds=[1]), "facets"),
        (lambda: problems.equilibrium(facets=[[1, 1]]), "bounds"),
        (lambda: problems.equilibrium(exponents=2), "exponents"),
        (lambda: problems.equilibrium(facets=[[1, 1]], bounds=[1], exponents=0.5), "exponents"),
        (lambda: problems.select(size=4), "size"),
        (lambda: problems.pools(rates=[[1, 0, 1], [1, 0, 1]]), "rates"),
    ],
)
def test_bad_input_is_refused(call, field):
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
