"""Discounted rewards of a softmax priority rule as an objective with choices, for gradient estimators.

In every slot arm n, in state s_n, is served with probability proportional to exp(w(s_n)): the weights w are
tuned. As they grow apart the rule becomes the priority rule of their order. With Gumbel words the choice is
argmax_n w(s_n) + G_n, and so is the arm's next state, argmax_j log P(s, j) + G_j: every choice can be
relaxed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Float
from jaxsim.relaxations import Relaxation, Sample

HARD = Relaxation()
_SMALLEST = 1e-30
"""Stands for an impossible transition under the logarithm: e^-69 of a possible one."""


def softmax_objective(
    rewards: Float[Any, " states"],
    transitions: Float[Any, "states states"],
    *,
    discount: float,
    start: Sequence[int],
    slots: int,
    values: Float[Any, " joint"] | None = None,
) -> Callable[..., Sample]:
    """Return objective(weights, key, relaxation): minus the reward of N arms and one pipe, sum beta^t r(t).

    Args:
        rewards, transitions: of every arm. discount: beta. start: first state of each arm.
        slots: length of a path (static).
        values: relative values V of the joint states (the first arm's digit first), in rewards to come, for
            the critic r(s_n) + beta V(next state); without them no critic is offered.

    Returns:
        The sample's choices have the shape (slots,).
    """
    reward, move = jnp.asarray(rewards, jnp.float32), jnp.asarray(transitions, jnp.float32)
    arms, states = len(start), reward.shape[0]
    first = jax.nn.one_hot(np.asarray(start), states)
    critic = (
        None if values is None else _critic(reward, move, discount, jnp.asarray(values, jnp.float32), arms)
    )

    def objective(weights: Float[Array, " states"], key: Key, relaxation: Relaxation = HARD) -> Sample:
        def slot(where: Array, number: Array) -> tuple[Array, tuple[Array, ...]]:
            now = key.at(number)
            logits = where @ weights
            served = relaxation.choice(logits, now.words(Stream.POLICY, arms))
            earned = jnp.sum(served * (where @ reward))
            logs = jnp.log(jnp.maximum(served @ where @ move, _SMALLEST))
            after = relaxation.choice(logs, now.words(Stream.EVENTS, states))
            chance = jnp.sum(lax.stop_gradient(served) * jax.nn.log_softmax(logits))
            weight = discount ** number.astype(jnp.float32)
            forecast = jnp.zeros(arms) if critic is None else -weight * critic[_joint(where, states)]
            happened = jnp.sum(lax.stop_gradient(served) * forecast)
            smooth = jnp.sum(jax.nn.softmax(logits) * forecast)
            return where + served[:, None] * (after - where), (-weight * earned, chance, happened, smooth)

        costs, chances, happened, smooth = lax.scan(slot, first, jnp.arange(slots))[1]
        to_go = jnp.cumsum(lax.stop_gradient(costs)[::-1])[::-1]
        sample = Sample(jnp.sum(costs), chances, to_go)
        return sample if critic is None else sample._replace(critic=happened, smooth=jnp.sum(smooth))

    return objective


def _joint(where: Float[Array, "arms states"], states: int) -> Array:
    """Return the number of the joint state."""
    number = jnp.zeros((), jnp.int32)
    for arm in where:
        number = number * states + jnp.argmax(arm).astype(jnp.int32)
    return number


def digits(arms: int, states: int) -> np.ndarray:
    """Return the state of each arm in every joint state."""
    return np.array(np.unravel_index(np.arange(states**arms), (states,) * arms)).T


def served_law(move: Array, arms: int) -> Float[Array, "arms joint joint"]:
    """Return the transitions of the joint state when one arm is served."""
    states = move.shape[0]

    def serve(arm: int) -> Array:
        whole = jnp.ones((1, 1), move.dtype)
        for other in range(arms):
            whole = jnp.kron(whole, move if other == arm else jnp.eye(states, dtype=move.dtype))
        return whole

    return jnp.stack([serve(arm) for arm in range(arms)])


def _critic(
    reward: Array, move: Array, discount: float, values: Array, arms: int
) -> Float[Array, "joint arms"]:
    """Return r(s_n) + beta E V(next) of serving each arm in each joint state."""
    now = reward[digits(arms, reward.shape[0])]
    return now + discount * (served_law(move, arms) @ values).T


def softmax_value(
    weights: Float[Array, " states"],
    rewards: Array,
    transitions: Array,
    discount: float,
    slots: int | None = None,
) -> Callable[[int], Float[Array, " joint"]]:
    """Return arms -> the value of the rule in every joint state, over ``slots`` or for ever; differentiable.

    V_{t+1} = sum_n p_n(s) [r(s_n) + beta P_n V_t]; for ever by one linear solve, (I - beta P) V = r.
    """

    def of(arms: int) -> Array:
        place = digits(arms, rewards.shape[0])
        chance = jax.nn.softmax(weights[place], axis=1)
        chain = jnp.einsum("sn,nse->se", chance, served_law(transitions, arms))
        earned = jnp.sum(chance * rewards[place], axis=1)
        if slots is None:
            return jnp.linalg.solve(jnp.eye(len(place), dtype=chain.dtype) - discount * chain, earned)

        def back(v: Array, _: None) -> tuple[Array, None]:
            return earned + discount * chain @ v, None

        return lax.scan(back, jnp.zeros_like(earned), None, length=slots)[0]

    return of
