"""Welfare of one contingency as an objective: a forecast of prices is announced, then the supply is drawn.

The forecast lambda moves every consumer's commitment x (by her own optimality conditions) and so the
allocation y_k that follows in contingency k, drawn with probability q_k:

    value = - sum_j [ u_j(y_jk) - l_j(x_j - y_jk) ],     E value = - welfare of `schemes.forecast_then_spot`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from jaxsim.core import samplers
from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Float
from jaxsim.models.mechanisms.power.market import Market, allocate
from jaxsim.models.mechanisms.power.private import respond


def contingency_welfare(market: Market, prices: Float[Array, " K"]) -> Float[Array, " K"]:
    """Return the welfare of each contingency after commitments on a forecast; differentiable (implicitly)."""
    plan = respond(market, prices).commitments
    found = allocate(market, plan).deliveries
    return jnp.sum(market.utility.value(found) - market.loss.value(plan - found), axis=1)


def forecast_objective(market: Market) -> Callable[[Float[Array, " K"], Key], Float[Array, ""]]:
    """Return objective(prices, key): minus the welfare of the contingency that the key draws."""

    def objective(prices: Float[Array, " K"], key: Key) -> Float[Array, ""]:
        u = samplers.uniform(key.pair(Stream.ENVIRONMENT)[0])
        happened = samplers.by_cdf(jnp.cumsum(market.probabilities), u)
        return -contingency_welfare(market, prices)[happened]

    return objective
