"""What a pool can give: convex capacity regions that contain the origin, per pool and regime (3.10).

    sum-and-box   c >= 0, sum_j c_j <= total, c_j <= cap_j
    polytope      c >= 0, sum_j facets_kj c_j <= bound_k   with facets >= 0
    curved        c >= 0, h_k(c) <= 0                      with h convex, smooth, increasing, h(0) < 0

An array may carry leading axes of pools and regimes; index with ``jax.tree.map(lambda x: x[v, i], region)``.
A user with capacity 0 in a pool is not served there (the constituent matrix L of the paper).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float, Real, Whole
from jaxsim.core.validation import integer, non_negative, positive, refuse, require


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


@pytree
class Curved:
    """Facets h(c, parameters) <= 0, [facets]; made by `curved_region` or `power_facets`, which check them.

    alone: one-user capacities. parameters: of h, any pytree; with a row per pool where there are several.
    """

    alone: Float[Array, "*pools users"]
    parameters: Any
    h: Callable[[Any, Any], Any] = static()

    def at(self, rates: Float[Array, " users"]) -> Float[Array, " facets"]:
        """Return h at these rates."""
        return self.h(rates, self.parameters)


Region = SumAndBox | Polytope | Curved


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


def power_facets(facets: Real, bounds: Real, exponents: Real) -> Curved:
    """Return the region sum_j (facets_kj c_j)^e_k <= bounds_k^e_k, c >= 0.

    e_k = 1 is a linear facet, e_k = 2 an ellipsoid.

    Raises:
        InvalidInput: as for `polytope`, and unless exponents are at least 1, one per facet or one for all.
    """
    flat = polytope(facets, bounds)
    e = positive("exponents", exponents)
    fits = e.ndim == 0 or e.shape == flat.bounds.shape
    require(fits, "exponents", exponents, "does not match bounds", "give one number, or one per facet")
    require(
        bool(np.all(e >= 1)), "exponents", exponents, "is below 1, not convex", "give numbers of at least 1"
    )
    scaled = flat.facets / flat.bounds[..., None]
    powers = jnp.broadcast_to(jnp.asarray(e), flat.bounds.shape)
    return Curved(1 / jnp.max(scaled, axis=-2), (scaled, powers), _power_sums)


def _power_sums(rates: Any, parameters: tuple[Any, Any]) -> Any:
    scaled, exponents = parameters
    x = scaled * rates
    used = x > 0  # the second derivative of x^e is infinite at 0 for e < 2
    return jnp.sum(jnp.where(used, jnp.where(used, x, 1) ** exponents[:, None], 0), axis=1) - 1


@float64
def curved_region(h: Callable[[Any, Any], Any], users: Whole, parameters: Any = None) -> Curved:
    """Return the region h(c, parameters) <= 0, c >= 0, of one pool, after checking (3.10).

    h returns one number per facet with jax.numpy. That it is convex and does not decrease is checked at 200
    random points of the region, in float64 with relative tolerance 1e-6.

    Raises:
        InvalidInput: unless h(0) < 0, every user's rate is bounded, and h is convex and increasing.

    Source: Dai (2024), (3.10): linear or smooth curved facets of a convex region that contains the origin.
    """
    name, count = getattr(h, "__name__", repr(h)), integer("users", users, low=1)

    def check(condition: Any, problem: str, remedy: str) -> None:
        require(bool(np.all(condition)), "h", name, problem, remedy)

    at = jax.jit(lambda c: jnp.asarray(h(c, parameters)))
    try:
        depth = np.asarray(at(jnp.zeros(count)))
    except Exception as error:
        refuse("h", name, f"cannot be evaluated ({type(error).__name__})", "write it with jax.numpy")
    check(depth.ndim == 1, "does not return a vector", "return one number per facet")
    check(depth < 0, "is not negative at c = 0", "give a region with the origin inside")
    alone = np.array([_alone(at, row) for row in np.eye(count)])
    check(np.isfinite(alone), "leaves a rate unbounded", "bound every user by a facet")
    points = np.random.default_rng(0).dirichlet(np.full(count, 0.5), 200) * alone
    points *= np.random.default_rng(1).random((200, 1)) + 1e-3  # convexity puts them inside
    slope, bend = (
        np.asarray(jax.jit(jax.vmap(f))(points)) for f in (jax.jacfwd(at), jax.jacfwd(jax.jacfwd(at)))
    )
    size = -depth[:, None] / alone
    check(np.isfinite(slope), "has no derivative inside the region", "make it smooth")
    check(slope >= -1e-6 * size, "decreases with a rate", "make every facet increase in all rates")
    bend = bend * alone[:, None] * alone / -depth[:, None, None]
    check(np.linalg.eigvalsh(bend) >= -1e-6, "is not convex", "give a convex region")
    return Curved(jnp.asarray(alone), parameters, h)


def _alone(at: Callable[[Any], Any], direction: np.ndarray) -> float:
    """Return the one-user capacity in this direction, infinity beyond 1e15."""

    def inside(rate: float) -> bool:
        return bool(np.all(np.asarray(at(jnp.asarray(rate * direction))) <= 0))

    high = 1.0
    while high < 1e15 and inside(high):
        high *= 2
    if high >= 1e15:
        return np.inf
    low = 0.0
    while high - low > 1e-15 * high and low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if inside(middle) else (low, middle)
    return low


def as_polytope(region: SumAndBox | Polytope) -> Polytope:
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
    if isinstance(region, Curved):
        return _curved_room(region, rates)
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
    if isinstance(region, Curved):
        return jnp.maximum(jnp.max(region.at(rates) / -region.at(jnp.zeros_like(rates))), 0)
    return jnp.maximum(jnp.max(region.facets @ rates / region.bounds) - 1, 0)


def capacities(region: Region) -> Any:
    """Return the one-user capacities: the largest rate of each user alone."""
    if isinstance(region, Curved):
        return region.alone
    return room(
        region, jnp.zeros((region.caps if isinstance(region, SumAndBox) else region.facets).shape[-1])
    )


def _curved_room(region: Curved, rates: Array) -> Array:
    """Return the largest rates by bisection between those given and the one-user capacities."""
    own = jnp.eye(rates.shape[0], dtype=bool)

    def fits(candidate: Array) -> Array:
        return jax.vmap(lambda row, rate: jnp.all(region.at(jnp.where(row, rate, rates)) <= 0))(
            own, candidate
        )

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        good = fits(middle)
        return jnp.where(good, middle, low), jnp.where(good, high, middle)

    steps = jnp.finfo(rates.dtype).nmant + 3
    return lax.fori_loop(0, steps, halve, (jnp.minimum(rates, region.alone), region.alone))[0]
