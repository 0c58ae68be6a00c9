"""What ``jaxsim solve bandits.NAME`` answers: each problem with a worked example as its default.

Problem ``deadline`` simulates as well, so it lives with the experiments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import integer, numbers, require, scalar
from jaxsim.models.bandits.paths import simulated_auctions
from jaxsim.models.bandits.system import system
from jaxsim.models.bandits.theory.arrivals import arrival_index, arrival_value
from jaxsim.models.bandits.theory.arrivals_exact import exact_arrivals
from jaxsim.models.bandits.theory.auction import message_dimension, sequential_auction
from jaxsim.models.bandits.theory.bernoulli import bernoulli_index
from jaxsim.models.bandits.theory.continuous import continuous_envelope, continuous_index
from jaxsim.models.bandits.theory.deterministic import block_ends, deterministic_index
from jaxsim.models.bandits.theory.dynamic import optimal_joint, policy_value
from jaxsim.models.bandits.theory.gittins import gittins_derivatives, gittins_index
from jaxsim.models.bandits.theory.inputs import arm
from jaxsim.models.bandits.theory.joint import joint_value
from jaxsim.models.bandits.theory.prices import continuous_prices
from jaxsim.models.bandits.theory.superprocess import local_laws, optimal_controlled, select
from jaxsim.models.bandits.theory.whittle import whittle_index

CYCLE = ((0, 1, 0), (0, 0, 1), (1, 0, 0))
FADING = ((0.9, 0.1), (0.0, 1.0))
RECOVERING = ((1.0, 0.0), (0.3, 0.7))
JOBS = ((0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0.7, 0.3), (0, 0, 0, 1))
MACHINE = (
    ((3.0, 0.0, 0.0), (0.0, 5.0, 0.0)),
    (
        ((0, 0, 1), (0, 0, 1), (0, 0, 1)),
        ((0, 1, 0), (0, 0, 1), (0, 0, 1)),
    ),
)
_DENSE = 3000


def gittins(
    *, rewards: Any = (0, 0, 9), transitions: Any = CYCLE, discount: Real = 0.9, derivatives: Any = False
) -> dict[str, Any]:
    """Gittins index of every state of a finite Markov arm.

    Args:
        rewards: reward of playing in each state (or one list per arm).
        transitions: transition probabilities, one row per state (or one matrix per arm).
        discount: beta in [0, 1]; 1 is the average-reward index.
        derivatives: also d index_i / d reward_j and d index_i / d discount.
    """
    index = gittins_index(rewards, transitions, discount)
    answer: dict[str, Any] = {"index": index.tolist()}
    if index.ndim == 1:
        answer["order"] = np.argsort(-index, kind="stable").tolist()
    if derivatives:
        slopes = gittins_derivatives(rewards, transitions, discount)
        answer |= {"d_rewards": slopes.rewards.tolist(), "d_discount": slopes.discount.tolist()}
    return answer


def bernoulli(
    *, successes: Any = 1.0, failures: Any = 1.0, discount: Real = 0.9, tolerance: Real = 1e-7
) -> dict[str, Any]:
    """Bracket the index of Bernoulli arms with Beta(successes, failures) priors.

    Args:
        successes, failures: parameters of the prior, numbers or lists.
        discount: beta in [0, 1).
        tolerance: width of the bracket.
    """
    bracket = bernoulli_index(successes, failures, discount, tolerance=tolerance)
    parts = {"index": bracket.middle, "lower": bracket.lower, "upper": bracket.upper}
    return {name: value.tolist() for name, value in parts.items()} | {"plays_ahead": bracket.depth}


def deterministic(*, rewards: Any = (3, 1, 4, 1, 5, 9, 2, 6), discount: Real = 1.0) -> dict[str, Any]:
    """Index, maximizing stopping times and concave envelope of a reward sequence.

    Args:
        rewards: Z(1), Z(2), ...
        discount: beta in [0, 1].
    """
    found = deterministic_index(rewards, discount)
    return {
        "index": found.indices.tolist(),
        "stopping_times": found.stop.tolist(),
        "envelope": found.envelope.tolist(),
        "block_ends": block_ends(found.stop),
    }


def continuous(
    *,
    loads: Any = (0, 2, 4),
    rewards: Any = ((0, 4, 0), (3, 0, 0)),
    discount_rate: Real = 0.5,
    capacity: Real = 1.0,
    at: Any = (0, 1, 2, 3, 4),
) -> dict[str, Any]:
    """Index and concave envelope of reward curves in continuous time, and what capacity is worth to them.

    Args:
        loads, rewards: Z(l), linear between these loads (from 0 on) and constant after the last; one list of
            rewards, or one per user.
        discount_rate: alpha > 0.
        capacity: M > 0.
        at: increasing load levels at which index and envelope are listed.

    ``value`` is the optimum of all users together, ``rent`` what the pipe costs at time 0, and ``multiplier``
    the Lagrange multiplier of its capacity then.
    """
    curve: dict[str, Any] = {"discount_rate": discount_rate, "capacity": capacity}
    users = np.atleast_2d(numbers("rewards", rewards))
    prices = continuous_prices(loads, list(users), **curve)
    first = [float(continuous_index(loads, z, at=0.0, **curve)) for z in users]
    return {
        "index": [continuous_index(loads, z, at=at, **curve).tolist() for z in users],
        "envelope": [continuous_envelope(loads, z, at=at, **curve).tolist() for z in users],
        "value": prices.value,
        "rent": max(0.0, *first),
        "multiplier": float(prices.multipliers[0]),
    }


def whittle(
    *,
    passive_rewards: Any = (0.0, 0.0),
    passive_transitions: Any = RECOVERING,
    rewards: Any = (1.0, 0.2),
    transitions: Any = FADING,
    discount: Real = 0.9,
) -> dict[str, Any]:
    """Whittle index of a restless arm and whether it is indexable.

    Args:
        passive_rewards, passive_transitions: the arm while it rests.
        rewards, transitions: the arm while it is served.
        discount: beta in [0, 1]; 1 is the average-reward index.
    """
    found = whittle_index(passive_rewards, passive_transitions, rewards, transitions, discount)
    listed = [None if np.isnan(x) else float(x) for x in np.ravel(found.indices)]
    return {"index": listed, "indexable": bool(np.all(found.indexable))}


def joint(
    *,
    rewards: Any = (0, 0, 9),
    transitions: Any = CYCLE,
    arms: Whole = 2,
    discount: Real = 0.9,
    start: Any = 0,
) -> dict[str, Any]:
    """Optimal value of several arms by Whittle's integral, beside dynamic programming where it is feasible.

    Args:
        rewards, transitions: one arm, or one per leading entry.
        arms: how many copies, where one arm is given.
        discount: beta in [0, 1).
        start: the state of every arm, or one per arm.
    """
    reward, move = arm(rewards, transitions)
    count = integer("arms", arms, low=1, high=10_000) if reward.ndim == 1 else len(reward)
    system = [(reward, move)] * count if reward.ndim == 1 else list(zip(reward, move, strict=True))
    states = np.atleast_1d(np.asarray(start)).tolist()
    states = states * count if len(states) == 1 else states
    answer: dict[str, Any] = {"value": joint_value(system, discount, states)}
    size = float(np.prod([len(r) for r, _ in system], dtype=float))
    if size <= _DENSE:
        exact = optimal_joint(system, discount)
        index = np.meshgrid(*[gittins_index(r, p, discount) for r, p in system], indexing="ij")
        at = tuple(int(s) for s in states)
        rule = policy_value(system, discount, np.argmax(np.stack(index), axis=0))
        answer |= {"dynamic_program": float(exact.value[at]), "index_rule": float(rule[at])}
    return answer


def arrivals(
    *,
    rewards: Any = (0, 0.5, 1, 0),
    transitions: Any = JOBS,
    discount: Real = 0.7,
    arrival_probability: Any = 0.5,
    arrival_state: Whole = 2,
    start: Any = (0, 1),
    most: Whole = 10,
    steps: Whole = 20,
    seed: Whole = 0,
) -> dict[str, Any]:
    """Index with arrivals beside the index without, exact values of first plays, and leases of one path.

    Args:
        rewards, transitions: the chain of every arm, with an absorbing state without reward.
        discount: beta in [0, 1).
        arrival_probability: chance of one new arm per step. arrival_state: where it begins.
        start: states of the arms that are there at first.
        most: arms that the exact program keeps; it brackets the value whatever this is.
        steps, seed: of the one simulated path whose nested auctions are read off.

    ``leases`` lists [holder, first slot, last slot, rent, depth], depth 0 being leases of the pipe itself and
    depth d sublets inside d others; ``winners`` who holds the pipe in each slot, None where it is idle;
    ``arrived`` the slot from which on each user is there.
    """
    reward, move = arm(rewards, transitions)
    n = reward.shape[-1]
    state = integer("arrival_state", arrival_state, low=0, high=n - 1)
    coming = [scalar("arrival_probability", arrival_probability)], np.eye(n)[[state]]
    first = [integer("start", s, low=0, high=n - 1) for s in np.atleast_1d(np.asarray(start)).tolist()]
    found = arrival_index(rewards, transitions, discount, *coming)
    classical = gittins_index(rewards, transitions, discount)
    kept = integer("most", most, low=len(first), high=12)
    exact = exact_arrivals(rewards, transitions, discount, *coming, start=first, most=kept)
    idle = int(np.flatnonzero((np.diag(move) == 1) & (reward == 0))[0])
    slots = [*first, *[idle] * integer("steps", steps, low=1, high=1000)]  # room for all who may arrive
    bandit = system(
        arms=len(slots), rewards=rewards, transitions=transitions, discount=discount, start=slots,
        arrival_probability=coming[0][0], arrival_state=state,
    )  # fmt: skip
    (path,) = simulated_auctions(bandit, idle, steps=steps, seed=seed, replications=1)
    return {
        "index": found.indices.tolist(),
        "index_without_arrivals": classical.tolist(),
        "value": arrival_value(found, float(discount), [*first, idle]),
        "first_play_lower": [None if np.isnan(x) else float(x) for x in exact.lower],
        "first_play_upper": [None if np.isnan(x) else float(x) for x in exact.upper],
        "winners": path.winners,
        "arrived": path.arrived,
        "leases": [list(lease) for lease in path.leases],
    }


def superprocess(
    *, rewards: Any = MACHINE[0], transitions: Any = MACHINE[1], discount: Real = 0.8, pension: Real = 2.9
) -> dict[str, Any]:
    """Choose a local law for a controlled machine that shares its pipe with a known arm.

    Args:
        rewards: (actions, states). transitions: (actions, states, states). The machine starts in state 0.
        discount: beta in [0, 1).
        pension: reward per step of the known arm.
    """
    laws = local_laws(rewards, transitions, 0)
    known = ([scalar("pension", pension)], [[1.0]])
    choice = select([laws, [(*known, 0)]], discount)
    actions = np.asarray(rewards, float).shape
    law = np.unravel_index(choice.chosen[0], (actions[0],) * actions[1])
    one = ([known[0]], [known[1]])
    exact, _ = optimal_controlled([(rewards, transitions), one], discount)
    return {
        "law": [int(a) for a in law],
        "dominant": choice.dominant[0] is not None,
        "statement": choice.statement,
        "value": choice.value,
        "joint_program": float(exact.value[0, 0]),
    }


def auction(*, rewards: Any = ((3, 1, 4), (1, 5), (2,)), discount: Real = 0.9) -> dict[str, Any]:
    """Run the sequential auction: who sends when, the announced winning bids, and how few they are.

    Args:
        rewards: one sequence of rewards >= 0 per user.
        discount: beta in [0, 1].
    """
    nested = isinstance(rewards, list | tuple | np.ndarray) and all(np.ndim(z) > 0 for z in rewards)
    require(nested, "rewards", rewards, "is not a list of sequences", "give [[3, 1, 4], [1, 5]]")
    result = sequential_auction(list(rewards), discount)
    return {
        "assignment": result.assignment.tolist(),
        "winning_bids": result.winning_bids.tolist(),
        "message_dimension": message_dimension(len(result.assignment)),
    }
