"""Tables of the kinds of arms: Markov, deterministic and Bernoulli, and any that a user supplies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxsim.core import validation
from jaxsim.models.bandits.theory.inputs import arm

MOST_OUTCOMES = 4096


class Tables(NamedTuple):
    """Outcome tables (rows, states, outcomes): chances, rewards and next states; see `model.Params`."""

    chances: np.ndarray
    rewards: np.ndarray
    following: np.ndarray
    direct: bool


def markov(rewards: Any, transitions: Any) -> Tables:
    """Return the tables of finite Markov arms: one chain for all, or a leading axis of arms."""
    reward, move = arm(rewards, transitions)
    validation.require(
        reward.ndim <= 2,
        "rewards",
        f"shape {reward.shape}",
        "has too many axes",
        "give (states) or (arms, states)",
    )
    states = reward.shape[-1]
    validation.require(
        states <= MOST_OUTCOMES, "transitions", f"{states} states", "are too many for the kernel",
        f"use at most {MOST_OUTCOMES}, or outcome tables",
    )  # fmt: skip
    reward, move = reward.reshape(-1, states), move.reshape(-1, states, states)
    following = np.broadcast_to(np.arange(states), move.shape)
    return Tables(move, np.broadcast_to(reward[..., None], move.shape), following, True)


def deterministic(sequences: Sequence[Any]) -> Tables:
    """Return the tables of reward sequences, one per arm: state l after l packets, then 0 for ever."""
    values = [np.atleast_1d(validation.numbers("rewards", z)) for z in sequences]
    states = 1 + max(len(z) for z in values)
    rewards = np.zeros((len(values), states, 1))
    for row, z in zip(rewards, values, strict=True):
        row[: len(z), 0] = z
    following = np.minimum(np.arange(states) + 1, states - 1)
    ends = np.array([len(z) for z in values])[:, None]
    following = np.where(np.arange(states) < ends, following, np.arange(states))[..., None]
    return Tables(np.ones_like(rewards), rewards, following, False)


def lattice(depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Return successes and failures of every belief with at most ``depth`` plays, in order of plays."""
    pairs = [(plays - failures, failures) for plays in range(depth + 1) for failures in range(plays + 1)]
    successes, failures = np.array(pairs).T
    return successes, failures


def bernoulli(successes: Any, failures: Any, depth: int, truth: Any | None) -> Tables:
    """Return the tables of Bernoulli arms with Beta(a, b) priors, states being beliefs after s + f plays.

    The outcomes are success (reward 1) and failure. Their chances are the posterior means, so that success
    probabilities are drawn from the prior, replication by replication; with ``truth`` they are the given
    probabilities, and the beliefs only steer the policy. Beliefs after ``depth`` plays end the table.
    """
    a, b = (
        np.atleast_1d(validation.positive(f, v))
        for f, v in (("successes", successes), ("failures", failures))
    )
    probabilities = [] if truth is None else np.atleast_1d(validation.probability("truth", truth))
    rows = max(len(a), len(b), len(probabilities))
    fits = all(len(x) in (0, 1, rows) for x in (a, b, probabilities))
    validation.require(
        fits, "successes", successes, "does not match failures and truth", "give one number or one per arm"
    )
    s, f = lattice(depth)
    mean = (a[:, None] + s) / (a[:, None] + b[:, None] + s + f)
    chance = np.broadcast_to(mean if truth is None else np.asarray(probabilities)[:, None], (rows, len(s)))
    plays = s + f
    number = (plays + 1) * (plays + 2) // 2 + f  # the success after these plays
    end = len(s)
    up, across = np.where(plays < depth, number, end), np.where(plays < depth, number + 1, end)
    shape = (rows, len(s), 2)
    return Tables(
        np.stack([chance, 1 - chance], -1), np.broadcast_to(np.array([1.0, 0.0]), shape),
        np.broadcast_to(np.stack([up, across], -1), shape), False,
    )  # fmt: skip
