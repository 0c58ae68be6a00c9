"""Tatonnement: the resource division moves prices by excess demand alone, round by round.

    p <- max(p - s e / b, p / 2),   e_k = (b_k - demand_k) / b_k  (relative excess supply)

The excess supply is the gradient of the convex dual function, so with the right steps this converges. The
step rule needs no function values, which nobody could announce: it measures the local steepness from the
last two rounds (Malitsky and Mishchenko 2024, adaptive proximal gradient). Prices never fall by more than
half in a round: utilities that grow for ever make demand infinite at price 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Real, Whole
from jaxsim.core.validation import integer, numbers, positive, require
from jaxsim.models.mechanisms.price import Equilibrium, demands, residuals
from jaxsim.models.mechanisms.status import NOT_CONVERGED, SOLVED


class Memory(NamedTuple):
    """What the resource division remembers: last prices and relative excess supplies [K], step and its last
    growth.
    """

    prices: Array
    excess: Array
    step: Array
    growth: Array


def no_memory(prices: Array) -> Memory:
    """Return the memory before the first round."""
    zero = jnp.zeros((), prices.dtype)
    return Memory(jnp.zeros_like(prices), jnp.zeros_like(prices), zero, zero)


def adaptive_step(prices: Array, excess: Array, supplies: Array, memory: Memory) -> tuple[Array, Memory]:
    """Return the next prices and the memory to keep.

        L = |e - e'| / |b (p - p')|,   s = min( s' sqrt(2/3 + s'/s''),  s' / sqrt(max(2 s'^2 L^2 - 1, 0)) ).

    The first step (memory.step = 0) moves prices by a tenth of their size.
    Source: Malitsky and Mishchenko, Adaptive proximal gradient method for convex optimization (2024),
    algorithm 3.
    """
    tiny = jnp.finfo(prices.dtype).tiny ** 0.5
    norm = lambda v: jnp.sqrt(jnp.sum(v * v) + tiny)  # noqa: E731
    first = memory.step == 0
    opening = 0.1 * norm(supplies * prices) / norm(excess)
    steepness = norm(excess - memory.excess) / norm(supplies * (prices - memory.prices))
    last = jnp.where(first, 1, memory.step)
    bound = jnp.maximum(2 * (last * steepness) ** 2 - 1, 0)
    safe = jnp.where(bound > 0, last / jnp.sqrt(jnp.where(bound > 0, bound, 1)), jnp.inf)
    step = jnp.where(first, opening, jnp.minimum(last * jnp.sqrt(2 / 3 + memory.growth), safe))
    growth = jnp.where(first, 1 / 3, step / last)
    return jnp.maximum(prices - step * excess / supplies, prices / 2), Memory(prices, excess, step, growth)


def _solve(
    utility: Any, consumption: Array, supplies: Array, first: Array, tolerance: Array, limit: int
) -> tuple[Array, Array]:
    def excess_at(prices: Array) -> Array:
        used = jnp.einsum("jnk,jn->k", consumption, demands(utility, consumption, prices))
        return (supplies - used) / supplies

    def off(prices: Array, excess: Array) -> Array:
        return jnp.max(jnp.abs(jnp.minimum(prices, excess)))

    def body(carry: tuple[Array, Array, Memory, Array]) -> tuple[Array, Array, Memory, Array]:
        prices, excess, memory, rounds = carry
        moved, memory = adaptive_step(prices, excess, supplies, memory)
        return moved, excess_at(moved), memory, rounds + 1

    begin = (first, excess_at(first), no_memory(first), jnp.zeros((), jnp.int32))
    go_on = lambda c: (off(c[0], c[1]) > tolerance) & (c[3] < limit) & jnp.all(jnp.isfinite(c[1]))  # noqa: E731
    prices, _, _, rounds = lax.while_loop(go_on, body, begin)
    return prices, rounds


@float64
def tatonnement_equilibrium(
    utility: Any,
    consumption: Real,
    supplies: Real,
    *,
    first_prices: Real = 1.0,
    tolerance: float = 1e-10,
    limit: Whole = 20_000,
) -> Equilibrium:
    """Return the equilibrium that tatonnement reaches from the first prices, in float64.

    consumption [N, n, K] or [N, K], nonnegative; supplies [K] > 0. One round is one announcement of prices
    and one answer of demands. Status NOT_CONVERGED (and NaN) when the residual max |min(p, e)| is above the
    tolerance after ``limit`` rounds, or when a demand is infinite: utilities whose demand jumps (linear
    ones) have no convergent rule.
    """
    a, b = numbers("consumption", consumption), positive("supplies", supplies)
    a = a[:, None, :] if a.ndim == 2 else a
    require(
        a.ndim == 3 and b.shape == a.shape[2:], "supplies", b.shape, "has the wrong shape", "give K supplies"
    )
    require(bool(np.all(a >= 0)), "consumption", a, "is negative somewhere", "use price_equilibrium instead")
    start = jnp.broadcast_to(jnp.asarray(positive("first_prices", first_prices)), b.shape)
    most = integer("limit", limit, low=1)
    held = jax.tree.map(jnp.asarray, utility)
    run = jax.jit(_solve, static_argnums=5)
    prices, rounds = run(held, jnp.asarray(a), jnp.asarray(b), start, jnp.asarray(tolerance), most)
    x = demands(held, jnp.asarray(a), prices)
    stationarity, resources = residuals(held, jnp.asarray(a), jnp.asarray(b), prices, x)
    good = bool(resources <= 10 * tolerance) and bool(jnp.all(jnp.isfinite(x)))
    hide = lambda v: jnp.where(good, v, jnp.nan)  # noqa: E731
    used = jnp.einsum("jnk,jn->jk", jnp.asarray(a), x)
    found = Equilibrium(
        hide(prices), hide(x), hide(used), hide(jnp.sum(held.value(x))), jnp.maximum(stationarity, resources),
        stationarity, resources, jnp.asarray(SOLVED if good else NOT_CONVERGED), rounds,
    )  # fmt: skip
    return jax.device_get(found)
