"""The pure exchange economy with a numeraire: prices at which nobody wants to trade any further.

    consumer j:  u_j(x_j + dx_j) + y_j + dy_j,   budget  p'dx_j + dy_j = 0,   sum_j dx_j = 0,  sum_j dy_j = 0.

Utility is additive over the K goods and linear in the numeraire (good K+1), as in the class of economies by
which the dimension of "price" is found. The trade equates every consumer's marginal rate of substitution to
p. Preferences of any form are in `walras`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Real
from jaxsim.core.validation import non_negative, positive, require
from jaxsim.models.mechanisms.price import solve_prices
from jaxsim.models.mechanisms.status import demand_solved


class Trade(NamedTuple):
    """Prices [K] in numeraire, net trades of goods [N, K] and of numeraire [N], utility gains [N],
    residual, status.
    """

    prices: Array
    goods: Array
    numeraire: Array
    gains: Array
    residual: Array
    status: Array


def solve_exchange(utility: Any, endowments: Array) -> Trade:
    """Clear K markets that are independent given the numeraire; pure, vmappable. endowments [N, K]."""
    shape = endowments.shape
    spread = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, shape), utility)
    column = lambda leaf: leaf[:, None]  # noqa: E731  one activity each

    def market(utility: Any, held: Array) -> Any:
        ones = jnp.ones((shape[0], 1, 1), held.dtype)
        return solve_prices(jax.tree.map(column, utility), ones, jnp.sum(held)[None])

    solved = jax.vmap(market, in_axes=(1, 1))(spread, endowments)
    prices = solved.prices[:, 0]
    goods = solved.activities[:, :, 0].T - endowments
    paid = -(goods @ prices)
    gains = jnp.sum(spread.value(endowments + goods) - spread.value(endowments), axis=1) + paid
    return Trade(prices, goods, paid, gains, jnp.max(solved.residual), jnp.max(solved.status))


@float64
def exchange_equilibrium(utility: Any, endowments: Real, money: Real) -> Trade:
    """Return the competitive trade: Pareto optimal and individually rational (every gain >= 0), in float64.

    utility: leaves that broadcast to [N, K]; endowments x [N, K] >= 0 (each good held by somebody); money y
    [N] >= 0 of numeraire. Raises `InvalidInput` where a consumer cannot pay (the linear form of the
    numeraire would be violated) and `NoEquilibrium` where a market does not clear.
    Special case: identical consumers with identical endowments do not trade, and p = u'(x) (Lemma 2.2.2).
    Source: Ishikida (1992), section 2.2.2.
    """
    held, cash = non_negative("endowments", endowments), non_negative("money", money)
    require(held.ndim == 2, "endowments", held.shape, "has the wrong shape", "give [consumers, goods]")
    require(
        cash.shape == held.shape[:1],
        "money",
        cash.shape,
        "has the wrong shape",
        "give one number per consumer",
    )
    positive("endowments summed over consumers", np.sum(held, axis=0))
    trade = jax.jit(solve_exchange)(jax.tree.map(jnp.asarray, utility), jnp.asarray(held))
    demand_solved(trade.status, "exchange economy")
    left = cash + np.asarray(trade.numeraire)
    require(
        bool(np.all(left >= -1e-12)),
        "money",
        cash,
        "does not cover a consumer's purchases",
        "give more numeraire",
    )
    return jax.device_get(trade)
