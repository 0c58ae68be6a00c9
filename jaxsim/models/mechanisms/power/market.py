"""An electricity market under uncertainty: contingencies, consumers, and the allocation after commitments.

    contingency k has probability q_k and supply S_k; consumer j commits to x_j at time 0, receives y_jk at
    time 1 and values it at  u_jk(y_jk) - l_j(x_j - y_jk).

At time 1, given commitments, the allocation of each contingency is a separate problem with one price:

    maximize  sum_j u_j(y_j) - l_j(x_j - y_j)   subject to   sum_j y_j <= S,   0 <= y_j (<= x_j where
    rationed).

Source: Ishikida (1992), sections 4.3.1, 4.4.1 and 4.5 (problem P3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array
from jaxsim.models.mechanisms.power.search import bisect


@pytree
class QuadraticLoss:
    """l(z) = curvature z^2/2 for a consumer who gets z less than planned; curvature 0 is a flexible
    consumer.
    """

    curvature: Any

    def value(self, z: Array) -> Array:
        """Return curvature z^2/2."""
        return self.curvature * z**2 / 2

    def marginal(self, z: Array) -> Array:
        """Return curvature z."""
        return self.curvature * z

    def slope(self, z: Array) -> Array:
        """Return the second derivative, the curvature."""
        return self.curvature * jnp.ones_like(z)


@pytree
class CustomLoss:
    """Any convex differentiable l(z) = function(parameters, z) with l(0) = 0, elementwise in jax.numpy."""

    parameters: Any
    function: Callable[[Any, Array], Array] = static()

    def value(self, z: Array) -> Array:
        """Return function(parameters, z)."""
        return self.function(self.parameters, z)

    def marginal(self, z: Array) -> Array:
        """Return dl/dz by automatic differentiation."""
        return jax.grad(lambda at: jnp.sum(self.function(self.parameters, at)))(z)

    def slope(self, z: Array) -> Array:
        """Return d2l/dz2 by automatic differentiation."""
        return jax.grad(lambda at: jnp.sum(self.marginal(at)))(z)


@pytree
class Market:
    """Utilities (leaves [K, N]), losses (leaves [N]), supplies [K] and probabilities [K] of K
    contingencies.
    """

    utility: Any
    loss: Any
    supplies: Any
    probabilities: Any

    def expected(self, values: Array) -> Array:
        """Return the expectation over contingencies, the first axis."""
        return jnp.tensordot(self.probabilities, values, axes=1)


@pytree
class Allocation:
    """Deliveries y [K, N] and scarcity prices [K] at time 1."""

    deliveries: Any
    prices: Any


def allocate(
    market: Market, commitments: Array, *, loss: Any = None, most: Array | None = None
) -> Allocation:
    """Return the efficient allocation of every contingency after the commitments, and its prices.

        u'_jk(y) + l'_j(x_j - y) = lambda_k  where  0 < y < most,   sum_j y_jk = S_k  or  lambda_k = 0.

    commitments [N], or [K, N] where plans are made when the contingency is known. ``most`` of either shape
    (default: no bound) caps deliveries, as rationing does; ``loss`` replaces the market's.
    Bisection on each price around bisection on each delivery, then one Newton step on the joint conditions,
    which also gives the derivative with respect to everything (implicit function theorem, first order).
    """
    loss = market.loss if loss is None else loss
    fixed = lax.stop_gradient((market, commitments, loss, most))
    state, x, cost, cap = fixed
    supply = state.supplies[:, None]
    # nobody receives more than the whole supply, and a bracket of twice that leaves her price determined
    room = 2 * supply if cap is None else jnp.minimum(2 * supply, cap)
    top = jnp.broadcast_to(room, (len(supply), x.shape[-1]))
    worth = lambda y: state.utility.marginal(y) + cost.marginal(x - y)  # noqa: E731

    def deliveries(price: Array) -> Array:
        return bisect(lambda y: worth(y) > price[:, None], jnp.zeros_like(top), top)

    # above the largest worth of an equal share nobody wants as much as that share
    limit = jnp.maximum(jnp.max(worth(jnp.minimum(supply / x.shape[-1], top)), axis=1), 0)
    short = lambda price: jnp.sum(deliveries(price), axis=1) > state.supplies  # noqa: E731
    none = jnp.zeros_like(limit)
    price = jnp.where(short(none), bisect(short, none, limit), 0)
    return _with_derivative(market, commitments, loss, most, deliveries(price), price, top)


def _with_derivative(
    market: Market, x: Array, loss: Any, most: Array | None, y: Array, price: Array, top: Array
) -> Allocation:
    """Take one Newton step from a solved allocation, in which the data carry their derivatives.

    Deliveries at 0 or at their cap stay there; the price of a contingency with supply to spare stays 0.
    """
    capped = (y >= top * (1 - 1e-12)) & (most is not None)
    inside = (y > 1e-12 * top) & ~capped
    here = jnp.where(inside, y, jnp.maximum(top / 2, 1e-12))  # a harmless argument where nothing moves
    steep = lax.stop_gradient(loss.slope(x - here) - market.utility.curvature(here))
    react = jnp.where(inside, 1 / steep, 0)
    gap = jnp.where(inside, market.utility.marginal(here) + loss.marginal(x - here) - price[:, None], 0)
    cap = jnp.zeros_like(y) if most is None else jnp.broadcast_to(most, y.shape)
    still = jnp.where(inside, y, jnp.where(capped, jnp.where(jnp.isfinite(cap), cap, 0), 0))
    total = jnp.sum(react, axis=1)
    scarce = (price > 0) & (total > 0)
    excess = jnp.sum(react * gap + still, axis=1) - market.supplies
    change = jnp.where(scarce, excess / jnp.where(scarce, total, 1), 0)
    return Allocation(still + react * (gap - change[:, None]), price + change)


def planned_demand(market: Market, price: Array) -> Array:
    """Return each consumer's plan at one predetermined price: argmax_x E u_jk(x) - price x (at least 0).

    Looked for up to 64 times the largest supply; NaN beyond.
    """
    fixed, at = lax.stop_gradient((market, price))
    expect = lambda m, x: m.expected(m.utility.marginal(x[None, :] * jnp.ones((len(m.supplies), 1))))  # noqa: E731
    people = jax.tree.leaves(market.loss)[0].shape[0]
    high = 64 * jnp.max(fixed.supplies) * jnp.ones(people, fixed.supplies.dtype)
    x = bisect(lambda x: expect(fixed, x) > at, jnp.zeros_like(high), high)
    inside = (x > 1e-12 * high) & (x < high * (1 - 1e-9))
    here = jnp.where(inside, x, 1)
    bend = market.expected(market.utility.curvature(here[None, :] * jnp.ones((len(market.supplies), 1))))
    step = here - (expect(market, here) - price) / lax.stop_gradient(bend)
    return jnp.where(inside, step, jnp.where(x < high / 2, 0.0, jnp.nan))
