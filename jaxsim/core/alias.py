"""Alias tables: a categorical variable from one random word and one gather, whatever the number of outcomes.

A table has columns of equal probability; column j gives j with probability keep_j and its alias otherwise.
Walker's construction fills the columns so that every outcome gets its mass exactly. Two layouts:

packed  2**k columns to a row, each cell one 32-bit word holding threshold and alias; many rows, one word of
        randomness and one gather per sample
wide    as many columns as outcomes, threshold and alias apart: any number of outcomes, two words

Tables are built under ``jit`` from traced probabilities, so new parameters never recompile.

Source: Walker (1977); Vose (1991); the sweep is that of Huebschle-Schneider and Sanders (2022), section 3.1.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import samplers
from jaxsim.core.types import Array, Float, Int, Shaped, UInt32


def bits(outcomes: int) -> int:
    """Return k such that 2**k columns hold the outcomes (k >= 1)."""
    return max(1, (outcomes - 1).bit_length())


def fill(mass: Float[Array, " columns"]) -> tuple[Float[Array, " columns"], Int[Array, " columns"]]:
    """Return keep and alias of each column, for masses with mean 1.

    One sweep over the rich columns (mass 1 or more) in turn: each gives to the open poor ones until it is
    poor itself, is then filled by the next rich one, and so on. Rounding may leave the last columns unfilled:
    they keep their own mass and give the rest to the richest outcome, so that an outcome of mass 0 is never
    sampled.
    """
    columns = mass.shape[0]
    here = jnp.arange(columns, dtype=jnp.int32)
    rich, richest = mass >= 1.0, jnp.argmax(mass).astype(jnp.int32)
    # Rich columns first, each kind in its order: all that the sweep needs, and many times faster than a sort.
    count = jnp.cumsum(rich, dtype=jnp.int32)
    rich_end = count[-1]
    place = jnp.where(rich, count - 1, rich_end + here - count)
    order = jnp.zeros(columns, jnp.int32).at[place].set(here, unique_indices=True, mode="promise_in_bounds")

    def settle(_: Int[Array, ""], carry: tuple[Array, ...]) -> tuple[Array, ...]:
        giver, left, poor, keep, alias = carry
        here, after, other = (order[jnp.minimum(i, columns - 1)] for i in (giver, giver + 1, poor))
        # The giver gives while it has more than one column's worth and somebody is poor.
        give = (left >= 1.0) & (poor < columns) & (giver < rich_end)
        column, receiver = jnp.where(give, other, here), jnp.where(give, here, after)
        open_ = give | (giver < rich_end)
        # The last giver has nobody after it; what rounding leaves it short of goes to the richest.
        receiver = jnp.where(give | (giver + 1 < rich_end), receiver, richest)
        keep = keep.at[column].set(jnp.where(open_, jnp.where(give, mass[other], left), keep[column]))
        alias = alias.at[column].set(jnp.where(open_, receiver, alias[column]))
        left = jnp.where(give, left - (1.0 - mass[other]), mass[after] - (1.0 - left))
        return jnp.where(give, giver, giver + 1), left, jnp.where(give, poor + 1, poor), keep, alias

    unfilled = (jnp.minimum(mass, 1.0), jnp.full(columns, richest))
    start = (jnp.zeros((), jnp.int32), mass[order[0]], rich_end, *unfilled)
    *_, keep, alias = lax.fori_loop(0, columns, settle, start)
    return jnp.clip(keep, 0.0, 1.0), alias


def packed(law: Float[Array, "*rows outcomes"]) -> UInt32[Array, " cells"]:
    """Return packed tables of all rows, flattened: threshold in a cell's upper 32 - k bits, alias in k.

    Rows are normalized. A probability is met to within 2**-24; at most 2**16 outcomes.
    """
    outcomes = law.shape[-1]
    width = bits(outcomes)
    columns = 1 << width
    rows = jnp.pad(law.reshape(-1, outcomes), ((0, 0), (0, columns - outcomes)))
    rows = rows / jnp.sum(rows, axis=-1, keepdims=True) * columns
    keep, alias = jax.vmap(fill)(rows)
    resolution = 2.0 ** (32 - width)
    whole = keep >= 1.0 - 0.5 / resolution
    # What a full column lacks of a threshold of 2**(32-k) is harmless: it is its own alias.
    threshold = jnp.where(whole, resolution * (1.0 - 2.0**-24), jnp.round(keep * resolution))
    own = jnp.arange(columns, dtype=jnp.uint32)
    cells = (threshold.astype(jnp.uint32) << np.uint32(width)) | jnp.where(
        whole, own, alias.astype(jnp.uint32)
    )
    return cells.reshape(-1)


def sample_packed(
    table: UInt32[Array, " cells"], row: Shaped[Array, "*n"], width: int, word: UInt32[Array, "*n"]
) -> UInt32[Array, "*n"]:
    """Sample from row ``row`` of packed tables with ``width = bits(outcomes)``: one word and one gather each.

    The word's upper k bits choose the column, the other 32 - k are held against its threshold.
    """
    column = word >> np.uint32(32 - width)
    cell = table.at[(row << width) | column.astype(jnp.int32)].get(mode="promise_in_bounds")
    mask = np.uint32((1 << width) - 1)
    return jnp.where((word << np.uint32(width)) < (cell & ~mask), column, cell & mask)


def wide(probabilities: Float[Array, " n"]) -> tuple[UInt32[Array, " n"], Int[Array, " n"]]:
    """Return thresholds (of 2**32) and aliases of one law over any number of outcomes."""
    count = probabilities.shape[0]
    keep, alias = fill(probabilities / jnp.sum(probabilities) * count)
    # The product with 2**32 is taken in two halves: a float32 just below 1 must not round up to 2**32.
    high = jnp.clip(jnp.floor(keep * 2.0**16), 0, 2.0**16 - 1)
    low = jnp.clip((keep * 2.0**16 - high) * 2.0**16, 0, 2.0**16 - 1)
    threshold = (high.astype(jnp.uint32) << np.uint32(16)) | low.astype(jnp.uint32)
    return threshold, jnp.where(keep >= 1.0, jnp.arange(count, dtype=jnp.int32), alias)


def sample_wide(
    thresholds: UInt32[Array, " n"],
    aliases: Int[Array, " n"],
    first: UInt32[Array, "*m"],
    second: UInt32[Array, "*m"],
) -> Int[Array, "*m"]:
    """Sample from a wide table: the first word chooses the column, the second meets its threshold."""
    column = samplers.index(first, thresholds.shape[0])
    keep = second < thresholds.at[column].get(mode="promise_in_bounds")
    return jnp.where(keep, column, aliases.at[column].get(mode="promise_in_bounds"))
