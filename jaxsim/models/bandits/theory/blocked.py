"""State elimination for large arms: rank-one updates are collected and applied as matrix products."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array
from jaxsim.models.bandits.theory.elimination import take_in

_BLOCK = 96
_SHRINK = 0.34
_LAST = 512


@float64
def eliminate_blocked(rewards: np.ndarray, transitions: np.ndarray, stop: float) -> np.ndarray:
    """Gittins index of one arm of many states; the same arithmetic as `eliminate`, reordered.

    A rank-one update of the whole matrix per state is limited by memory. Here the current row and column of
    the state that goes next are made from the stale matrix A and the pending updates U V, and A += U V is one
    matrix product per 96 states. After about a third of the states are gone the matrix is compacted.

    rewards (n,), transitions (n, n), stop = 1 - discount; returns the n indices.
    """
    n = len(rewards)
    index, left = np.empty(n, rewards.dtype), np.arange(n)
    odds = jnp.asarray(stop / (1 - stop) if stop < 1 else np.inf, rewards.dtype)
    ratio, chance = jnp.asarray(rewards), jnp.asarray(transitions)
    time = jnp.ones_like(ratio)
    while len(left):
        last = len(left) <= _LAST
        blocks = 1 if last else max(1, int(len(left) * _SHRINK / _BLOCK))
        width = len(left) if last else _BLOCK
        chance, ratio, time, keep, gone, value = _stage(chance, ratio, time, odds, blocks, width)
        index[left[np.asarray(gone)]] = np.asarray(value)
        left = left[np.asarray(keep)]
    return index


@partial(jax.jit, static_argnames=("blocks", "width"))
def _stage(chance: Array, ratio: Array, time: Array, odds: Array, blocks: int, width: int) -> tuple:
    """Eliminate ``blocks * width`` states and return the compacted system, who stays, who went, with what."""
    n, goes = ratio.shape[0], blocks * width

    def remove_next(step: Array, carry: tuple) -> tuple:
        chance, ratio, time, alive, left, right, gone, value = carry
        k, slot = jnp.argmax(jnp.where(alive, ratio, -jnp.inf)), step % width
        gone, value = gone.at[step].set(k.astype(gone.dtype)), value.at[step].set(ratio[k])
        alive = alive.at[k].set(False)
        row = jnp.where(alive, chance[k] + left[k] @ right, 0)
        into = jnp.where(alive, chance[:, k] + left @ right[:, k], 0)
        ratio, time, share = take_in(ratio, time, into, row.sum(), odds, k)
        return chance, ratio, time, alive, left.at[:, slot].set(share), right.at[slot].set(row), gone, value

    def one_block(block: Array, carry: tuple) -> tuple:
        chance, ratio, time, alive, gone, value = carry
        pending = jnp.zeros((n, width), chance.dtype), jnp.zeros((width, n), chance.dtype)
        steps = block * width, (block + 1) * width
        system = chance, ratio, time, alive, *pending, gone, value
        chance, ratio, time, alive, left, right, gone, value = jax.lax.fori_loop(*steps, remove_next, system)
        return chance + left @ right, ratio, time, alive, gone, value

    nobody = jnp.zeros(goes, jnp.int32), jnp.zeros(goes, chance.dtype)
    start = chance, ratio, time, jnp.ones(n, bool), *nobody
    chance, ratio, time, alive, gone, value = jax.lax.fori_loop(0, blocks, one_block, start)
    keep = jnp.sort(jnp.argsort(~alive)[: n - goes])
    return chance[keep[:, None], keep], ratio[keep], time[keep], keep, gone, value
