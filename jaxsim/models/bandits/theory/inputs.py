"""What the solvers accept as arms, sequences and discounts."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from jaxsim.core import validation

Numbers: TypeAlias = Any
"""A number, an array, or (nested) lists and tuples of numbers, as a user gives them: validation decides."""


def arm(rewards: Numbers, transitions: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Validate rewards (..., n) and transitions (..., n, n) of Markov arms; return them as float64."""
    reward = validation.numbers("rewards", rewards)
    move = validation.distribution("transitions", transitions)
    validation.require(
        reward.ndim >= 1, "rewards", rewards, "must list one reward per state", "give a vector"
    )
    fits = move.shape == (*reward.shape, reward.shape[-1])
    validation.require(
        fits, "transitions", f"shape {move.shape}", f"does not fit rewards of shape {reward.shape}",
        "give one row of probabilities per state, over the same states",
    )  # fmt: skip
    return reward, move


def discount_factor(discount: Numbers, *, average: bool = False) -> float:
    """Validate a discount factor: a number in [0, 1), or in [0, 1] where average reward is meant by 1."""
    beta = validation.scalar("discount", discount, validation.probability)
    below = "[0, 1]" if average else "[0, 1)"
    validation.require(average or beta < 1, "discount", beta, f"is not in {below}", "give a number below 1")
    return beta


def sequence(field: str, rewards: Numbers) -> np.ndarray:
    """Validate a reward sequence: a vector of at least one finite number."""
    values = validation.numbers(field, rewards)
    validation.require(
        values.ndim == 1 and values.size > 0,
        field,
        rewards,
        "is not a sequence",
        "list one reward per packet",
    )
    return values
