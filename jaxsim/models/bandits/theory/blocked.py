"""State elimination for large arms: rank-one updates are collected and applied as matrix products."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array

_BLOCK = 96
_SHRINK = 0.34
_LAST = 512


@float64
def eliminate_blocked(rewards: np.ndarray, transitions: np.ndarray, stop: float) -> np.ndarray:
    """Gittins index of one arm of many states; the same arithmetic as `gittins.eliminate`, reordered.

    A rank-one update of the whole matrix per state is limited by memory. Here the current row and column of
    the state that goes next are made from the stale matrix Q and the pending updates U V, and Q += U V is one
    matrix product per 96 states. After about a third of the states are gone the matrix is compacted.

    rewards (n,), transitions (n, n), stop = 1 - discount; returns the n indices.
    """
    n = len(rewards)
    index, left = np.empty(n, rewards.dtype), np.arange(n)
    weight = jnp.asarray(stop, rewards.dtype)
    reward, chance = jnp.asarray(rewards), (1 - weight) * jnp.asarray(transitions)
    time = jnp.ones_like(reward)
    while len(left):
        last = len(left) <= _LAST
        blocks = 1 if last else max(1, int(len(left) * _SHRINK / _BLOCK))
        width = len(left) if last else _BLOCK
        chance, reward, time, keep, gone, value = _stage(chance, reward, time, weight, blocks, width)
        index[left[np.asarray(gone)]] = np.asarray(value)
        left = left[np.asarray(keep)]
    return index


@partial(jax.jit, static_argnames=("blocks", "width"))
def _stage(chance: Array, reward: Array, time: Array, stop: Array, blocks: int, width: int) -> tuple:
    """Eliminate ``blocks * width`` states and return the compacted system, who stays, who went, with what."""
    n, goes = reward.shape[0], blocks * width
    for_ever = jnp.asarray(1e15, reward.dtype)

    def remove_next(step: Array, carry: tuple) -> tuple:
        chance, reward, time, alive, left, right, gone, value = carry
        ratio = jnp.where(alive, reward / time, -jnp.inf)
        k, slot = jnp.argmax(ratio), step % width
        gone, value = gone.at[step].set(k.astype(gone.dtype)), value.at[step].set(ratio[k])
        alive = alive.at[k].set(False)
        row = jnp.where(alive, chance[k] + left[k] @ right, 0)
        into = jnp.where(alive, chance[:, k] + left @ right[:, k], 0)
        pivot = stop * time[k] + row.sum()
        into, trapped = into / jnp.where(pivot > 0, pivot, 1), (pivot == 0) & (into > 0)
        reward = jnp.where(trapped, ratio[k] * for_ever, reward + into * reward[k])
        time = jnp.where(trapped, for_ever, time + into * time[k])
        return chance, reward, time, alive, left.at[:, slot].set(into), right.at[slot].set(row), gone, value

    def one_block(block: Array, carry: tuple) -> tuple:
        chance, reward, time, alive, gone, value = carry
        pending = jnp.zeros((n, width), chance.dtype), jnp.zeros((width, n), chance.dtype)
        chance, reward, time, alive, left, right, gone, value = jax.lax.fori_loop(
            block * width,
            (block + 1) * width,
            remove_next,
            (chance, reward, time, alive, *pending, gone, value),
        )
        return chance + left @ right, reward, time, alive, gone, value

    start = (
        chance,
        reward,
        time,
        jnp.ones(n, bool),
        jnp.zeros(goes, jnp.int32),
        jnp.zeros(goes, chance.dtype),
    )
    chance, reward, time, alive, gone, value = jax.lax.fori_loop(0, blocks, one_block, start)
    keep = jnp.sort(jnp.argsort(~alive)[: n - goes])
    return chance[keep[:, None], keep], reward[keep], time[keep], keep, gone, value
