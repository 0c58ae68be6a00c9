"""Exact programs of the total reward until a deadline, with one or several pipes: optimum and index rule."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import validation
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Bool, Float, Int
from jaxsim.models.bandits.theory.dynamic import Arms, play, product_arms, reward_of
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.inputs import Numbers


def choices(users: int, pipes: int) -> Bool[np.ndarray, "sets users"]:
    """Every set of at most ``pipes`` users, as rows of booleans (the empty set first)."""
    rows = [
        [u in chosen for u in range(users)]
        for size in range(min(users, pipes) + 1)
        for chosen in itertools.combinations(range(users), size)
    ]
    return np.array(rows, bool).reshape(-1, users)


def _options(arms: Arms, sets: Array, value: Array) -> Array:
    """Value of serving each set of arms now, in every joint state, given the values one slot later."""

    def served(chosen: Array) -> Array:
        total = value
        for n, (rewards, move) in enumerate(arms):
            total = jnp.where(chosen[n], reward_of(rewards, n, len(arms)) + play(move, n, total), total)
        return total

    return jax.lax.map(served, sets)


@jax.jit
def _optimum(arms: Arms, sets: Array, open_pipes: Array) -> tuple[Array, Array]:
    def back(value: Array, pipes: Array) -> tuple[Array, Array]:
        allowed = (sets.sum(1) <= pipes).reshape(-1, *[1] * len(arms))
        each = jnp.where(allowed, _options(arms, sets, value), -jnp.inf)
        return each.max(0), each.argmax(0)

    nothing = jnp.zeros(tuple(len(r) for r, _ in arms), arms[0][0].dtype)
    return jax.lax.scan(back, nothing, open_pipes, reverse=True)


@jax.jit
def _by_rule(arms: Arms, sets: Array, action: Array, open_pipes: Array) -> Array:
    """Value of serving set action[M, joint state] when M pipes are open."""

    def back(value: Array, pipes: Array) -> tuple[Array, None]:
        each = _options(arms, sets, value)
        return jnp.take_along_axis(each, action[pipes][None], axis=0)[0], None

    nothing = jnp.zeros(tuple(len(r) for r, _ in arms), arms[0][0].dtype)
    return jax.lax.scan(back, nothing, open_pipes, reverse=True)[0]


@float64
def optimal_with_deadline(
    arms: Sequence[tuple[Numbers, Numbers]], pipes: int | Sequence[int], horizon: int
) -> tuple[Float[np.ndarray, "..."], Int[np.ndarray, "..."], Bool[np.ndarray, "sets users"]]:
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
    value, action = _optimum(system, jnp.asarray(sets), jnp.asarray(open_pipes))
    return np.asarray(value), np.asarray(action), sets


@float64
def index_rule_value(
    arms: Sequence[tuple[Numbers, Numbers]], pipes: int | Sequence[int], horizon: int
) -> Float[np.ndarray, "..."]:
    """Expected total reward of the index rule until a deadline T, per joint state.

    At each time the M(t) arms with the largest positive indices (discount 1) are served, the lowest arm first
    among equals; evaluated backward over the product space. Arguments and errors as `optimal_with_deadline`.
    Source: Ishikida (1992), sections 6.3.2 and 6.3.3.
    """
    system, steps = product_arms(arms), validation.integer("horizon", horizon, low=1)
    open_pipes = pipes_over_time(pipes, steps)
    most = min(int(open_pipes.max()), len(system))
    sets = choices(len(system), most)
    number = {tuple(row): k for k, row in enumerate(sets.tolist())}
    indices = [gittins_index(r, p, 1.0) for r, p in arms]
    joint = np.stack(np.meshgrid(*indices, indexing="ij")).reshape(len(system), -1)
    place = np.argsort(np.argsort(-joint, axis=0, kind="stable"), axis=0)  # 0: the arm served first
    action = [[number[tuple(row)] for row in ((place < m) & (joint > 0)).T.tolist()] for m in range(most + 1)]
    shape = most + 1, *(len(r) for r, _ in system)
    table = jnp.asarray(np.array(action).reshape(shape))
    few = jnp.asarray(np.minimum(open_pipes, most))
    return np.asarray(_by_rule(system, jnp.asarray(sets), table, few))


def pipes_over_time(pipes: int | Sequence[int], horizon: int) -> Int[np.ndarray, " times"]:
    """Validate M or M(1), ..., M(T) and return one number of pipes per time."""
    given = np.atleast_1d(np.asarray(pipes))
    fits = given.ndim == 1 and len(given) in (1, horizon)
    validation.require(
        fits, "pipes", pipes, f"is neither one number nor {horizon}", "give M, or M(t) for each t"
    )
    counts = [validation.integer("pipes", m, low=0) for m in given.tolist()]
    return np.broadcast_to(np.array(counts, np.int32), (horizon,)).copy()


def sequence_arm(rewards: Numbers) -> tuple[Float[np.ndarray, " states"], Float[np.ndarray, "states states"]]:
    """Return a sequence as a Markov arm: state l after l packets, an empty last state for ever."""
    z = np.append(validation.numbers("rewards", rewards), 0.0)
    move = np.eye(len(z), k=1)
    move[-1, -1] = 1
    return z, move
