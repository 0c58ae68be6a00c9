"""``jaxsim solve bandits.deadline``: optimum, index rule and bounds, beside the simulated regret."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.core.validation import integer, require
from jaxsim.engine import simulate
from jaxsim.models.bandits import policies
from jaxsim.models.bandits.system import system
from jaxsim.models.bandits.theory.bounds import deadline_bound, index_rule_with_deadline, markov_bound
from jaxsim.models.bandits.theory.deadline import index_rule_value, optimal_with_deadline, pipes_over_time
from jaxsim.models.bandits.theory.inputs import arm


def deadline(
    *,
    rewards: Any = ((0, 4, 0, 0), (0, 4, 0, 0), (0, 0, 7, 0)),
    transitions: Any = None,
    pipes: Any = 1,
    horizon: Whole = 4,
    replications: Whole = 2000,
    seed: Whole = 0,
) -> dict[str, Any]:
    """Index rule, optimum, the bound W D or M W D, and the simulated regret until a deadline.

    Args:
        rewards: one sequence per user; with transitions, the rewards of the states of each user's chain.
        transitions: one matrix per user, for Markov users, who begin in state 0.
        pipes: M, or M(t) for each t.
        horizon: T.
        replications, seed: of the simulation of the index rule with the kernel.

    ``simulated_regret`` is the optimum less the simulated mean, with the half-width of a 95 % interval (0 for
    sequences: nothing is random). ``bound`` is None where its assumption fails (Markov users who may never
    finish).
    """
    steps = integer("horizon", horizon, low=1)
    open_pipes = pipes_over_time(pipes, steps).tolist()
    answer = _exact(rewards, transitions, open_pipes)
    mean, half_width = reward_until_deadline(
        rewards, transitions, open_pipes, seed=seed, replications=replications
    )
    return answer | {
        "simulated_regret": answer["optimum"] - mean,
        "simulated_regret_half_width": half_width,
    }


def _exact(rewards: Any, transitions: Any, pipes: list[int]) -> dict[str, Any]:
    """Return the exact values and the bound: of sequences, or of Markov users."""
    if transitions is None:
        report = index_rule_with_deadline(rewards, pipes, len(pipes))
        by_index, best, bound = report.index_rule, report.optimum, deadline_bound(rewards, pipes)
        rest = {"assignment": [list(users) for users in report.assignment]}
    else:
        reward, move = arm(rewards, transitions)
        require(reward.ndim == 2, "rewards", rewards, "is not one list per user", "give [[1, 0], [2, 0]]")
        users = list(zip(reward, move, strict=True))
        first = (0,) * len(users)
        by_index, best = (
            float(value[first])
            for value in (
                index_rule_value(users, pipes, len(pipes)),
                optimal_with_deadline(users, pipes, len(pipes))[0],
            )
        )
        bound, rest = markov_bound(users, pipes), {}
    known = {"index_rule": by_index, "optimum": best, "regret": best - by_index}
    return known | {"bound": bound if np.isfinite(bound) else None} | rest


def reward_until_deadline(
    rewards: Any, transitions: Any, pipes: list[int], *, seed: Any, replications: Any
) -> tuple[float, float]:
    """Simulate the index rule until the deadline T = len(pipes); return its mean reward and the half-width.

    rewards: one sequence per user, with transitions None; or (users, states) with (users, states, states),
    every user being in state 0 at first. pipes: M(1), ..., M(T); more pipes than users change nothing. The
    half-width is that of a 95 % interval: 0 for sequences, whose paths are all the same.
    """
    count, users = integer("replications", replications, low=2), len(rewards)
    schedule = [min(m, users) for m in pipes]
    if max(schedule) == 0:
        return 0.0, 0.0
    schedule = schedule[:1] if min(schedule) == max(schedule) else schedule
    kind = "deterministic" if transitions is None else "markov"
    if transitions is None:  # the system takes tables: zeros after the last packet are never served
        longest = max(len(np.atleast_1d(z)) for z in rewards)
        rewards = [np.pad(np.atleast_1d(z), (0, longest - len(np.atleast_1d(z)))).tolist() for z in rewards]
    bandit = system(
        kind=kind, arms=users, rewards=rewards, transitions=transitions, discount=1.0, pipes=schedule,
        may_idle=True,
    )  # fmt: skip
    result = simulate(
        bandit.kernel, policies.index(bandit), bandit.params, seed=seed, replications=count,
        horizon=len(pipes), warmup=0.0,
    )  # fmt: skip
    total = result["total_reward"]
    return float(total.mean), float(total.half_width)
