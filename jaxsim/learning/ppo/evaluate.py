"""The return of a policy, estimated on episodes of its own."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import random
from jaxsim.core.types import Whole
from jaxsim.core.validation import integer
from jaxsim.engine.environment import Environment, Scene
from jaxsim.learning.ppo.agent import Agent
from jaxsim.learning.ppo.networks import squashed
from jaxsim.statistics import Estimate, student_t


@functools.partial(jax.jit, static_argnums=(0, 1, 3))
def _returns(
    environment: Environment, agent: Agent, policy: Any, count: int, params: Scene, root: Any
) -> Any:
    centers = agent.centers(policy)
    likeliest = (lambda c: jnp.argmax(c, axis=-1)) if agent.view.choices else squashed

    def episode(number: Any) -> Any:
        key = root.replication(number)
        _, now = environment.reset(key, params)

        def one(time: Any, state: Any) -> Any:
            now, memory, total, own, over = state
            law, memory = agent.law(policy, centers, environment.observe(now, params), memory)
            action = likeliest(law.center)
            _, now, reward, ended, cut, info = environment.step_once(key.at(time + 1), now, action, params)
            alive = 1.0 - over
            total = total + alive * jnp.mean(reward)
            own = own + alive * info.get("exogenous", 0.0)
            return now, memory, total, own, jnp.maximum(over, (ended | cut).astype(jnp.float32))

        zero = jnp.zeros(())
        start = (now, agent.remember_nothing(), zero, zero, zero)
        return lax.fori_loop(0, params.steps, one, start)[2:4]

    return jax.vmap(episode)(jnp.arange(count))


def evaluate(
    environment: Environment, params: Scene, agent: Agent, policy: Any, *, episodes: Whole = 1000,
    seed: Whole = 0, level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Return the mean return of the deterministic policy (its likeliest actions), with its interval."""
    episodes = integer("episodes", episodes, low=2)
    total, _ = _returns(environment, agent, policy, episodes, params, random.key(seed))
    values = np.asarray(total, np.float64)
    half = float(student_t(level, episodes - 1) * values.std(ddof=1) / np.sqrt(episodes))
    return Estimate(float(values.mean()), half, level, episodes)
