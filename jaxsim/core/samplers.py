"""Random variables from random words: each sampler is elementwise in its words and exact to their resolution.

A uniform number has 24 random bits (what a float32 can hold evenly), so a probability is met to within
2**-24; `index` uses all 32 bits of a word.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Float, Int, UInt32

Carry = tuple[Array, Array, Array, Array]


def uniform(word: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    """Return the word as a number in [0, 1), a multiple of 2**-24."""
    return (word >> np.uint32(8)).astype(jnp.float32) * np.float32(2.0**-24)


def open_uniform(word: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    """Return the word as a number in (0, 1), an odd multiple of 2**-24 (23 random bits): safe under log."""
    return ((word >> np.uint32(9)).astype(jnp.float32) + np.float32(0.5)) * np.float32(2.0**-23)


def exponential(word: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    """Return an exponential variable of mean 1: -log U."""
    return -jnp.log(open_uniform(word))


def normal(first: UInt32[Array, "*n"], second: UInt32[Array, "*n"]) -> tuple[Array, Array]:
    """Return two independent standard normal variables (Box and Muller 1958) from two words."""
    radius = jnp.sqrt(2.0 * exponential(first))
    angle = np.float32(2.0 * np.pi) * uniform(second)
    return radius * jnp.cos(angle), radius * jnp.sin(angle)


def index(word: UInt32[Array, "*n"], count: int) -> Int[Array, "*n"]:
    """Return a number uniform on 0 .. count-1: floor(word * count / 2**32), count <= 2**16.

    Each value has probability 1/count to within 2**-32. The product is formed from 16-bit halves, because
    64-bit integers are off by default.
    """
    count32 = np.uint32(count)
    if count > 1 << 16:
        low = (word & np.uint32(0xFFFF)) * np.uint32(count & 0xFFFF)
        mid = (word >> np.uint32(16)) * np.uint32(count & 0xFFFF) + (low >> np.uint32(16))
        cross = (word & np.uint32(0xFFFF)) * np.uint32(count >> 16) + (mid & np.uint32(0xFFFF))
        top = (word >> np.uint32(16)) * np.uint32(count >> 16) + (mid >> np.uint32(16))
        return (top + (cross >> np.uint32(16))).astype(jnp.int32)
    low = ((word & np.uint32(0xFFFF)) * count32) >> np.uint32(16)
    return (((word >> np.uint32(16)) * count32 + low) >> np.uint32(16)).astype(jnp.int32)


def by_cdf(cumulative: Float[Array, "*n outcomes"], u: Float[Array, "*n"]) -> Int[Array, "*n"]:
    """Return the outcome of a categorical variable by inversion: the number of cumulative values <= u.

    The last cumulative value is taken as 1 whatever its rounding, so the outcome is always valid.
    """
    return jnp.sum(u[..., None] >= cumulative[..., :-1], axis=-1, dtype=jnp.int32)


def poisson(
    key: Key, stream: Stream, mean: Float[Array, "*n"], index: UInt32[Array, "*n"]
) -> Int[Array, "*n"]:
    """Sample Poisson variables of any mean: the sum of pieces of mean <= 8, each by inversion.

    A piece of mean a is the number of partial products U_1 U_2 ... that stay above e^-a; one block of two
    words gives two factors. Exact for every mean; the time grows with the mean.

    Args:
        key, stream: where the words come from.
        mean: means >= 0, traced.
        index: which variable this is, below 2**16; the block counter takes the upper 16 bits.
    """
    index = index.astype(jnp.uint32)

    def more(carry: Carry) -> Array:
        remaining, level, _, _ = carry
        return jnp.any((remaining > 0) | (level > 0))

    def draw(carry: Carry) -> Carry:
        remaining, level, count, block = carry
        for word in key.pair(stream, index | (block << np.uint32(16))):
            # A Poisson process of rate 1: `level` is what is left of the current piece of time.
            piece = jnp.where(level > 0, 0.0, jnp.minimum(remaining, 8.0))
            remaining = remaining - piece
            left = level + piece - exponential(word)
            active = level + piece > 0
            count = count + (active & (left > 0)).astype(jnp.int32)
            # When a piece is used up the process restarts at its end (no memory).
            level = jnp.where(active, jnp.maximum(left, 0.0), 0.0)
        return remaining, level, count, block + np.uint32(1)

    zero = jnp.zeros_like(mean)
    start = (mean, zero, jnp.zeros(mean.shape, jnp.int32), jnp.zeros(mean.shape, jnp.uint32))
    return lax.while_loop(more, draw, start)[2]
