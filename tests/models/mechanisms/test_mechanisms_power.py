"""Pricing of electric power: the worked example, the identities of chapter 4, optimality, and derivatives."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxsim.core.validation import InvalidInput
from jaxsim.models.mechanisms import power
from jaxsim.models.mechanisms.power.compare import on_device

WEIGHTS, SCALES = np.array([10.0, 8, 6, 4]), np.array([1.0, 2, 3, 0.5])
KAPPA = np.array([0.0, 0, 0.8, 3])
SUPPLIES, ODDS = np.array([4.0, 7, 12]), np.array([0.2, 0.3, 0.5])


def market(kappa=KAPPA):
    return power.make_market(WEIGHTS, SCALES, kappa, SUPPLIES, ODDS)


@functools.cache
def compared(flexible):
    return power.compare(market(np.zeros(4) if flexible else KAPPA))


def test_flexible_consumers_spot_and_menu():
    found = compared(True)
    # all consume in S = 12: sum w/(12 + sum d); consumer 3 is out at S = 4 and 7: 22/(4 + 3.5) and 22/(7 +
    # 3.5)
    np.testing.assert_allclose(found["perfect_foresight"].prices, [44 / 15, 44 / 21, 56 / 37], rtol=1e-11)
    menu = found["priority_service"].prices
    np.testing.assert_allclose(menu, [1.97199485, 1.38532819, 0.75675676], atol=5e-9)
    np.testing.assert_allclose(menu[::-1], np.cumsum((ODDS * [44 / 15, 44 / 21, 56 / 37])[::-1]), rtol=1e-11)
    for scheme in ("perfect_foresight", "priority_service", "price_forecast", "two_stage"):
        np.testing.assert_allclose(found[scheme].revenue, 15.82774775, atol=5e-9)
        np.testing.assert_allclose(found[scheme].welfare, found["perfect_foresight"].welfare, rtol=1e-11)
        np.testing.assert_allclose(found[scheme].deliveries.sum(axis=1), SUPPLIES, rtol=1e-11)


def test_inflexible_consumers_two_stage_optimum():
    found = compared(False)
    for scheme in ("two_stage", "price_forecast", "priority_service"):
        o = found[scheme]
        np.testing.assert_allclose(o.welfare, 28.91443876, atol=5e-9)
        np.testing.assert_allclose(o.commitments[2:], [0.34646881, 1.53644775], atol=5e-9)
        np.testing.assert_allclose(o.deliveries.sum(axis=1), SUPPLIES, rtol=1e-10)
    prices = found["two_stage"].prices
    np.testing.assert_allclose(prices, [3.13207756, 2.13967386, 1.41867728], atol=5e-9)
    # conditions (4.18), (4.19) by hand
    x, y = found["two_stage"].commitments, found["two_stage"].deliveries
    np.testing.assert_allclose(ODDS @ (KAPPA * (x - y)), 0, atol=1e-12)
    worth = WEIGHTS / (SCALES + y) + KAPPA * (x - y)
    assert np.max(np.abs(np.minimum(y, prices[:, None] - worth))) < 1e-10


def test_the_schemes_rank_as_stated():
    welfare = {name: float(o.welfare) for name, o in compared(False).items()}
    best = [welfare[name] for name in ("two_stage", "price_forecast", "priority_service")]
    assert max(best) - min(best) < 1e-10
    rest = [welfare[name] for name in power.SCHEMES if name not in ("price_forecast", "priority_service")]
    assert all(a > b + 0.01 for a, b in itertools.pairwise(rest)), welfare
    for o in compared(False).values():
        assert o.excess < 1e-9
        np.testing.assert_allclose(o.welfare, o.revenue + o.surplus)


def test_closed_forms_of_the_simple_schemes():
    found = compared(False)
    # safe: w_j/p - d_j summed over consumers 1, 2, 4 is 4 at p = 44/15
    np.testing.assert_allclose(found["safe_price"].prices, 44 / 15, rtol=1e-10)
    plan = np.maximum(WEIGHTS * 15 / 44 - SCALES, 0)
    np.testing.assert_allclose(
        found["safe_price"].welfare, np.sum(WEIGHTS * np.log1p(plan / SCALES)), rtol=1e-10
    )
    # the single price is best where planned demand is the largest supply: nobody may receive more than
    # planned
    single = found["single_price_proportional"]
    np.testing.assert_allclose(single.deliveries, np.outer(SUPPLIES / 12, single.commitments), rtol=1e-6)


def test_message_sizes_of_the_theorems():
    sizes = power.message_sizes(3, 4, 2)
    assert sizes["perfect_foresight"] == 3 * 5 and sizes["price_forecast"] == 3 * 5 + 2
    assert set(sizes) == set(power.SCHEMES)


def test_payback_is_paid_for_in_the_price_of_the_contract():
    # the consumer's problem with payback as printed in section 4.3.3, solved by SLSQP for every consumer
    back = np.array([3.0, 2.0, 1.0])
    with_it = power.solve_priority(market(np.zeros(4)), back)
    menu = with_it.outcome.prices
    # p_k(c_k) = p_k + c_k sum_{i < k} q_i
    plain = np.array([1.97199485, 1.38532819, 0.75675676])
    np.testing.assert_allclose(menu, plain + back * [0, 0.2, 0.5], atol=5e-9)

    def minus_gain(y, w, d):
        z = np.cumsum(y)
        unserved = np.sum(back * y) - np.cumsum(back * y)
        return menu @ y - ODDS @ (w * np.log1p(z / d) + unserved)

    for j in range(4):
        best = minimize(
            minus_gain, np.ones(3), (WEIGHTS[j], SCALES[j]), "SLSQP", bounds=[(0, None)] * 3,
            options={"ftol": 1e-14, "maxiter": 300},
        )  # fmt: skip
        np.testing.assert_allclose(with_it.bought[:, j], best.x, atol=2e-5)
    # what is kept, contingency by contingency: less by the payback where less is served
    total = np.diff(SUPPLIES, prepend=0)
    kept = menu @ total - [back[1:] @ total[1:], back[2] * total[2], 0]
    np.testing.assert_allclose(with_it.kept, kept, rtol=1e-7)
    np.testing.assert_allclose([with_it.outcome.revenue, ODDS @ kept], 15.82774775, atol=5e-8)


def linear_demand(kappa=0.0, capacity=9.0):
    # D_1 = (10 - p)/2, (7 - p)/2 and D_2 = (14 - p)/2, (9 - p)/2: together 12 - p and 8 - p
    rows = [[10.0, 14], [7, 9]]
    return power.make_market(
        rows, [0.5, 0.5], np.full(2, kappa), [capacity] * 2, [0.5, 0.5], utility="quadratic"
    )


def test_brown_and_johnson_with_a_flat_supply_curve():
    # p = c_0 = 2: expected demand 8 is below the capacity of 9; the high demand of 10 is rationed
    found = power.solve_one_price(linear_demand(), power.SupplyCurve(2.0, 0.0))
    np.testing.assert_allclose(found.expected, 2, atol=1e-9)
    np.testing.assert_allclose(found.contingent.prices, [3, 2], rtol=1e-9)  # 12 - 3 = 9, 8 - 2 = 6
    # a z - z^2 per consumer, less 2 per unit: (3.5, 5.5) and (2.5, 3.5)
    high = 10 * 3.5 - 3.5**2 + 14 * 5.5 - 5.5**2 - 18
    low = 7 * 2.5 - 2.5**2 + 9 * 3.5 - 3.5**2 - 12
    at_two, best = found.efficient
    for outcome in (found.contingent, at_two, best):
        np.testing.assert_allclose(outcome.welfare, (high + low) / 2, rtol=1e-9)
    # proportional: (3.6, 5.4) instead of (3.5, 5.5), a loss of .1^2 each in half the cases
    np.testing.assert_allclose(at_two.welfare - found.proportional[0].welfare, 0.01, rtol=1e-6)
    # proportional rationing wastes in proportion to the excess, so that a higher price is better
    assert found.proportional[1].prices > 2.01
    assert at_two.excess < 1e-9 and abs(at_two.surplus + at_two.revenue - at_two.welfare - 15) < 1e-9


def test_brown_and_johnson_with_rationing_losses_and_rising_costs():
    with jax.enable_x64(True):
        flat, rising = (power.SupplyCurve(*map(jnp.asarray, c)) for c in ((2.0, 0.0), (1.0, 0.5)))
        losing, wide = on_device(linear_demand(1.0)), on_device(linear_demand(capacity=100.0))

        def slope(market, curve, price, output="demand"):
            return jax.grad(lambda p: power.one_price(market, curve, p, output=output).welfare)(price)

        slopes = jax.jit(
            lambda p: (slope(losing, flat, p), slope(wide, rising, p), slope(wide, rising, p, "price"))
        )
        # efficient rationing by e shares it equally, l = e^2/4: W' = e/4 - (p - 2)/2 with e = 12 - p - 9
        at = slopes(jnp.asarray(2.2))
        np.testing.assert_allclose(at[0], 0.8 / 4 - 0.2 / 2, rtol=1e-6)
        # all demand is served: W' = E c'(D) - p = 1 + (10 - p)/2 - p, zero where E D = 10 - p meets 2 (p - 1)
        np.testing.assert_allclose(at[1], 6 - 1.5 * 2.2, rtol=1e-6)
        np.testing.assert_allclose(power.expected_price(wide, rising), 4, atol=1e-9)
        # only S = 2 (p - 1) is offered: W' = (D_H - S) 2/2 - (S - D_L)/2/2 at p = 4, zero at 4.4
        np.testing.assert_allclose(slopes(jnp.asarray(4.0))[2], 2 - 0.5, rtol=1e-6)
        np.testing.assert_allclose(slopes(jnp.asarray(4.4))[2], 0, atol=1e-7)


def test_a_menu_that_would_be_traded_back_is_pooled():
    # marginal prices 1, 3 (rising): she acts on the mean, weights .4 and .6
    q = jnp.asarray([0.4, 0.6])
    implied = power.contingency_prices(q, power.menu_prices(q, jnp.asarray([1.0, 3.0])))
    np.testing.assert_allclose(implied, 2.2, rtol=1e-6)
    falling = jnp.asarray([3.0, 1.0])
    slope = jax.jacrev(lambda menu: power.contingency_prices(q, menu))(power.menu_prices(q, falling))
    np.testing.assert_allclose(slope, [[2.5, -2.5], [0, 1 / 0.6]], rtol=1e-6)  # (p_k - p_{k+1}) / q_k
    np.testing.assert_allclose(power.contingency_prices(q, power.menu_prices(q, falling)), falling, rtol=1e-6)


def test_random_demand_and_a_users_loss():
    # three-halves power loss and demand that differs by contingency: conditions (4.18), (4.19) again
    rng = np.random.default_rng(0)
    w, d = rng.uniform(2, 9, (3, 4)), rng.uniform(0.5, 2, (3, 4))
    base = power.make_market(w, d, np.ones(4), SUPPLIES, ODDS)
    loss = power.CustomLoss(np.array([0.5, 1.0, 2.0, 0.7]), lambda c, z: c * ((1 + z**2) ** 0.75 - 1))
    with jax.enable_x64(True):
        found = jax.device_get(jax.jit(power.two_stage)(on_device(dataclasses.replace(base, loss=loss))))
    z = found.commitments - found.deliveries
    slope = loss.parameters * 1.5 * z * (1 + z**2) ** -0.25
    np.testing.assert_allclose(ODDS @ slope, 0, atol=1e-9)
    gap = found.prices[:, None] - w / (d + found.deliveries) - slope
    assert np.max(np.abs(np.minimum(found.deliveries, gap))) < 1e-9
    np.testing.assert_allclose(found.deliveries.sum(axis=1), SUPPLIES, rtol=1e-10)
    with pytest.raises(InvalidInput, match="depends on the contingency"):
        power.compare(base)


def test_derivatives_of_welfare_and_revenue_equal_finite_differences():
    with jax.enable_x64(True):
        m = on_device(market())

        def numbers(prices, menu, weights, kappa, odds):
            utility = dataclasses.replace(m.utility, weight=jnp.broadcast_to(weights, (3, 4)))
            here = power.Market(utility, power.QuadraticLoss(kappa), m.supplies, odds)
            a, b = power.forecast_then_spot(here, prices), power.two_stage(here)
            c = power.priority_service(here, menu)
            return jnp.stack([a.welfare, a.revenue, b.welfare, b.revenue, c.revenue, c.welfare])

        at = (jnp.asarray([3.0, 2.2, 1.5]), jnp.asarray([2.0, 1.3, 0.7]), m.utility.weight[0],
              jnp.asarray([0.5, 0.4, 0.8, 3.0]), m.probabilities)  # fmt: skip
        rng = np.random.default_rng(0)
        ways = tuple(jnp.asarray(rng.normal(size=v.shape)) for v in at)
        run = jax.jit(lambda at, way: jax.jvp(numbers, at, way))
        for place in range(5):
            way = tuple(w if i == place else jnp.zeros_like(w) for i, w in enumerate(ways))
            moved = [tuple(a + h * w for a, w in zip(at, way, strict=True)) for h in (1e-5, -1e-5)]
            numeric = (run(moved[0], way)[0] - run(moved[1], way)[0]) / 2e-5
            np.testing.assert_allclose(run(at, way)[1], numeric, rtol=2e-6, atol=1e-6)


def test_supplies_from_csv(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("supply,probability\n7,0.3\n4,0.2\n12,0.25\n12,0.25\n")
    supplies, odds = power.read_supplies(str(path))
    np.testing.assert_allclose(supplies, SUPPLIES)
    np.testing.assert_allclose(odds, ODDS)
    path.write_text("supply\n4\n7\n7\n12\n")
    np.testing.assert_allclose(power.read_supplies(str(path))[1], [0.25, 0.5, 0.25])
    path.write_text("power\n4\n")
    with pytest.raises(InvalidInput, match="column supply"):
        power.read_supplies(str(path))
    with pytest.raises(InvalidInput, match="csv"):
        power.read_supplies(str(tmp_path / "none.csv"))


@pytest.mark.slow
def test_random_markets_keep_the_order_that_must_hold():
    """Only inequalities that hold for every market: the optimum lies between foresight and everything
    else.
    """
    found = power.compare_many(power.random_markets(200, seed=1))
    best = found["two_stage"]["welfare"]
    assert np.all(found["perfect_foresight"]["welfare"] >= best - 1e-9)
    for name in power.SCHEMES[1:]:
        assert np.all(found[name]["welfare"] <= best + 1e-9), name
        assert np.all(found[name]["excess"] < 1e-8), name
    for name in ("price_forecast", "priority_service"):
        np.testing.assert_allclose(found[name]["welfare"], best, atol=1e-8)
    assert np.all(
        found["single_price_efficient"]["welfare"] >= found["single_price_proportional"]["welfare"] - 1e-5
    )


def test_bad_input_names_the_field():
    for field, change in {
        "supplies": {"supplies": [4, 3, 12]}, "probabilities": {"probabilities": [0.2, 0.3, 0.6]},
        "weights": {"weights": [1, 2]}, "curvatures": {"curvatures": [0, 0, -1, 1]},
    }.items():  # fmt: skip
        given = {
            "weights": WEIGHTS,
            "scales": SCALES,
            "curvatures": KAPPA,
            "supplies": SUPPLIES,
            "probabilities": ODDS,
        }
        with pytest.raises(InvalidInput, match=field):
            power.make_market(**{**given, **change})
