"""Who gets the pipes: priorities by state (index, myopic, fixed order), random, optimal, or any callable.

A policy is called with a random word and an `Observation` and returns one score per arm; the M(t) arms with
the largest scores are served, the lowest arm first among equals, and never one with a score of -inf.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.random import Stream, threefry
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Float, Int, UInt32
from jaxsim.core.validation import integer, require
from jaxsim.models.bandits.model import Observation, Params, Spec
from jaxsim.models.bandits.theory.arrivals import arrival_index
from jaxsim.models.bandits.theory.deadline import optimal_with_deadline
from jaxsim.models.bandits.theory.dynamic import optimal_joint
from jaxsim.models.bandits.theory.gittins import gittins_index


@pytree
class Priority:
    """Serve the arms whose states have the highest priority; with idle pipes allowed, only above ``floor``.

    table: (rows, states), one row if it is the same for all arms. The kernel turns it into ranks.
    """

    table: Float[Array, "rows states"]
    floor: Float[Array, ""]

    def __call__(self, coin: UInt32[Array, ""], seen: Observation) -> Float[Array, " arms"]:
        """Return the priority of every arm, -inf where it is not above the floor."""
        del coin
        rows = jnp.arange(len(seen.states)) if self.table.shape[0] > 1 else 0
        scores = self.table[rows, seen.states]
        return jnp.where(scores > self.floor, scores, -jnp.inf)


@pytree
class Random:
    """Serve arms chosen uniformly, all sets of M(t) arms being equally likely."""

    def __call__(self, coin: UInt32[Array, ""], seen: Observation) -> Float[Array, " arms"]:
        """Return independent scores made from the step's word, one per arm."""
        arms = jnp.arange(len(seen.states), dtype=jnp.uint32)
        words, _ = threefry(coin, jnp.uint32(Stream.POLICY), arms, jnp.zeros_like(arms))
        return (words >> np.uint32(8)).astype(jnp.float32)


@pytree
class Lookup:
    """Serve the set of arms that a table prescribes for the joint state, stationary or by time.

    table: (times, joint states), a row of ``sets``; times after the last one use the last. strides: joint
    state = sum of strides x states.
    """

    table: Int[Array, "times joint"]
    sets: Bool[Array, "choices arms"]
    strides: Int[Array, " arms"]

    def __call__(self, coin: UInt32[Array, ""], seen: Observation) -> Float[Array, " arms"]:
        """Return 1 for the arms of the set and -inf for the others."""
        del coin
        time = jnp.minimum(seen.time, self.table.shape[0] - 1)
        choice = self.table[time, jnp.sum(self.strides * seen.states)]
        return jnp.where(self.sets[choice], 1.0, -jnp.inf)


def chains(spec: Spec, params: Params) -> tuple[np.ndarray, np.ndarray]:
    """Return the Markov chains of the arms: mean rewards (rows, states), transitions (rows, states, states).

    An outcome that ends the table counts as staying where it is.
    """
    chances = np.asarray(params.chances, np.float64)
    chances = chances / chances.sum(-1, keepdims=True)
    rewards = (chances * np.asarray(params.rewards, np.float64)).sum(-1)
    after = np.asarray(params.following)
    after = np.where(after >= spec.states, np.arange(spec.states)[:, None], after)
    move = np.zeros((*rewards.shape, spec.states))
    rows, states = np.indices(rewards.shape)
    for outcome in range(spec.outcomes):
        np.add.at(move, (rows, states, after[..., outcome]), chances[..., outcome])
    return rewards, move


def _parts(system: System) -> tuple[Spec, Params]:
    spec, params = system.kernel.spec, system.params
    assert isinstance(spec, Spec) and isinstance(params, Params)
    return spec, params


def priority(spec: Spec, table: np.ndarray) -> Priority:
    """Return the policy of a priority table; where pipes may idle, only priorities above 0 are served."""
    floor = 0.0 if spec.may_idle else -np.inf
    return Priority(jnp.asarray(np.atleast_2d(table), jnp.float32), jnp.float32(floor))


def index(system: System) -> Priority:
    """Return the index rule: the Gittins index, or the index (6.32) where arms arrive.

    With discount 1 it is the index of the average criterion. Ties go to the lowest arm, compared by the
    current index: a tie broken by the envelope, which is constant inside a block, could leave a block early.
    """
    spec, params = _parts(system)
    rewards, move = chains(spec, params)
    if not spec.batch:
        return priority(spec, gittins_index(rewards, move, float(params.discount)))
    counts = np.zeros((params.arrival_states.shape[0], spec.states + 1))
    for law, comers in enumerate(np.asarray(params.arrival_states)):
        np.add.at(counts[law], comers, 1.0)
    chances = np.asarray(params.arrival_chances, np.float64)
    found = arrival_index(
        rewards[0], move[0], float(params.discount), chances / chances.sum(), counts[:, : spec.states]
    )
    return priority(spec, found.indices)


def classical(system: System) -> Priority:
    """Return the Gittins index rule even where arms arrive: not optimal there, for comparison."""
    spec, params = _parts(system)
    return priority(spec, gittins_index(*chains(spec, params), float(params.discount)))


def myopic(system: System) -> Priority:
    """Return the rule that serves the largest immediate mean reward."""
    spec, params = _parts(system)
    return priority(spec, chains(spec, params)[0])


def fixed(system: System) -> Priority:
    """Return the fixed order: the lowest arm that is not yet in an absorbing state without reward."""
    spec, params = _parts(system)
    rewards, move = chains(spec, params)
    done = (rewards == 0) & (np.diagonal(move, axis1=-2, axis2=-1) == 1)
    return priority(spec, np.where(done, 0.0, (spec.arms - np.arange(spec.arms))[:, None]))


def random(system: System) -> Random:
    """Return the rule that serves arms chosen uniformly at random."""
    del system
    return Random()


def optimal(system: System, *, deadline: Any = 0) -> Lookup:
    """Return the optimum of the dynamic program over the product space: small systems only.

    Args:
        system: one pipe and a discount below 1 (a stationary policy), or any number of pipes, discount 1
            and a deadline.
        deadline: the horizon T of the total reward; needed with discount 1, and only there.
    """
    spec, params = _parts(system)
    steps, beta = integer("deadline", deadline, low=0), float(params.discount)
    require(not spec.batch, "policy", "optimal", "knows no arrivals", "use policy index")
    rewards, move = (np.broadcast_to(x, (spec.arms, *x.shape[1:])) for x in chains(spec, params))
    arms = list(zip(rewards, move, strict=True))
    strides = np.array([spec.states ** (spec.arms - 1 - n) for n in range(spec.arms)], np.int32)
    if steps == 0:
        one = beta < 1 and spec.pipes == (1,)
        require(one, "deadline", deadline, "is missing", "give the horizon, with discount 1 or several pipes")
        table = optimal_joint(arms, beta, tolerance=1e-9).action.reshape(1, -1)
        return Lookup(jnp.asarray(table, jnp.int32), jnp.eye(spec.arms, dtype=bool), jnp.asarray(strides))
    require(beta == 1, "deadline", deadline, "needs discount 1", "leave it out, or set discount=1")
    pipes = [spec.pipes[t % len(spec.pipes)] for t in range(steps)]
    _, action, sets = optimal_with_deadline(arms, pipes, steps)
    return Lookup(jnp.asarray(action.reshape(steps, -1), jnp.int32), jnp.asarray(sets), jnp.asarray(strides))
