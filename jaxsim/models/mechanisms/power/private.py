"""What one consumer does by herself with a price forecast or a menu of priority contracts.

    maximize over x >= 0, y >= 0   E[ u(y_k) - l(x - y_k) - lambda_k y_k ]

A menu (r_k, p_k) is a forecast in disguise: contracts 1 to k are served in contingency k, so buying up to
y_k in contingency k costs lambda_k = (p_k - p_{k+1}) / q_k per unit at the margin. Contracts cannot be sold
back, so where those margins rise with k the consumer acts on their averages.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float
from jaxsim.models.mechanisms.power.market import Market
from jaxsim.models.mechanisms.power.search import bisect


@pytree
class Plan:
    """Commitments x [N] and planned deliveries y [K, N]; NaN where a demand has no bound."""

    commitments: Any
    deliveries: Any


def respond(market: Market, prices: Float[Array, " K"]) -> Plan:
    """Return every consumer's plan at announced probabilities and contingency prices (problem P3^j).

        u'(y_k) + l'(x - y_k) = lambda_k where y_k > 0,   E l'(x - y_k) = 0 where x > 0.

    Each consumer uses her own utility and loss only. Deliveries are looked for up to 64 times the largest
    supply (NaN beyond: a price is too low). Commitments without loss are reported as the expected delivery.
    First derivatives by the implicit function theorem.
    """
    fixed, at = lax.stop_gradient((market, prices))
    people = _width(market)
    high = 64 * jnp.max(fixed.supplies) * jnp.ones((len(at), people), fixed.supplies.dtype)

    def deliveries(x: Array) -> Array:
        worth = lambda y: fixed.utility.marginal(y) + fixed.loss.marginal(x - y)  # noqa: E731
        return bisect(lambda y: worth(y) > at[:, None], jnp.zeros_like(high), high)

    lacks = lambda x: fixed.expected(fixed.loss.marginal(x - deliveries(x))) < 0  # noqa: E731
    x = bisect(lacks, jnp.zeros(people, high.dtype), high[0])
    y = deliveries(x)
    beyond = jnp.any(y > high * (1 - 1e-9), axis=0)
    plan = _with_derivative(market, prices, x, y)
    return Plan(jnp.where(beyond, jnp.nan, plan.commitments), jnp.where(beyond, jnp.nan, plan.deliveries))


def _width(market: Market) -> int:
    return market.loss.slope(jnp.zeros((1, 1), market.supplies.dtype)).shape[1]


def _with_derivative(market: Market, prices: Array, x: Array, y: Array) -> Plan:
    """Take one joint Newton step on the conditions, in which market and prices carry their derivatives."""
    inside = y > 1e-12 * jnp.max(market.supplies)
    here = jnp.where(inside, y, 1)
    bend = lax.stop_gradient(market.loss.slope(x - jnp.where(inside, y, 0)))
    steep = lax.stop_gradient(-market.utility.curvature(here)) + bend
    gap = market.utility.marginal(here) + market.loss.marginal(x - here) - prices[:, None]
    alone = jnp.where(inside, gap / steep, 0)  # the change of y at a fixed commitment
    follow = jnp.where(inside, bend / steep, 0)  # dy/dx
    still = jnp.where(inside, y, 0)
    lack = market.expected(market.loss.marginal(x - still)) - market.expected(bend * alone)
    firm = market.expected(bend * (1 - follow))
    rigid = (firm > 1e-14) & (x > 1e-12 * jnp.max(market.supplies))
    change = jnp.where(rigid, -lack / jnp.where(rigid, firm, 1), 0)
    deliveries = still + alone + follow * change
    free = firm <= 1e-14
    return Plan(jnp.where(free, market.expected(deliveries), jnp.where(rigid, x + change, 0)), deliveries)


def menu_prices(
    probabilities: Float[Array, " K"],
    prices: Float[Array, " K"],
    payback: Float[Array, " K"] | float = 0.0,
) -> Array:
    """Return p_k(c_k) = sum_{i >= k} q_i lambda_i + c_k sum_{i < k} q_i.

    The expected marginal utility of contract k (4.5), plus the expected payback of cash c_k per unit that
    is not served. c_k = lambda_k is the fair premium of callable forward contracts (section 4.3.3).
    """
    plain = jnp.cumsum((probabilities * prices)[::-1])[::-1]
    return plain + payback * (1 - reliabilities(probabilities))


def contracts(deliveries: Float[Array, "K N"]) -> Float[Array, "K N"]:
    """Return the contracts behind deliveries, y_k = z_k - z_{k-1} with z_0 = 0.

    Corrected from the printed z_{i+1} - z_i of section 4.3.
    """
    return jnp.diff(deliveries, axis=0, prepend=jnp.zeros_like(deliveries[:1]))


def menu_revenue(
    menu: Float[Array, " K"], payback: Float[Array, " K"], bought: Float[Array, " K"]
) -> Float[Array, " K"]:
    """Return what the supplier keeps in each contingency i: sum_k p_k y_k - sum_{k > i} c_k y_k.

    Without payback it is the same in all (section 4.3.3, remark 2).
    """
    returned = payback * bought
    return menu @ bought - (jnp.sum(returned) - jnp.cumsum(returned))


def reliabilities(probabilities: Float[Array, " K"]) -> Array:
    """Return r_k = sum_{i >= k} q_i (4.4), the probability that contract k is served."""
    return jnp.cumsum(probabilities[::-1])[::-1]


def contingency_prices(probabilities: Float[Array, " K"], menu: Float[Array, " K"]) -> Array:
    """Return the marginal prices that a menu implies, pooled where they rise with k.

        lambda_k = min_{i <= k} max_{j >= k} [ sum_{i..j} (p_m - p_{m+1}) / sum_{i..j} q_m ],  p_{K+1} = 0.

    Without pooling a consumer would like to hold less in a richer contingency, which contracts do not
    allow; the solution of her problem under y_1 <= y_2 <= ... is the plan at the pooled prices.
    """
    steps = menu - jnp.concatenate([menu[1:], jnp.zeros(1, menu.dtype)])
    rows, columns = jnp.arange(len(menu))[:, None], jnp.arange(len(menu))[None, :]
    paid, weight = jnp.cumsum(steps), jnp.cumsum(probabilities)
    valid = rows <= columns  # mean[i, j] over i..j; the others get a weight of 1 to keep derivatives finite
    weights = jnp.where(valid, weight[None, :] - (weight - probabilities)[:, None], 1)
    mean = (paid[None, :] - (paid - steps)[:, None]) / weights

    def pooled(k: Array) -> Array:
        highest = jnp.max(jnp.where(valid & (columns >= k), mean, -jnp.inf), axis=1)
        return jnp.min(jnp.where(jnp.arange(len(menu)) <= k, highest, jnp.inf))

    return jnp.stack([pooled(jnp.asarray(k)) for k in range(len(menu))])
