"""One price announced before random demand is known: the scheme of Brown and Johnson, with supply at a cost.

Contingency k has demand D_jk(p) of consumer j and capacity S_k; energy costs c(z) with marginal cost
c'(z) = c0 + c1 z. The price p is set at time 0; at time 1 everybody demands D_jk(p), and demand beyond what
is supplied is rationed. Welfare is

    E[ sum_j u_jk(y_jk) - l_j(D_jk(p) - y_jk) - c(sum_j y_jk) ],

where the loss l of being rationed is what Turvey missed in the scheme and Crew and Kleindorfer added.

Source: Ishikida (1992), section 4.2, figures 4.1 and 4.2, after Brown and Johnson (1969).
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array
from jaxsim.core.validation import choice
from jaxsim.models.mechanisms.power.market import Market, allocate
from jaxsim.models.mechanisms.power.schemes import Outcome, outcome
from jaxsim.models.mechanisms.power.search import best_price, bisect


@pytree
class SupplyCurve:
    """Marginal cost c'(z) = intercept + slope z of energy, slope >= 0 (0: a flat curve up to capacity)."""

    intercept: Any
    slope: Any

    def cost(self, z: Array) -> Array:
        """Return c(z), with c(0) = 0."""
        return z * (self.intercept + self.slope * z / 2)

    def offered(self, price: Array, capacity: Array) -> Array:
        """Return the largest z <= capacity with c'(z) <= price (0 if there is none)."""
        rising = (price - self.intercept) / jnp.where(self.slope > 0, self.slope, 1)
        wanted = jnp.where(self.slope > 0, rising, jnp.where(price >= self.intercept, jnp.inf, 0))
        return jnp.clip(wanted, 0, capacity)


def demand_at(market: Market, price: Array) -> Array:
    """Return D_jk(p) [K, N]: what consumer j asks for in contingency k at a price [] or [K]."""
    every = jnp.broadcast_to(jnp.atleast_1d(price), market.supplies.shape)
    return market.utility.demand(jnp.broadcast_to(every[:, None], (len(every), _people(market))))


def contingent_pricing(market: Market, curve: SupplyCurve) -> Outcome:
    """Price every contingency where its own demand meets the supply curve: the most welfare there can be."""
    fixed = lax.stop_gradient((market, curve))
    prices = _clearing(*fixed)
    met = demand_at(market, prices)
    # where the flat part of the curve is met (or a kink of demand) the price fixes demand, not supply
    y = met * jnp.minimum(1, market.supplies / jnp.sum(met, axis=1))[:, None]
    return _after_cost(
        outcome(market, y, y, prices, market.expected(prices * jnp.sum(y, axis=1))), market, curve
    )


def expected_price(market: Market, curve: SupplyCurve) -> Array:
    """Return the price at which expected demand meets the (expected) supply curve: Brown and Johnson's."""
    fixed, cost = lax.stop_gradient((market, curve))
    ends = _clearing(fixed, cost)
    short = lambda p: fixed.expected(_shortage(fixed, cost, p * jnp.ones_like(ends))) > 0  # noqa: E731
    return bisect(short, jnp.min(ends), jnp.max(ends))


def one_price(
    market: Market,
    curve: SupplyCurve,
    price: Array | None = None,
    *,
    rationing: str = "efficient",
    output: str = "demand",
) -> Outcome:
    """Announce one price before demand is known and ration what demand exceeds supply.

    rationing: efficient (utility net of loss is maximized, which needs every demand curve: more than one
    price reveals, figure 4.2) or proportional. output: "demand" serves all demand up to capacity, whatever
    it costs; "price" supplies no more than is offered at the announced price. Revenue is p times the
    deliveries, surplus the consumers' (welfare = surplus + revenue - cost). Default price: the best one.
    Special cases: with a flat curve that expected demand meets below capacity, p = c0 attains
    `contingent_pricing` when rationing costs nothing (Brown and Johnson's result); with linear demand
    curves that differ by a shift and all of it served, p = `expected_price`.
    Differentiable in the market, the curve and a given price.
    """
    choice("rationing", rationing, ("efficient", "proportional"))
    choice("output", output, ("demand", "price"))

    def at(market: Market, curve: SupplyCurve, price: Array) -> Outcome:
        plan = demand_at(market, price)
        limit = market.supplies if output == "demand" else curve.offered(price, market.supplies)
        if rationing == "efficient":
            y = allocate(replace(market, supplies=limit), plan, most=plan).deliveries
        else:
            asked = jnp.sum(plan, axis=1)
            y = plan * jnp.minimum(1, limit / jnp.where(asked > 0, asked, 1))[:, None]
        paid = price * market.expected(jnp.sum(y, axis=1))
        return _after_cost(outcome(market, plan, y, price, paid), market, curve)

    if price is not None:
        return at(market, curve, price)
    fixed = lax.stop_gradient((market, curve))
    ends = _clearing(*fixed)
    low = jnp.maximum(jnp.min(ends), 1e-6 * jnp.max(ends))  # the search needs prices above 0
    return at(market, curve, best_price(lambda p: at(*fixed, p).welfare, low, jnp.max(ends)))


class Announced(NamedTuple):
    """The price where expected demand meets supply; contingent pricing; and for each way of rationing the
    outcomes at that price and at the best price.
    """

    expected: Array
    contingent: Outcome
    efficient: tuple[Outcome, Outcome]
    proportional: tuple[Outcome, Outcome]


@functools.partial(jax.jit, static_argnames="output")
def _announced(market: Market, curve: SupplyCurve, output: str) -> Announced:
    meeting = expected_price(market, curve)

    def both(rationing: str) -> tuple[Outcome, Outcome]:
        at = functools.partial(one_price, market, curve, rationing=rationing, output=output)
        return at(meeting), at(None)

    return Announced(meeting, contingent_pricing(market, curve), both("efficient"), both("proportional"))


@float64
def solve_one_price(market: Market, curve: SupplyCurve, output: str = "demand") -> Announced:
    """Return `Announced` for one market, in float64 and as numpy arrays."""
    choice("output", output, ("demand", "price"))
    return jax.device_get(_announced(*jax.tree.map(jnp.asarray, (market, curve)), output))


def _people(market: Market) -> int:
    return market.loss.slope(jnp.zeros((1, 1), market.supplies.dtype)).shape[1]


def _shortage(market: Market, curve: SupplyCurve, prices: Array) -> Array:
    """Return demand less offered supply in every contingency at its price [K]."""
    return jnp.sum(demand_at(market, prices), axis=1) - curve.offered(prices, market.supplies)


def _clearing(market: Market, curve: SupplyCurve) -> Array:
    """Return the price [K] at which each contingency's demand meets the supply curve."""
    share = jnp.broadcast_to(
        market.supplies[:, None] / _people(market), (len(market.supplies), _people(market))
    )
    # at this price nobody wants more than an equal share of the capacity, and no cost is above it
    high = jnp.max(market.utility.marginal(share), axis=1)
    high = jnp.maximum(high, curve.intercept + curve.slope * market.supplies)
    low = 1e-9 * high
    short = lambda p: _shortage(market, curve, p) > 0  # noqa: E731
    return bisect(short, low, high)


def _after_cost(found: Outcome, market: Market, curve: SupplyCurve) -> Outcome:
    """Take the expected cost of supply off welfare (consumers' surplus is what it was)."""
    cost = market.expected(curve.cost(jnp.sum(found.deliveries, axis=1)))
    return replace(found, welfare=found.welfare - cost)
