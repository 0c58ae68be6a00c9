"""State elimination: the core of the Gittins index, for arms of any size and in any precision."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxsim.core.types import Array, Float, Int

_FOR_EVER = 1e15
"""Stands for the infinite time of a state that may never leave, with discount 1."""


class Elimination(NamedTuple):
    """What the elimination finds: the index of each state and when it was eliminated (0 = highest)."""

    indices: Float[Array, " states"]
    order: Int[Array, " states"]


def eliminate(
    rewards: Float[Array, " states"], transitions: Float[Array, "states states"], stop: Float[Array, ""]
) -> Elimination:
    """Eliminate states from the highest index down, without ever subtracting probabilities (GTH).

    Keeps, for every state i, the ratio nu_i of expected reward to expected time T_i (each step counts 1,
    discounted) until the process first leaves the eliminated states. The remaining state k with the largest
    ratio has it as its index and goes next:

        pivot = kappa T_k + sum of A_kj over remaining j,          q_i = A_ik / pivot,
        A_ij += q_i A_kj,   T_i += q_i T_k,   nu_i += (q_i T_k / T_i) (nu_k - nu_i)   (with the new T_i)

    where A starts as P and kappa = stop / (1 - stop) are the odds of being stopped in a step. So P is never
    rounded by a discount near 1, and a ratio moves by a share of its distance to nu_k: its errors are
    roundings of distances between indices, not of long sums. With ``stop = 0`` (average reward) a zero pivot
    means that k belongs to a closed class: whoever can enter it may stay for ever and earns its ratio; with
    ``stop = 1`` kappa is infinite and every state keeps its reward.

    Shapes: n, n x n, scalar. Computes in the precision of its arguments, which is why it takes ``stop`` = 1 -
    discount: single precision holds 1 - 1e-6 only to 3 % of the 1e-6. Pure; O(n^3). Ties go to the lowest
    state number.
    Source: Sonin (2008), A generalized Gittins index for a Markov chain and its recursive calculation, with
    the pivots of Grassmann, Taksar and Heyman (1985).
    """
    n = rewards.shape[0]
    odds = stop / (1 - stop)

    def remove_next(step: Array, carry: tuple) -> tuple:
        ratio, time, chance, alive, order = carry
        k = jnp.argmax(jnp.where(alive, ratio, -jnp.inf))
        here = jnp.arange(n) == k
        order, alive = jnp.where(here, step, order), alive & ~here
        row = jnp.where(alive, chance[k], 0)
        into = jnp.where(alive, chance[:, k], 0)
        ratio, time, share = take_in(ratio, time, into, row.sum(), odds, k)
        return ratio, time, chance + share[:, None] * row[None, :], alive, order

    start = rewards, jnp.ones_like(rewards), transitions, jnp.ones(n, bool), jnp.zeros(n, jnp.int32)
    ratio, _, _, _, order = jax.lax.fori_loop(0, n, remove_next, start)
    return Elimination(ratio, order)


def take_in(
    ratio: Float[Array, " states"], time: Float[Array, " states"], into: Float[Array, " states"],
    onward: Float[Array, ""], odds: Float[Array, ""], k: Int[Array, ""],
) -> tuple[Float[Array, " states"], Float[Array, " states"], Float[Array, " states"]]:  # fmt: skip
    """Let every state go on through the eliminated state k: new ratios and times, and the shares q_i.

    into: A_ik of the remaining states i, 0 elsewhere; onward: sum of A_kj over the remaining states j; odds:
    kappa. Equations as in `eliminate`.
    """
    pivot = odds * time[k] + onward
    share, trapped = into / jnp.where(pivot > 0, pivot, 1), (pivot == 0) & (into > 0)
    added = share * time[k]
    longer = time + added
    ratio = jnp.where(trapped, ratio[k], ratio + added / longer * (ratio[k] - ratio))
    return ratio, jnp.where(trapped, jnp.asarray(_FOR_EVER, time.dtype), longer), share
