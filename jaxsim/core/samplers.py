"""Random variables from random words: each sampler is elementwise in its words and exact to their resolution.

A uniform number has 24 random bits (what a float32 can hold evenly), so a probability is met to within
2**-24; `index` and the alias tables use all 32 bits of a word.
"""

from __future__ import annotations

import jax
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


def alias_table(probabilities: Float[Array, "*rows outcomes"]) -> UInt32[Array, "*rows outcomes"]:
    """Build packed alias tables: row by row, threshold (upper 24 bits) and alias (lower 8 bits) in one word.

    Column j of a row keeps j with probability threshold / 2**24 and gives its alias otherwise. Built by
    pairing the poorest open column with the richest one, outcomes - 1 times, under ``jit`` and ``vmap``.

    Args:
        probabilities: rows of at most 256 outcomes, each summing to 1; traced values are welcome.

    Source: Walker (1977); the pairing is the "Robin Hood" rule. A probability is met to within 2**-24.
    """
    outcomes = probabilities.shape[-1]
    if outcomes > 256:
        raise ValueError(f"an alias table packs its aliases in 8 bits: 256 outcomes at most, not {outcomes}")

    def pair_up(_: Int[Array, ""], carry: Carry) -> Carry:
        mass, is_open, keep, alias = carry
        poor = jnp.argmin(jnp.where(is_open, mass, jnp.inf))
        rich = jnp.argmax(jnp.where(is_open, mass, -jnp.inf))
        keep = keep.at[poor].set(mass[poor])
        alias = alias.at[poor].set(rich.astype(jnp.uint32))
        mass = mass.at[rich].add(jnp.where(poor == rich, 0.0, mass[poor] - 1.0))
        return mass, is_open.at[poor].set(False), keep, alias

    def one_row(row: Float[Array, " outcomes"]) -> UInt32[Array, " outcomes"]:
        columns = jnp.arange(outcomes, dtype=jnp.uint32)
        start = (row * outcomes, jnp.ones(outcomes, bool), jnp.ones_like(row), columns)
        _, _, keep, alias = lax.fori_loop(0, outcomes - 1, pair_up, start)
        threshold = jnp.clip(jnp.round(keep * 2.0**24), 0.0, 2.0**24 - 1.0).astype(jnp.uint32)
        # A column that keeps everything points to itself, so that the threshold's missing unit is harmless.
        alias = jnp.where(keep >= 1.0, columns, alias)
        return (threshold << np.uint32(8)) | alias

    rows = probabilities.reshape(-1, outcomes)
    return jax.vmap(one_row)(rows).reshape(probabilities.shape)


def by_alias(
    table: UInt32[Array, " cells"], row: Int[Array, "*n"], outcomes: int, word: UInt32[Array, "*n"]
) -> UInt32[Array, "*n"]:
    """Sample from row ``row`` of flattened packed alias tables with one word and one gather.

    The word times the number of outcomes gives the column (integer part) and an independent uniform number
    (fraction) to hold against the column's threshold.
    """
    low = (word & np.uint32(0xFFFF)) * np.uint32(outcomes)
    high = (word >> np.uint32(16)) * np.uint32(outcomes) + (low >> np.uint32(16))
    column = high >> np.uint32(16)
    fraction = ((high & np.uint32(0xFFFF)) << np.uint32(8)) | ((low >> np.uint32(8)) & np.uint32(0xFF))
    cell = table.at[row.astype(jnp.int32) * outcomes + column.astype(jnp.int32)].get(mode="promise_in_bounds")
    return jnp.where(fraction < (cell >> np.uint32(8)), column, cell & np.uint32(0xFF))


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
