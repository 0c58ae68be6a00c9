"""Whittle index of restless arms, and whether the arm is indexable at all."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import validation
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Bool, Float
from jaxsim.models.bandits.theory.inputs import Numbers, arm, discount_factor


class Whittle(NamedTuple):
    """The subsidies at which each state turns passive, and whether the arm is indexable."""

    indices: Float[Array | np.ndarray, "..."]
    indexable: Bool[Array | np.ndarray, "..."]


def _relative_value(chance: Array, rewards: Array, discount: Array) -> Array:
    """Value up to what cancels in advantages: discounted value, or the bias with bias[0] = 0 (discount 1)."""
    n = chance.shape[0]
    system = jnp.eye(n, dtype=chance.dtype) - discount * chance
    # Average reward: the gain takes the place of the value in state 0, which is set to 0
    average = discount == 1
    column = jnp.where(average, jnp.ones(n, chance.dtype), system[:, 0])
    solution = jnp.linalg.solve(system.at[:, 0].set(column), rewards)
    return jnp.where(average & (jnp.arange(n) == 0)[:, None], 0, solution)


def whittle(
    passive: tuple[Float[Array, " states"], Float[Array, "states states"]],
    active: tuple[Float[Array, " states"], Float[Array, "states states"]],
    discount: Float[Array, ""],
) -> Whittle:
    """Raise the subsidy for passivity from below, switching one state at a time.

    Under a policy, the value V = A + lambda B is linear in the subsidy lambda, and so is the advantage of
    passivity in each state, r0 + lambda - r1 + beta (P0 - P1)(A + lambda B). From all active on, the next
    state to turn passive is the first whose advantage reaches 0; that lambda is its index. The arm is
    indexable if no passive state's advantage falls below 0 before the next switch: then the set of passive
    states only grows. Once it is not, the indices are NaN from there on. Pure; O(states^4).
    """
    (r0, p0), (r1, p1) = passive, active
    n = r0.shape[0]
    scale = jnp.maximum(jnp.abs(r0).max(), jnp.abs(r1).max()) + 1
    tolerance = 1e3 * jnp.finfo(r0.dtype).eps * scale * n

    def switch(_: Array, carry: tuple) -> tuple:
        rests, indices, level, fine = carry
        chance = jnp.where(rests[:, None], p0, p1)
        reward = jnp.stack([jnp.where(rests, r0, r1), rests.astype(r0.dtype)], axis=1)
        value = _relative_value(chance, reward, discount)
        base, slope = (jnp.stack([r0 - r1, jnp.ones_like(r0)], 1) + discount * (p0 - p1) @ value).T
        # The root of the advantage above the present level; flat or falling advantages never get there
        rises = slope > 1e-12
        root = jnp.maximum(jnp.where(rises, -base / jnp.where(rises, slope, 1), jnp.inf), level)
        # An active state whose advantage is positive already (it fell from above) is at the present level
        root = jnp.where(base + slope * level > tolerance, level, root)
        root = jnp.where(rests, jnp.inf, root)
        nxt = jnp.argmin(root)
        reached = root[nxt]
        # Passive states must stay so up to the next switch
        stays = jnp.where(rests, base + slope * jnp.where(jnp.isfinite(reached), reached, level), 0)
        fine = fine & jnp.isfinite(reached) & jnp.all(stays >= -tolerance)
        return rests.at[nxt].set(True), indices.at[nxt].set(jnp.where(fine, reached, jnp.nan)), reached, fine

    # Surely below every index: a subsidy cannot matter more than all rewards together
    lowest = -4 * scale * n / jnp.maximum(1 - discount, 1e-3)
    start = (
        jnp.zeros(n, bool),
        jnp.full(n, jnp.nan, r0.dtype),
        jnp.asarray(lowest, r0.dtype),
        jnp.asarray(True),
    )
    _, indices, _, fine = jax.lax.fori_loop(0, n, switch, start)
    return Whittle(indices, fine)


_whittle = jax.jit(whittle)
_many = jax.jit(jax.vmap(whittle, (0, 0, None)))


@float64
def whittle_index(
    passive_rewards: Numbers,
    passive_transitions: Numbers,
    rewards: Numbers,
    transitions: Numbers,
    discount: Numbers,
) -> Whittle:
    """Whittle index of a restless arm: the subsidy that makes resting and being served equally good.

    lambda(i): with a subsidy lambda per passive step, both actions are optimal in i. The arm is *indexable*
    if the set of states where passivity is optimal grows with lambda from nothing to everything; then the
    index is unique, and the Gittins index is the case of frozen passive states without reward.

    Args: rewards (..., n) and transitions (..., n, n) when passive and when active; discount in [0, 1], 1
    for average reward (every policy met must have one recurrent class). Leading axes are arms.
    Returns `Whittle`: indices (..., n), NaN where they do not exist, and indexable (...).
    Raises `InvalidInput` for bad arms.
    Source: Whittle (1988), Restless bandits; the natural generalization of Ishikida (1992), (6.17). Test by
    parametric policy iteration as in Gast, Gaujal and Khun (2023).
    """
    rest, serve = arm(passive_rewards, passive_transitions), arm(rewards, transitions)
    fits = rest[0].shape == serve[0].shape
    validation.require(
        fits, "passive_rewards", f"shape {rest[0].shape}", "differs from rewards", "use the same states"
    )
    beta = jnp.asarray(discount_factor(discount, average=True))
    if rest[0].ndim == 1:
        found = _whittle(tuple(map(jnp.asarray, rest)), tuple(map(jnp.asarray, serve)), beta)
        return Whittle(*map(np.asarray, found))
    shape, n = rest[0].shape, rest[0].shape[-1]
    flat = [(jnp.asarray(r.reshape(-1, n)), jnp.asarray(p.reshape(-1, n, n))) for r, p in (rest, serve)]
    found = _many(*flat, beta)
    return Whittle(np.asarray(found.indices).reshape(shape), np.asarray(found.indexable).reshape(shape[:-1]))
