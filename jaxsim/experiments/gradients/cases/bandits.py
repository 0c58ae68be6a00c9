"""Bandits: discounted reward of three arms and one pipe as a function of softmax priority weights."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array
from jaxsim.experiments.gradients.case import Case, Method, known, whole
from jaxsim.learning import SPSA, CommonNumbers, Conditional, Exact, Relaxed, Score
from jaxsim.models.bandits.objective import softmax_objective, softmax_value

REWARDS = np.array([0.0, 1.0, 4.0])
MOVES = np.array([[0.3, 0.7, 0.0], [0.1, 0.3, 0.6], [0.6, 0.2, 0.2]])
DISCOUNT, START, SLOTS = 0.8, (0, 0, 1), 20
AT = np.array([0.2, -0.3, 0.6])


def _value(weights: Array) -> Array:
    """Return minus the reward over the slots from the start."""
    values = softmax_value(weights, jnp.asarray(REWARDS), jnp.asarray(MOVES), DISCOUNT, SLOTS)(len(START))
    return -values[int(np.ravel_multi_index(START, (3,) * len(START)))]


@float64
def _exact() -> tuple[float, np.ndarray]:
    value, slope = jax.value_and_grad(_value)(jnp.asarray(AT))
    return float(value), np.asarray(slope)


@float64
def _critic() -> np.ndarray:
    """Return the values for ever at the point: 0.8^20 away from those of the slots that are left."""
    values = softmax_value(jnp.asarray(AT), jnp.asarray(REWARDS), jnp.asarray(MOVES), DISCOUNT)
    return np.asarray(values(len(START)))


def case(scale: int = 1) -> Case:
    """Return the case: three equal arms of three states, discount 0.8, 20 slots."""
    plain: Any = softmax_objective(REWARDS, MOVES, discount=DISCOUNT, start=START, slots=SLOTS)
    rich: Any = softmax_objective(
        REWARDS, MOVES, discount=DISCOUNT, start=START, slots=SLOTS, values=_critic()
    )

    n = 4000 * scale
    methods = {
        "exact chain": Method(Exact(), known(_value)),
        "common random numbers": Method(CommonNumbers(0.1, n), plain),
        "SPSA": Method(SPSA(0.1, 2 * n), plain),
        "score, no baseline": Method(Score(n, "none"), whole(plain)),
        "score, leave-one-out": Method(Score(n), whole(plain)),
        "score, leave-one-out, costs to go": Method(Score(n), plain),
        "conditional, exact critic": Method(Conditional(n), rich),
        "Gumbel-softmax, temperature 0.2": Method(Relaxed(0.2, "soft", n), plain),
        "straight-through Gumbel, 0.5": Method(Relaxed(0.5, "straight_through", n), plain),
    }
    title = "minus the discounted reward of three arms in 20 slots, in the softmax weights of the states"
    return Case(title, AT, _exact, methods, "Ishikida (1992), problem SP1; softmax rules are ours")
