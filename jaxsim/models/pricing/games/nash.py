"""Rates of the utility-maximizing Nash equilibrium (3.20), (3.21): stages 1 and 2 of the policy.

    maximize  sum_j U_j(x_j, c_j)   over c in the pool's region, c_j = 0 where the queue is empty

Pools do not interact here: given the valued queues, each solves its own problem (``vmap`` over pools). The
sum's maximizer is a Nash equilibrium too: utilities increase in the own rate alone, so nobody gains
unless the region leaves room beside the others, and a maximizer leaves none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array, Float
from jaxsim.models.pricing.games import curved, interior
from jaxsim.models.pricing.games.regions import Curved, Region, SumAndBox, excess, room
from jaxsim.models.pricing.games.utilities import Utility, value


class Nash(NamedTuple):
    """A pool's equilibrium and how well it holds.

    rates: [users]. gains: [users], the largest gain of utility by a unilateral change of rate.
    kkt: scalar, the largest violation of the conditions of optimality, relative (feasibility, stationarity,
    complementarity). multipliers: of the total rate (sum-and-box, scalar) or of the facets, in units of
    utility per rate, divided by ``exp(log_unit)``.
    """

    rates: Array
    gains: Array
    kkt: Array
    multipliers: Array
    log_unit: Array


def equilibrium(utility: Utility, region: Region, valued: Float[Array, " users"]) -> Nash:
    """Return the Nash equilibrium of one pool at valued queues x = p q >= 0.

    Sum-and-box by bisection on the logarithm of the price of the total rate, polytopes and curved regions by
    interior point methods (30 and 40 steps). Queues at 0 get no rate; users that the pool does not serve
    neither. Pure: ``vmap`` over instances, pools and regimes; differentiable once in the valued queues
    (implicitly) for sum-and-box. float32 unless 64-bit types are enabled.

    Source: Dai (2024), (3.20), (3.21), Definition 3.2 for the users selected.
    """
    weight = utility.log_weight(valued)
    if isinstance(region, SumAndBox):
        rates, log_price = by_bisection(weight, utility.decay, region)
        price, unit = jnp.ones(()), log_price
        kkt = _box_residual(weight, utility.decay, region, rates, log_price)
    elif isinstance(region, Curved):
        rates, price, unit, kkt = curved.maximize(weight, utility.decay, region)
    else:
        rates, price, unit, kkt = interior.maximize(weight, utility.decay, region)
    return Nash(rates, unilateral_gains(utility, region, valued, rates), kkt, price, unit)


def unilateral_gains(utility: Utility, region: Region, valued: Array, rates: Array) -> Array:
    """Return what each user could gain by the largest rate that the others leave, at least 0.

    A user without queue gains nothing by any rate, and nobody gains by the rate that he has.
    """
    best = jnp.maximum(room(region, rates), rates)
    gain = value(utility, valued, best) - value(utility, valued, rates)
    return jnp.where((valued > 0) & (best > rates), gain, 0)


def by_bisection(
    log_weight: Float[Array, " users"], decay: Float[Array, " users"], region: SumAndBox
) -> tuple[Float[Array, " users"], Float[Array, ""]]:
    """Return the rates [users] and the log price of the total rate in a sum-and-box region.

        c_j = min(cap_j, (Phi_j / price)^(1 / b_j)),   sum_j c_j = total

    If the capacities of the users with a queue do not exceed the total, each takes its own and the price is
    0 (its logarithm minus infinity). The last step is one of Newton's from a constant point, which makes
    first derivatives exact.
    """
    queued = (log_weight > -jnp.inf) & (region.caps > 0)
    some = jnp.any(queued)
    users = log_weight.shape[0]
    at = lambda rate: log_weight - decay * jnp.log(rate)  # noqa: E731
    high = jnp.max(jnp.where(queued, at(region.total / users), -jnp.inf))
    low = jnp.min(jnp.where(queued, at(region.total), jnp.inf))
    high, low = jnp.where(some, high, 0), jnp.where(some, low, 0)

    def rates(log_price: Array) -> tuple[Array, Array]:
        """Return the rates and which of them are below their caps."""
        wanted = jnp.exp((jnp.where(queued, log_weight, -jnp.inf) - log_price) / decay)
        return jnp.minimum(region.caps, wanted), queued & (wanted < region.caps)

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        over = jnp.sum(rates(middle)[0]) > region.total
        return jnp.where(over, middle, low), jnp.where(over, high, middle)

    steps = jnp.finfo(jnp.result_type(log_weight)).nmant + 8
    low, high = lax.fori_loop(0, steps, halve, lax.stop_gradient((low, high)))
    point = (low + high) / 2
    c, free = rates(point)
    slope = jnp.sum(jnp.where(free, c / decay, 0))
    fall = lax.stop_gradient(jnp.where(slope > 0, slope, jnp.inf))
    point = point + (jnp.sum(c) - region.total) / fall
    plenty = jnp.sum(jnp.where(queued, region.caps, 0)) <= region.total
    log_price = jnp.where(plenty, -jnp.inf, point)
    c = jnp.where(plenty, jnp.where(queued, region.caps, 0), rates(point)[0])
    return c, log_price


def _box_residual(weight: Array, decay: Array, region: SumAndBox, c: Array, log_price: Array) -> Array:
    """Return the largest relative violation: outside the region, total unused, marginal off the price."""
    queued = (weight > -jnp.inf) & (region.caps > 0)
    priced = log_price > -jnp.inf
    unused = jnp.where(priced, 1 - jnp.sum(c) / region.total, 0)
    inside = queued & (c < region.caps) & priced
    marginal = weight - decay * jnp.log(jnp.where(c > 0, c, 1)) - jnp.where(priced, log_price, 0)
    # below its cap a marginal equals the price; at the cap it may exceed it
    off = jnp.where(inside, jnp.abs(marginal), jnp.where(queued & priced, jnp.maximum(-marginal, 0), 0))
    return jnp.maximum(jnp.maximum(excess(region, c), unused), jnp.max(off))
