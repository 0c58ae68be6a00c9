"""Ways to price and ration the same market: one function each, all returning an `Outcome`.

`perfect_foresight` (spot prices with nobody committed), `two_stage` (the optimum with commitments),
`price_forecast` and `priority_service` (which attain it), `mean_price_then_spot`, `predetermined_plus_spot`,
`single_price` (efficient or proportional rationing), `no_commitment`, `safe_price`.

All are pure in the market and may be jitted, vmapped and differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float
from jaxsim.models.mechanisms.newton import projected_newton
from jaxsim.models.mechanisms.power.market import (
    Allocation,
    Market,
    QuadraticLoss,
    allocate,
    planned_demand,
)
from jaxsim.models.mechanisms.power.private import (
    contingency_prices,
    contracts,
    menu_prices,
    menu_revenue,
    reliabilities,
    respond,
)
from jaxsim.models.mechanisms.power.search import best_price, bisect


@pytree
class Outcome:
    """What a scheme achieves: expected welfare, supplier's expected revenue, consumers' surplus, and how.

    commitments [N] (of a consumer without loss they mean nothing), deliveries [K, N], prices (what the scheme
    announces: contingency prices, menu prices or one price), excess: the largest delivery beyond supply,
    over all contingencies (0 up to rounding, or the scheme has failed).
    """

    welfare: Any
    revenue: Any
    surplus: Any
    commitments: Any
    deliveries: Any
    prices: Any
    excess: Any


def outcome(
    market: Market, commitments: Array, deliveries: Array, prices: Array, revenue: Array, loss: Any = None
) -> Outcome:
    """Evaluate welfare E sum_j u_j(y_jk) - l_j(x_j - y_jk) and the rest from commitments and deliveries."""
    loss = market.loss if loss is None else loss
    gain = market.utility.value(deliveries) - loss.value(commitments - deliveries)
    welfare = market.expected(jnp.sum(gain, axis=1))
    excess = jnp.max(jnp.maximum(jnp.sum(deliveries, axis=1) - market.supplies, 0))
    return Outcome(welfare, revenue, welfare - revenue, commitments, deliveries, prices, excess)


def _sold(market: Market, found: Allocation) -> Array:
    """Return the expected revenue when every delivery is paid at its contingency's price."""
    return market.expected(found.prices * jnp.sum(found.deliveries, axis=1))


def perfect_foresight(market: Market) -> Outcome:
    """Spot pricing of consumers who need not plan: every contingency clears by itself (problem P1_k).

    With contingencies known in advance nobody would ever deviate from a plan, so no loss is counted: an
    upper bound for all schemes, attained when all consumers are flexible.
    """
    people = jax.tree.leaves(market.loss)[0].shape[0]
    flexible = QuadraticLoss(jnp.zeros(people, market.supplies.dtype))
    nobody = jnp.zeros(people, market.supplies.dtype)
    found = allocate(market, nobody, loss=flexible)
    mean = market.expected(found.deliveries)
    return outcome(market, mean, found.deliveries, found.prices, _sold(market, found), loss=flexible)


def two_stage(market: Market) -> Outcome:
    """The optimum of the two-stage model: commitments first, then the efficient allocation (problem P3).

        E l'_j(x_j - y_jk) = 0 where x_j > 0 (4.18),   u'_jk(y) + l'_j(x_j - y) = lambda_k where y > 0 (4.19).

    Newton's method on the concave value W(x) of commitments; its Hessian follows from the reaction of the
    time-1 allocation. Commitments of consumers without loss are indeterminate: the expected delivery is
    reported.
    """
    fixed = lax.stop_gradient(market)
    x = projected_newton(lambda x: _burden(fixed, x), _first_plan(fixed), jnp.ones(_people(fixed)),
                         tolerance=1e-12 if fixed.supplies.dtype == jnp.float64 else 1e-5).point  # fmt: skip
    # one Newton step at the solution carries the derivative of the commitments
    moves = x > 0
    _, gradient, _ = _burden(market, x)
    _, _, hessian = _burden(fixed, x)
    flat = jnp.abs(jnp.diagonal(hessian)) <= 1e-14
    slope = jnp.where(moves[:, None] & moves[None, :], hessian, 0) + jnp.diag(
        jnp.where(moves & ~flat, 0.0, 1.0)
    )
    shift = jnp.linalg.solve(slope, jnp.where(moves & ~flat, gradient, 0))
    x = x - shift
    found = allocate(market, x)
    plan = jnp.where(flat, market.expected(found.deliveries), x)
    return outcome(market, plan, found.deliveries, found.prices, _sold(market, found))


def _people(market: Market) -> int:
    return jax.tree.leaves(market.loss)[0].shape[0]


def _first_plan(market: Market) -> Array:
    """Return the expected deliveries under perfect foresight, a little above 0."""
    return perfect_foresight(market).commitments + 1e-3 * jnp.mean(market.supplies) / _people(market)


def _burden(market: Market, x: Array) -> tuple[Array, Array, Array]:
    """Return -W(x), its gradient E l'(x - y) and its Hessian."""
    found = allocate(market, x)
    y = found.deliveries
    gap = x - y
    value = -market.expected(jnp.sum(market.utility.value(y) - market.loss.value(gap), axis=1))
    bend, inside = market.loss.slope(gap), y > 0
    react = jnp.where(inside, 1 / (bend - market.utility.curvature(jnp.where(inside, y, 1))), 0)
    total = jnp.sum(react, axis=1)
    scarce = (found.prices > 0) & (total > 0)
    share = react * bend
    # dy_j/dx_i = react_j bend_j [i = j] - react_j react_i bend_i / sum react where supply is scarce
    spill = jnp.where(scarce[:, None, None], react[:, :, None] * share[:, None, :], 0)
    spill = spill / jnp.where(scarce, total, 1)[:, None, None]
    moved = jax.vmap(jnp.diag)(share) - spill
    own = jnp.eye(x.shape[0], dtype=x.dtype)
    hessian = market.expected(bend[:, :, None] * (own - moved))
    return value, market.expected(market.loss.marginal(gap)), hessian


def price_forecast(market: Market, prices: Float[Array, " K"] | None = None) -> Outcome:
    """Announce the distribution and contingency prices at time 0; sell at those prices at time 1.

    Each consumer plans x_j and y_jk by herself from (q, lambda). ``prices`` (default: those of the
    two-stage optimum, at which supply and demand balance) may be any forecast; then consumers' plans may
    exceed supply (see ``excess``).
    """
    announced = two_stage(market).prices if prices is None else prices
    plan = respond(market, announced)
    revenue = market.expected(announced * jnp.sum(plan.deliveries, axis=1))
    return outcome(market, plan.commitments, plan.deliveries, announced, revenue)


def forecast_then_spot(market: Market, prices: Float[Array, " K"]) -> Outcome:
    """Commit on a forecast, trade at the spot prices that really clear: feasible whatever the forecast.

    The objective for tuning a forecast: its maximum over forecasts is the two-stage optimum.
    """
    plan = respond(market, prices)
    found = allocate(market, plan.commitments)
    return outcome(market, plan.commitments, found.deliveries, found.prices, _sold(market, found))


def priority_service(
    market: Market, menu: Float[Array, " K"] | None = None, payback: Float[Array, " K"] | None = None
) -> Outcome:
    """Sell contracts of reliability r_k = P[S >= S_k] = sum_{i >= k} q_i at prices p_k per unit (supplies
    ascending).

        p_k(c_k) = sum_{i >= k} q_i lambda_i + c_k (1 - r_k)   (default; corrected from the printed p_k = sum
        lambda_i in section 4.5, which omits the probabilities)

    Consumer j buys y_1j, y_2j, ... of the contracts (in contingency k contracts 1 to k are served, so she
    receives y_1j + ... + y_kj) and pays whether or not they are served. ``payback`` c_k (default 0) is
    returned per unit of contract k that is not served; ``menu`` holds the prices p_k(c_k) charged with it. A
    consumer compares expected values, so a contract costs her p_k(c_k) - c_k (1 - r_k) and the default menu
    gives the same plan, welfare and expected revenue whatever the payback; who bears the risk differs (see
    `menu_revenue`). Revenue is net of payback. Requires utilities that do not depend on the contingency.
    """
    q = market.probabilities
    back = jnp.zeros_like(q) if payback is None else payback
    offered = menu_prices(q, two_stage(market).prices, back) if menu is None else menu
    plan = respond(market, contingency_prices(q, offered - back * (1 - reliabilities(q))))
    bought = jnp.sum(contracts(plan.deliveries), axis=1)
    revenue = market.expected(menu_revenue(offered, back, bought))
    return outcome(market, plan.commitments, plan.deliveries, offered, revenue)


def mean_price_then_spot(market: Market, prices: Array | None = None) -> Outcome:
    """Announce only the mean of a forecast (default: the optimum's); consumers plan for it, then trade at
    spot.
    """
    mean = market.expected(two_stage(market).prices if prices is None else prices)
    x = planned_demand(market, mean)
    found = allocate(market, x)
    return outcome(market, x, found.deliveries, mean, _sold(market, found))


def no_commitment(market: Market) -> Outcome:
    """Nobody plans (x = 0) and all trade at spot prices: every delivery is a deviation from the plan."""
    x = jnp.zeros(_people(market), market.supplies.dtype)
    found = allocate(market, x)
    return outcome(market, x, found.deliveries, found.prices, _sold(market, found))


def safe_price(market: Market) -> Outcome:
    """One price at which planned demand never exceeds the smallest supply: no rationing, no deviation."""
    price = clearing_price(market, jnp.min(market.supplies))
    x = planned_demand(market, price)
    y = jnp.broadcast_to(x, (len(market.supplies), len(x)))
    return outcome(market, x, y, price, price * jnp.sum(x))


def clearing_price(market: Market, supply: Array) -> Array:
    """Return the single price at which planned demand equals a supply (0 if it never exceeds it)."""
    share = supply / _people(market) * jnp.ones((len(market.supplies), _people(market)), supply.dtype)
    high = jnp.max(market.expected(market.utility.marginal(share)))
    low = 1e-9 * high
    fixed, wanted = lax.stop_gradient((market, supply))
    total = lambda m, p: jnp.sum(jnp.nan_to_num(planned_demand(m, p), nan=jnp.inf))  # noqa: E731
    price = bisect(lambda p: total(fixed, p) > wanted, lax.stop_gradient(low), lax.stop_gradient(high))
    slope = jax.grad(lambda p: jnp.sum(planned_demand(fixed, p)))(price)
    return price - (jnp.sum(planned_demand(market, price)) - supply) / lax.stop_gradient(slope)


def single_price(market: Market, price: Array | None = None, *, rationing: str = "efficient") -> Outcome:
    """One price at time 0 for all; excess demand is rationed at time 1 (Brown and Johnson).

    efficient: deliveries maximize utility net of loss, which needs every demand curve, more than one price
    reveals; proportional: everybody receives the same fraction of the plan. Nobody receives more than
    planned. By default the price is the best one (searched between the prices that clear the smallest and
    twice the largest supply).
    """

    def at(price: Array) -> Outcome:
        x = planned_demand(market, price)
        if rationing == "efficient":
            y = allocate(market, x, most=x).deliveries
        else:
            y = x * jnp.minimum(1, market.supplies / jnp.sum(x))[:, None]
        return outcome(market, x, y, price, price * market.expected(jnp.sum(y, axis=1)))

    return at(_best_single(market, lambda p: at(p).welfare) if price is None else price)


def predetermined_plus_spot(
    market: Market, inflexible: Array | None = None, price: Array | None = None
) -> Outcome:
    """A predetermined price for one group, which is rationed when supply is short, spot prices for the
    others.

    inflexible [N]: who faces the predetermined price (default: those whose loss is curved). The group plans
    at that price and receives at most its plan; the others plan nothing, lose nothing, and trade at spot
    prices with what is left. By default the price is the best one. (Caramanis, Bohn, Schweppe 1982, on the
    two-stage model, section 4.5.)
    """
    people = _people(market)
    zero = jnp.zeros((1, people), market.supplies.dtype)
    group = market.loss.slope(zero)[0] > 0 if inflexible is None else inflexible

    def at(price: Array) -> Outcome:
        plan = jnp.where(group, planned_demand(market, price), 0)
        loss = _Only(market.loss, group)
        found = allocate(market, plan, loss=loss, most=jnp.where(group, plan, jnp.inf))
        paid = jnp.where(group, price, found.prices[:, None]) * found.deliveries
        x = jnp.where(group, plan, market.expected(found.deliveries))
        # the others' deviations cost nothing
        return outcome(market, x, found.deliveries, price, market.expected(jnp.sum(paid, axis=1)), loss=loss)

    return at(_best_single(market, lambda p: at(p).welfare) if price is None else price)


@pytree
class _Only:
    """The losses of a group; the others lose nothing."""

    loss: Any
    group: Any

    def value(self, z: Array) -> Array:
        return jnp.where(self.group, self.loss.value(z), 0)

    def marginal(self, z: Array) -> Array:
        return jnp.where(self.group, self.loss.marginal(z), 0)

    def slope(self, z: Array) -> Array:
        return jnp.where(self.group, self.loss.slope(z), 0)


def _best_single(market: Market, welfare: Callable[[Array], Array]) -> Array:
    """Search between the prices at which planned demand clears twice the largest and the smallest supply."""
    fixed = lax.stop_gradient(market)
    most, least = jnp.max(fixed.supplies), jnp.min(fixed.supplies)
    low, high = jax.vmap(lambda supply: clearing_price(fixed, supply))(jnp.stack([2 * most, least]))
    return best_price(welfare, low, high)
