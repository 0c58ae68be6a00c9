"""Returns and advantages of a piece of path, unbatched: time is the first axis.

Source: Schulman, Moritz, Levine, Jordan, Abbeel (2016), "High-dimensional continuous control using
generalized advantage estimation", equations (11) to (16).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array, Bool, Float


def advantages(
    rewards: Float[Array, "time *agents"],
    values: Float[Array, "time *agents"],
    next_values: Float[Array, "time *agents"],
    terminated: Bool[Array, " time"],
    truncated: Bool[Array, " time"],
    gamma: Float[Array, ""] | float,
    lam: Float[Array, ""] | float,
) -> Float[Array, "time *agents"]:
    """Return generalized advantage estimates A.

    delta(t) = r(t) + gamma V'(t) [not terminated] - V(t),
    A(t) = delta(t) + gamma lambda [neither terminated nor truncated] A(t+1),    A(end) = 0.

    Args:
        rewards: r(t), of the step from t to t + 1. values: V(t), before it.
        next_values: V'(t), after it, in the same episode (at its end, of the final observation).
        terminated, truncated: whether the step was the episode's last, for good or for now.
        gamma: discount factor. lam: 1 gives Monte Carlo returns minus values, 0 one-step errors.
    """
    shape = (rewards.shape[0],) + (1,) * (rewards.ndim - 1)
    alive = 1.0 - terminated.reshape(shape).astype(rewards.dtype)
    on = alive * (1.0 - truncated.reshape(shape).astype(rewards.dtype))
    delta = rewards + gamma * alive * next_values - values

    def back(after: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        error, goes_on = now
        here = error + gamma * lam * goes_on * after
        return here, here

    return lax.scan(back, jnp.zeros_like(rewards[0]), (delta, on), reverse=True)[1]
