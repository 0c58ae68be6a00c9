"""Exact discounted programs over the product of the arms' states: the oracle for small systems."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import validation
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float, Int
from jaxsim.models.bandits.theory.inputs import Numbers, arm, discount_factor

_LARGEST = 2_000_000
_SWEEPS = 1_000_000


class Joint(NamedTuple):
    """Value in every joint state, the best arm there (lowest number among ties), and the certain error."""

    value: Float[np.ndarray, "..."]
    action: Int[np.ndarray, "..."]
    error: float


Arms = tuple[tuple[Array, Array], ...]


def play(move: Array, n: int, value: Array) -> Array:
    """Expected value, in every joint state, after arm n moves once."""
    return jnp.moveaxis(jnp.tensordot(move, value, axes=(1, n)), 0, n)


def reward_of(rewards: Array, n: int, arms: int) -> Array:
    """Rewards of arm n, ready to broadcast over the joint states."""
    shape = [1] * arms
    shape[n] = -1
    return rewards.reshape(shape)


def product_arms(arms: Sequence[tuple[Numbers, Numbers]]) -> Arms:
    """Validate arms whose product space is small enough to enumerate."""
    checked = [arm(r, p) for r, p in arms]
    size = int(np.prod([len(r) for r, _ in checked], dtype=float))
    validation.require(
        len(checked) > 0 and size <= _LARGEST, "arms", f"{size} joint states", "are too many to enumerate",
        f"keep the product of the arms' sizes below {_LARGEST}, or use joint_value",
    )  # fmt: skip
    return tuple((jnp.asarray(r), jnp.asarray(p)) for r, p in checked)


@partial(jax.jit, static_argnames=("owners",))
def _value_iteration(
    plays: Arms, owners: tuple[int, ...], beta: Array, tolerance: Array
) -> tuple[Array, Array, Array]:
    """Value, best play and error; play k is a chain that arm ``owners[k]`` may follow for one step."""
    arms = max(owners) + 1
    shape = tuple(
        next(len(r) for (r, _), o in zip(plays, owners, strict=True) if o == n) for n in range(arms)
    )

    def options(value: Array) -> Array:
        each = zip(plays, owners, strict=True)
        return jnp.stack([reward_of(r, n, arms) + beta * play(p, n, value) for (r, p), n in each])

    def sweep(carry: tuple) -> tuple:
        value, _, _, step = carry
        better = options(value).max(0)
        change = better - value
        # MacQueen: the fixed point lies within beta/(1-beta) times the smallest and largest change
        low, high = (beta / (1 - beta) * x for x in (change.min(), change.max()))
        return better, low, high, step + 1

    def unfinished(carry: tuple) -> Array:
        return (carry[2] - carry[1] > tolerance) & (carry[3] < _SWEEPS)

    first = sweep((jnp.zeros(shape, plays[0][0].dtype), 0.0, 0.0, 0))
    value, low, high, _ = jax.lax.while_loop(unfinished, sweep, first)
    value = value + (low + high) / 2
    return value, jnp.argmax(options(value), axis=0), (high - low) / 2


def iterate(plays: Arms, owners: tuple[int, ...], beta: float, tolerance: float) -> Joint:
    """Value iteration until MacQueen's bracket is as narrow as asked, or as rounding allows."""
    scale = max(float(jnp.abs(r).max()) for r, _ in plays) / (1 - beta)
    asked = max(float(validation.positive("tolerance", tolerance)), 1e-14 * scale)
    value, action, error = _value_iteration(plays, owners, jnp.asarray(beta), jnp.asarray(asked))
    validation.require(
        float(error) <= asked, "discount", beta, "is too near 1 for value iteration", "use joint_value"
    )
    return Joint(np.asarray(value), np.asarray(action), float(error))


@float64
def optimal_joint(
    arms: Sequence[tuple[Numbers, Numbers]], discount: Numbers, *, tolerance: float = 1e-12
) -> Joint:
    """Optimal discounted value and actions for N arms and one pipe, by value iteration on the product space.

        V(i) = max_n { r_n(i_n) + beta sum_j P_n(i_n, j) V(i with i_n = j) }

    arms: (rewards, transitions) of each; at most 2 million joint states. ``tolerance`` bounds the width of
    MacQueen's bracket; the value is its middle and ``error`` half of what was reached.
    Raises `InvalidInput` for bad arms, too many states, discount outside [0, 1), or no convergence.
    Source: Ishikida (1992), problem SP1, for Markov arms.
    """
    system, beta = product_arms(arms), discount_factor(discount)
    return iterate(system, tuple(range(len(system))), beta, tolerance)


@float64
def policy_value(
    arms: Sequence[tuple[Numbers, Numbers]], discount: Numbers, action: Int[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Discounted value of a stationary policy (an arm number per joint state), by a linear solve.

    Solves V = r_pi + beta P_pi V over the product space (dense: at most a few thousand joint states).
    """
    system, beta = product_arms(arms), discount_factor(discount)
    shape = tuple(len(r) for r, _ in system)
    validation.require(
        np.shape(action) == shape, "action", np.shape(action), f"is not one arm per joint state {shape}",
        "give an array of arm numbers",
    )  # fmt: skip
    return np.asarray(_value_of(system, jnp.asarray(beta), jnp.asarray(action)))


@jax.jit
def _value_of(system: Arms, beta: Array, action: Array) -> Array:
    states, identity = jnp.arange(action.size), jnp.eye(action.size).reshape(*action.shape, -1)
    moves = jnp.stack([play(p, n, identity).reshape(action.size, -1) for n, (_, p) in enumerate(system)])
    rewards = jnp.stack(
        [
            jnp.broadcast_to(reward_of(r, n, len(system)), action.shape).ravel()
            for n, (r, _) in enumerate(system)
        ]
    )
    chosen = action.ravel()
    kept = jnp.eye(action.size) - beta * moves[chosen, states]
    return jnp.linalg.solve(kept, rewards[chosen, states]).reshape(action.shape)
