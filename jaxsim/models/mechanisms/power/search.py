"""One-dimensional searches that compile to a fixed number of steps: a root, and the best price."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array

_HALVINGS = 60


def bisect(falls: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Return the root in [low, high] of tests that are true to its left; an end where there is none."""

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        left = falls(middle)
        return jnp.where(left, middle, low), jnp.where(left, high, middle)

    low, high = lax.fori_loop(0, _HALVINGS, halve, (low, high))
    return (low + high) / 2


def best_price(welfare: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Maximize welfare over one price in [low, high], both above 0.

    Five grids of 33 points, each around the best point of the one before, the first a logarithmic one over
    all prices: global on that grid's scale only, since welfare in one price need not be concave. No
    derivative flows through the result (by the envelope theorem it adds nothing to that of welfare).
    """
    ends = lax.stop_gradient(jnp.log(jnp.stack([low, high])))
    many = jax.vmap(lambda t: lax.stop_gradient(welfare(jnp.exp(t))))

    def refine(_: Any, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        best, reach = carry
        grid = jnp.clip(best + reach * jnp.linspace(-1, 1, 33, dtype=best.dtype), ends[0], ends[1])
        return grid[jnp.argmax(many(grid))], reach / 16

    begin = (jnp.mean(ends), (ends[1] - ends[0]) / 2)
    return jnp.exp(lax.fori_loop(0, 5, refine, begin)[0])
