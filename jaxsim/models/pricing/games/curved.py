"""Primal-dual interior point for rates over a region with smooth curved facets (3.10).

    maximize  sum_j Phi_j c_j^(1 - b_j) / (1 - b_j)   (Phi_j ln c_j where b_j = 1)   subject to  h(c) <= 0

Newton's method acts on u = ln c, the multipliers z and the slacks s together:

    ln Phi_j - b_j u_j - ln (h'(c)' z)_j = 0,    s + h(c) = 0,    s_k z_k = target -> 0

Stationarity is taken in logarithms, in which it is nearly linear (exactly so for sums of powers): weights
that differ by many powers of ten do no harm. For linear facets these are the steps of `games.interior`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array, Float
from jaxsim.models.pricing.games.interior import CENTERING, Answer, length, solve
from jaxsim.models.pricing.games.regions import Curved

STEPS = 40


def maximize(log_weight: Float[Array, " users"], decay: Float[Array, " users"], region: Curved) -> Answer:
    """Return the rates that maximize the sum of utilities over a curved region, after 40 steps.

    log_weight: ln Phi_j, minus infinity for an empty queue, which gets rate 0. The residual is the largest of
    stationarity (difference of logarithms), the facets' violation before the final scaling into the region,
    relative to -h(0), and complementarity z_k s_k relative to sum z_k. Multipliers are those of h. Pure.
    """
    alone, depth = region.alone, -region.at(jnp.zeros_like(region.alone))
    queued = log_weight > -jnp.inf
    weight = log_weight + (1 - decay) * jnp.log(alone)  # rates are measured in one-user capacities
    unit = jnp.max(weight)
    unit = jnp.where(unit > -jnp.inf, unit, 0)
    weight = jnp.where(queued, weight - unit, 0)

    least = jnp.finfo(weight.dtype).eps ** 2  # complementarity below rounding; less would end in 0 / 0

    def facets(c: Array) -> Array:
        return region.at(c * alone) / depth

    def prices(c: Array, z: Array) -> tuple[Array, Array]:
        """Return the facets' slopes [facets, users] and ln of the users' prices, 0 for empty queues."""
        slopes = jax.jacfwd(facets)(c)
        return slopes, jnp.log(jnp.where(queued, z @ slopes, 1))

    def rates(u: Array) -> Array:
        return jnp.where(queued, jnp.exp(u), 0)

    def step(_: Any, point: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        u, z, s = point
        c = rates(u)
        slopes, price = prices(c, z)
        off = jnp.where(queued, weight - decay * u - price, 0)
        size = jnp.sqrt(c * jnp.exp(price))  # makes the matrix below symmetric, its diagonal at least b
        lever = jnp.where(queued, jnp.sqrt(c * jnp.exp(-price)), 0)
        bent = jax.hessian(lambda x: z @ facets(x))(c)
        bent = jnp.where(queued[:, None] & queued, lever[:, None] * bent * lever, 0)
        a = slopes * lever
        inverse = solve(jnp.diag(decay) + bent, jnp.concatenate([a.T, (size * off)[:, None]], axis=1))
        target = jnp.maximum(CENTERING * jnp.mean(z * s), least * jnp.sum(z))
        short = s + facets(c)
        dz = solve(a @ inverse[:, :-1] + jnp.diag(s / z), target / z - s + short + a @ inverse[:, -1])
        moved = inverse[:, -1] - inverse[:, :-1] @ dz
        du = jnp.where(queued, moved / jnp.where(queued, size, 1), 0)
        ds = target / z - s - s / z * dz
        part = length(z, dz)
        return u + part * du, z + part * dz, s + length(s, ds) * ds

    # h is at most -1/2 where everybody has 1/(2 users), by convexity; the price is high enough for less
    users = weight.shape[0]
    middle = jnp.where(queued, 1 / (2.0 * users), 0)
    _, price = prices(middle, jnp.ones_like(depth))
    start = jnp.max(jnp.where(queued, weight + decay * jnp.log(2.0 * users) - price, -jnp.inf))
    start = jnp.where(start > -jnp.inf, start, 0)
    u = (weight - price - start) / decay
    z = jnp.full_like(depth, jnp.exp(start))
    u, z, s = lax.fori_loop(0, STEPS, step, (u, z, -facets(rates(u))))
    c = rates(u)
    off = jnp.where(queued, weight - decay * u - prices(c, z)[1], 0)
    over = facets(c)
    parts = (jnp.max(jnp.abs(off)), jnp.max(jnp.abs(s + over)), jnp.max(z * s) / jnp.sum(z))
    residual = jnp.where(jnp.any(queued), jnp.max(jnp.stack(parts)), 0)
    # by convexity h(t c) <= t h(c) - (1 - t), which is 0 at this t
    inside = 1 / (1 + jnp.maximum(jnp.max(over), 0))
    return Answer(c * alone * inside, z / depth, unit, residual)
