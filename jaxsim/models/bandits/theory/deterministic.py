"""Deterministic reward sequences: index, maximizing stopping times and concave envelope."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import validation
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float, Int
from jaxsim.models.bandits.theory.inputs import Numbers, sequence


class SequenceIndex(NamedTuple):
    """Index, stopping times and envelope of a reward sequence; position l (from 0) is packet l + 1."""

    indices: Float[Array | np.ndarray, " packets"]
    stop: Int[Array | np.ndarray, " packets"]
    envelope: Float[Array | np.ndarray, " packets"]


def analyse(rewards: Float[Array, " packets"], discount: Float[Array, ""]) -> SequenceIndex:
    """Index, maximizing stopping time and concave envelope of one sequence, in O(packets).

        nu(l+1) = max_{tau > l} sum_{s=l+1}^{tau} beta^s Z(s) / sum_{s=l+1}^{tau} beta^s
        tau(l+1) = inf{s > l : nu(s+1) <= nu(l+1)},     Z-bar(l) = min_{s <= l} nu(s)

    From the last packet back, a packet takes in the block behind it while that block has the higher rate.
    Weights are relative to the block's own start, so beta^s never underflows. ``stop[l]`` counts packets:
    starting after l packets, it is best to stop when ``stop[l]`` are sent. Nothing follows the last packet:
    append zeros where the user goes on sending empty ones. Pure, dtype-generic, jit- and vmap-able.
    """
    n = rewards.shape[0]

    def one_packet(back: Array, carry: tuple) -> tuple:
        earned, time, stop = carry
        first = n - 1 - back

        def better_behind(block: tuple) -> Array:
            e, t, end = block
            behind = jnp.minimum(end, n - 1)
            return (end < n) & (discount > 0) & (earned[behind] * t > e * time[behind])

        def take_in(block: tuple) -> tuple:
            e, t, end = block
            decay = discount ** (end - first)
            return e + decay * earned[end], t + decay * time[end], stop[end]

        alone = rewards[first], jnp.ones((), rewards.dtype), stop[first]
        e, t, end = jax.lax.while_loop(better_behind, take_in, alone)
        return earned.at[first].set(e), time.at[first].set(t), stop.at[first].set(end)

    start = rewards, jnp.ones_like(rewards), jnp.arange(1, n + 1, dtype=jnp.int32)
    earned, time, stop = jax.lax.fori_loop(0, n, one_packet, start)
    index = earned / time
    return SequenceIndex(index, stop, jax.lax.cummin(index))


_analyse = jax.jit(analyse)


@float64
def deterministic_index(rewards: Numbers, discount: Numbers) -> SequenceIndex:
    """Index nu, maximizing stopping times and concave envelope of a deterministic reward sequence.

    rewards (packets,): Z(1), ..., Z(L); discount in [0, 1], 1 for the undiscounted problem with a deadline.
    Returns a `SequenceIndex` of float64 arrays; see `analyse` for the equations.

    Special cases: a nonincreasing sequence is its own index and envelope. With a deadline and pipes that may
    stay idle, the envelope in use is max(0, Z-bar).
    Raises `InvalidInput` if the sequence is empty or not finite, or the discount is outside [0, 1].
    Source: Ishikida (1992), equations (6.1) to (6.3) and (6.7).
    """
    values = sequence("rewards", rewards)
    beta = float(validation.probability("discount", discount))
    return SequenceIndex(*map(np.asarray, _analyse(jnp.asarray(values), jnp.asarray(beta))))


def block_ends(stop: Numbers) -> list[int]:
    """Return the chain tau_1 < tau_2 < ... of maximizing stopping times from load level 0 (6.4, 6.5).

    stop (packets,) as in `SequenceIndex`. The envelope is constant on each block, and up to
    each element of the chain the sequence and its envelope earn the same (Lemma 6.2.1).
    Source: Ishikida (1992), equations (6.4), (6.5).
    """
    ends, level = [], 0
    table = np.asarray(stop)
    while level < len(table):
        level = int(table[level])
        ends.append(level)
    return ends
