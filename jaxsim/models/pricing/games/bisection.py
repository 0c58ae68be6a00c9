"""The dual-cost Pareto point for utilities with weights of any form, by nested bisection in logarithms.

Slower than Newton (a few thousand evaluations of the weights) and indifferent to what the weights look like.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.types import Array, Float
from jaxsim.models.pricing.games.utilities import Custom

_NARROWEST = 80.0
"""ln of the smallest share that is told from 0."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


def by_bisection(
    utility: Custom,
    prices: Float[Array, " users"],
    log_workload: Float[Array, ""],
    rates: Float[Array, " users"],
    mu: Float[Array, " users"],
    paper: bool,
) -> tuple[Array, Array, Array, Array]:
    """Return queues, ln costs, ln multiplier and residual at a positive workload (see `dual.pareto`)."""
    served = rates > 0
    scale = jnp.where(paper, jnp.log(prices), 0) - utility.decay * jnp.log(jnp.where(served, rates, 1))

    def marginal(log_load: Array) -> Array:
        return utility.log_weight(prices * mu * jnp.exp(log_load)) + scale

    top = jnp.full_like(mu, log_workload)
    steps = jnp.finfo(top.dtype).nmant + 8

    def loads(log_multiplier: Array) -> Array:
        """Return the ln workloads at which marginal costs equal the multiplier, at most all the workload."""

        def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = bracket
            middle = (low + high) / 2
            under = marginal(middle) < log_multiplier
            return jnp.where(under, middle, low), jnp.where(under, high, middle)

        low, high = lax.fori_loop(0, steps, halve, (top - _NARROWEST, top))
        return jnp.where(served, (low + high) / 2, -jnp.inf)

    def narrow(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        under = jax.nn.logsumexp(loads(middle)) < log_workload
        return jnp.where(under, middle, low), jnp.where(under, high, middle)

    whole = marginal(top)
    users = mu.shape[0]
    even = marginal(top - jnp.log(1.0 * users))
    bracket = (jnp.min(jnp.where(served, even, jnp.inf)), jnp.min(jnp.where(served, whole, jnp.inf)))
    low, high = lax.fori_loop(0, steps, narrow, bracket)
    log_multiplier = (low + high) / 2
    y = loads(log_multiplier)
    missed = jnp.abs(jnp.exp(jax.nn.logsumexp(y) - log_workload) - 1)
    y = y - jax.nn.logsumexp(y) + log_workload
    inside = served & (y > log_workload - _NARROWEST + 1)
    off = jnp.max(jnp.where(inside, jnp.abs(marginal(jnp.where(served, y, 0)) - log_multiplier), 0))
    log_cost = jnp.where(served, _log_cost(utility, prices * mu, jnp.where(served, y, 0), scale), -jnp.inf)
    return mu * jnp.exp(y), log_cost, log_multiplier, jnp.maximum(off, missed)


def _log_cost(utility: Custom, unit: Array, y: Array, scale: Array) -> Array:
    """Return ln int_0^e^y marginal, by Gauss-Legendre after u = e^y t^3, which smooths roots at 0."""
    t = (jnp.asarray(_NODES, y.dtype) + 1) / 2
    points = jnp.exp(y) * t[:, None] ** 3
    logs = jax.vmap(lambda load: utility.log_weight(unit * load))(points)
    parts = logs + jnp.log(jnp.asarray(_WEIGHTS / 2, y.dtype) * 3 * t**2)[:, None]
    return jax.nn.logsumexp(parts, axis=0) + y + scale
