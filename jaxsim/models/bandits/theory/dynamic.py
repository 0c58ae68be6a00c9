"""Exact dynamic programs over the product of the arms' states: the oracle for small systems."""

from __future__ import annotations

import itertools
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


def _play(move: Array, n: int, value: Array) -> Array:
    """Expected value, in every joint state, after arm n moves once."""
    return jnp.moveaxis(jnp.tensordot(move, value, axes=(1, n)), 0, n)


def _reward(rewards: Array, n: int, arms: int) -> Array:
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
        return jnp.stack([_reward(r, n, arms) + beta * _play(p, n, value) for (r, p), n in each])

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
    size = int(np.prod(shape))
    states = jnp.arange(size)
    identity = jnp.eye(size).reshape(*shape, size)
    moves = jnp.stack([_play(system[n][1], n, identity).reshape(size, size) for n in range(len(system))])
    rewards = jnp.stack(
        [jnp.broadcast_to(_reward(system[n][0], n, len(system)), shape).ravel() for n in range(len(system))]
    )
    chosen = jnp.asarray(np.asarray(action).ravel())
    value = jnp.linalg.solve(jnp.eye(size) - beta * moves[chosen, states], rewards[chosen, states])
    return np.asarray(value).reshape(shape)


def choices(users: int, pipes: int) -> np.ndarray:
    """Every set of at most ``pipes`` users, as rows of booleans (the empty set first)."""
    rows = [
        [u in chosen for u in range(users)]
        for size in range(min(users, pipes) + 1)
        for chosen in itertools.combinations(range(users), size)
    ]
    return np.array(rows, bool).reshape(-1, users)


@partial(jax.jit, static_argnames=("horizon",))
def _deadline(arms: Arms, sets: Array, open_pipes: Array, horizon: int) -> tuple[Array, Array]:
    shape = tuple(len(r) for r, _ in arms)

    def served(chosen: Array, value: Array) -> Array:
        total = value
        for n in range(len(arms)):
            total = jnp.where(
                chosen[n], _reward(arms[n][0], n, len(arms)) + _play(arms[n][1], n, total), total
            )
        return total

    def back(value: Array, pipes: Array) -> tuple[Array, Array]:
        each = jax.lax.map(lambda chosen: served(chosen, value), sets)
        allowed = sets.sum(1) <= pipes
        each = jnp.where(allowed.reshape(-1, *[1] * len(arms)), each, -jnp.inf)
        return each.max(0), each.argmax(0)

    value, action = jax.lax.scan(back, jnp.zeros(shape, arms[0][0].dtype), open_pipes, reverse=True)
    return value, action


@float64
def optimal_with_deadline(
    arms: Sequence[tuple[Numbers, Numbers]], pipes: int | Sequence[int], horizon: int
) -> tuple[Float[np.ndarray, "..."], Int[np.ndarray, "..."], np.ndarray]:
    """Optimal expected total reward of M(t) pipes until a deadline T, with the optimal sets of arms.

    Backward induction over the product space and all sets of at most M(t) arms (problem SP3; P3 with
    deterministic arms). Returns the value per joint state, the number of the best set per time and joint
    state, and the table of sets (rows of booleans).

    pipes: M, or M(1), ..., M(T); pipes may stay idle. An arm earns its reward when it is played.
    Raises `InvalidInput` for bad arms, too many joint states, or a list of pipes that is not T long.
    Source: Ishikida (1992), problems P2, P3, SP2, SP3.
    """
    system, steps = product_arms(arms), validation.integer("horizon", horizon, low=1)
    open_pipes = pipes_over_time(pipes, steps)
    sets = choices(len(system), int(open_pipes.max()))
    value, action = _deadline(system, jnp.asarray(sets), jnp.asarray(open_pipes), steps)
    return np.asarray(value), np.asarray(action), sets


def pipes_over_time(pipes: int | Sequence[int], horizon: int) -> np.ndarray:
    """Validate M or M(1), ..., M(T) and return one number of pipes per time."""
    given = np.atleast_1d(np.asarray(pipes))
    fits = given.ndim == 1 and len(given) in (1, horizon)
    validation.require(
        fits, "pipes", pipes, f"is neither one number nor {horizon}", "give M, or M(t) for each t"
    )
    counts = [validation.integer("pipes", m, low=0) for m in given.tolist()]
    return np.broadcast_to(np.array(counts, np.int32), (horizon,)).copy()


def sequence_arm(rewards: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Return a sequence as a Markov arm: state l after l packets, an empty last state for ever."""
    z = np.append(validation.numbers("rewards", rewards), 0.0)
    move = np.eye(len(z), k=1)
    move[-1, -1] = 1
    return z, move
