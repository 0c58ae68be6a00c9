"""Batched primal-dual interior point for rates over a polytope, with the rates eliminated.

    maximize  sum_j Phi_j c_j^(1 - b_j) / (1 - b_j)   (Phi_j ln c_j where b_j = 1)   subject to  A c <= 1

Stationarity gives the rates from the multipliers z of the facets, c_j = (Phi_j / (A' z)_j)^(1 / b_j), exactly
and at any point, so that Newton's method acts on z and the slacks s alone:

    s + A c(z) = 1,    s_k z_k = target -> 0

There are as few unknowns as facets, whatever the number of users, and weights that differ by many powers
of ten do no harm. (Extragradient, which needs no linear algebra, fails on such weights.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array, Float
from jaxsim.models.pricing.games.regions import Polytope

STEPS = 30
CENTERING = 0.1
"""Share of the duality measure that a step aims at."""

FRACTION = 0.99
"""Share of the way to the boundary that a step may go."""


class Answer(NamedTuple):
    """rates [users], multipliers [facets] in units of exp(log_unit), and the relative residual."""

    rates: Array
    multipliers: Array
    log_unit: Array
    residual: Array


def maximize(log_weight: Float[Array, " users"], decay: Float[Array, " users"], region: Polytope) -> Answer:
    """Return the rates that maximize the sum of utilities over a polytope, after 30 steps.

    log_weight: ln Phi_j, minus infinity for an empty queue, which gets rate 0. The residual is the largest of
    the facets' relative violation before the final scaling into the region and of the complementarity
    z_k s_k relative to sum z_k; judge it, steps are fixed so that batches stay in lockstep. Pure.
    """
    alone = 1 / jnp.max(region.facets / region.bounds[:, None], axis=0)
    a = region.facets / region.bounds[:, None] * alone
    weight = log_weight + (1 - decay) * jnp.log(alone)  # rates are measured in one-user capacities
    unit = jnp.max(weight)
    unit = jnp.where(unit > -jnp.inf, unit, 0)
    weight = weight - unit

    def rates(z: Array) -> Array:
        return jnp.exp((weight - jnp.log(z @ a)) / decay)

    def step(_: Any, point: tuple[Array, Array]) -> tuple[Array, Array]:
        z, s = point
        c = rates(z)
        reach = c / (decay * (z @ a))
        residual = s + a @ c - 1
        target = CENTERING * jnp.mean(z * s)
        matrix = (a * reach) @ a.T + jnp.diag(s / z)
        dz = solve(matrix, target / z - s + residual)
        ds = target / z - s - s / z * dz
        return z + length(z, dz) * dz, s + length(s, ds) * ds

    # a common multiplier large enough that half of every facet stays free
    users = weight.shape[0]
    start = jnp.max(
        jnp.where(weight > -jnp.inf, weight + decay * jnp.log(2.0 * users) - jnp.log(a.sum(axis=0)), -jnp.inf)
    )
    z = jnp.full(a.shape[:1], jnp.exp(jnp.where(start > -jnp.inf, start, 0)))
    z, s = lax.fori_loop(0, STEPS, step, (z, 1 - a @ rates(z)))
    c = rates(z)
    used = a @ c
    over = jnp.max(jnp.abs(s + used - 1))
    residual = jnp.maximum(over, jnp.max(z * s) / jnp.sum(z))
    residual = jnp.where(jnp.any(weight > -jnp.inf), residual, 0)
    return Answer(c * alone / jnp.maximum(jnp.max(used), 1), z / region.bounds, unit, residual)


def length(value: Array, change: Array) -> Array:
    """Return the step length that keeps positive numbers positive."""
    return jnp.minimum(1, FRACTION / jnp.maximum(jnp.max(-change / value), FRACTION))


def solve(matrix: Array, right: Array) -> Array:
    """Solve a positive definite system, for a vector or the columns of a matrix, without pivots.

    Unrolled, small systems vectorize over a batch, which LAPACK's do not.
    """
    size = matrix.shape[0]
    rows = jnp.concatenate([matrix, right.reshape(size, -1)], axis=1)
    for k in range(size):
        row = rows[k] / rows[k, k]
        rows = (rows - rows[:, k, None] * row).at[k].set(row)
    return rows[:, size:].reshape(right.shape)
