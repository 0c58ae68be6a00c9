"""What a pool can give: convex capacity regions that contain the origin, per pool and regime (3.10).

    sum-and-box   c >= 0, sum_j c_j <= total, c_j <= cap_j
    polytope      c >= 0, sum_j facets_kj c_j <= bound_k   with facets >= 0

An array may carry leading axes of pools and regimes; index with ``jax.tree.map(lambda x: x[v, i], region)``.
A user with capacity 0 in a pool is not served there (the constituent matrix L of the paper).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Real
from jaxsim.core.validation import non_negative, positive, require


@pytree
class SumAndBox:
    """Total rate and one-user capacities: the region of figure 7 for two users."""

    total: Float[Array, "*pools"]
    caps: Float[Array, "*pools users"]


@pytree
class Polytope:
    """Facets [.., facets, users] >= 0 and bounds [.., facets] > 0."""

    facets: Float[Array, "*pools facets users"]
    bounds: Float[Array, "*pools facets"]


Region = SumAndBox | Polytope


def sum_and_box(total: Real, caps: Real) -> SumAndBox:
    """Return the region sum_j c_j <= total, c_j <= caps_j.

    Raises:
        InvalidInput: unless total > 0, caps >= 0 and every pool can serve somebody.
    """
    t, b = positive("total", total), np.atleast_1d(non_negative("caps", caps))
    require(b.shape[:-1] == t.shape, "caps", caps, "does not match total", "give one list of users per total")
    some = bool(np.all(np.any(b > 0, axis=-1)))
    require(some, "caps", caps, "serves nobody", "give a positive capacity to a user of each pool")
    return SumAndBox(jnp.asarray(t), jnp.asarray(b))


def polytope(facets: Real, bounds: Real) -> Polytope:
    """Return the region facets c <= bounds, c >= 0.

    Raises:
        InvalidInput: unless facets >= 0, bounds > 0, and some facet bounds every user.
    """
    a, b = non_negative("facets", facets), positive("bounds", bounds)
    good = a.ndim >= 2 and a.shape[:-1] == b.shape
    require(good, "facets", facets, "does not match bounds", "give one row of users per bound")
    bounded = bool(np.all(np.any(a > 0, axis=-2)))
    require(
        bounded, "facets", facets, "leaves a rate unbounded", "give every user a facet with a positive number"
    )
    return Polytope(jnp.asarray(a), jnp.asarray(b))


def as_polytope(region: Region) -> Polytope:
    """Return the same region by its facets: the total, then one per user (every cap must be positive)."""
    if isinstance(region, Polytope):
        return region
    eye = jnp.broadcast_to(jnp.eye(region.caps.shape[-1]), (*region.caps.shape, region.caps.shape[-1]))
    facets = jnp.concatenate([jnp.ones_like(region.caps)[..., None, :], eye], axis=-2)
    return Polytope(facets, jnp.concatenate([region.total[..., None], region.caps], axis=-1))


def room(region: Region, rates: Float[Array, " users"]) -> Float[Array, " users"]:
    """Return the largest rate that each user could take while the others keep theirs."""
    if isinstance(region, SumAndBox):
        others = jnp.sum(rates) - rates
        return jnp.minimum(region.caps, jnp.maximum(region.total - others, 0))
    used = region.facets @ rates
    free = (region.bounds - used)[:, None] + region.facets * rates
    binding = region.facets > 0
    most = jnp.where(binding, free / jnp.where(binding, region.facets, 1), jnp.inf)
    return jnp.maximum(jnp.min(most, axis=0), 0)


def excess(region: Region, rates: Float[Array, " users"]) -> Float[Array, ""]:
    """Return by how much the rates violate the region, relative to its bounds (0 inside)."""
    if isinstance(region, SumAndBox):
        scale = jnp.where(region.caps > 0, region.caps, region.total)
        over = jnp.max((rates - region.caps) / scale)
        return jnp.maximum(jnp.maximum(over, jnp.sum(rates) / region.total - 1), 0)
    return jnp.maximum(jnp.max(region.facets @ rates / region.bounds) - 1, 0)


def capacities(region: Region) -> Any:
    """Return the one-user capacities: the largest rate of each user alone."""
    return room(region, jnp.zeros(_users(region)))


def _users(region: Region) -> int:
    return (region.caps if isinstance(region, SumAndBox) else region.facets).shape[-1]
