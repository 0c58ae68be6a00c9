"""An environment for `gymnasium <https://gymnasium.farama.org>`_: as a `VectorEnv`, and one by one.

One controller sees the summary (`jaxsim.core.view.View.summary`; in views of single nodes all observations,
one after the other) and decides for all agents. In the vector environment an episode that has ended begins
anew in the same step (``AutoresetMode.SAME_STEP``): the last observation is in ``info["final_obs"]``, as
gymnasium names it. Needs the extra ``env``.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random
from jaxsim.core.errors import MissingExtra
from jaxsim.core.validation import integer
from jaxsim.engine.environment import Environment, Scene

try:
    import gymnasium
    from gymnasium import spaces
    from gymnasium.vector import AutoresetMode
    from gymnasium.vector.utils import batch_space
except ImportError:  # the core installs without gymnasium
    raise MissingExtra("the gymnasium adapter", "gymnasium", "env") from None


def observation_space(environment: Environment) -> spaces.Box:
    """Return the space of what one controller sees."""
    view = environment.view
    low, high = view.bounds
    if view.team:
        return spaces.Box(low, high, (view.summary_size,), np.float32)
    if view.table is None:
        return spaces.Box(low, high, (view.agents * view.features,), np.float32)
    return spaces.Box(0, len(view.table) - 1, (view.agents,), np.float32)


def action_space(environment: Environment) -> spaces.Box | spaces.MultiDiscrete:
    """Return the space of all agents' actions together."""
    view = environment.view
    if view.choices is not None:
        return spaces.MultiDiscrete([view.choices] * view.agents)
    return spaces.Box(0.0, 1.0, (view.agents * view.actions,), np.float32)


def _seen(environment: Environment, now: Any, params: Scene) -> Any:
    if environment.view.team:
        return environment.summary(now, params)
    return jnp.ravel(environment.observe(now, params)).astype(jnp.float32)


@functools.partial(jax.jit, static_argnums=0)
def _reset(environment: Environment, keys: Any, params: Scene) -> Any:
    now = jax.vmap(lambda key: environment.reset(key, params)[1])(keys)
    return jax.vmap(lambda n: _seen(environment, n, params))(now), now


@functools.partial(jax.jit, static_argnums=(0, 1))
def _step(environment: Environment, again: bool, keys: Any, now: Any, actions: Any, params: Scene) -> Any:
    view = environment.view
    shape = (view.agents,) if view.choices is not None else (view.agents, view.actions)

    def one(key: Any, here: Any, action: Any) -> Any:
        action = jnp.reshape(action, shape)
        _, after, reward, terminated, truncated, info = environment.step_once(key, here, action, params)
        last = _seen(environment, after, params)
        over = terminated | truncated
        if again:
            first = environment.reset(key.replication(1), params)[1]
            after = jax.tree.map(lambda new, old: jnp.where(over, new, old), first, after)
        reward = reward if view.team else jnp.mean(reward)
        seen = _seen(environment, after, params)
        return seen, last, after, reward, terminated, truncated, info["status"]

    return jax.vmap(one)(keys, now, actions)


def _begin(one: VectorEnvironment | OneEnvironment, seed: int | None) -> Any:
    """Put the replications at the start of fresh episodes, under a new key where a seed is given."""
    if seed is not None or one.now is None:
        chosen = int(one.np_random.integers(2**62)) if seed is None else int(seed)
        one.root, one.count = random.key(chosen), 0
    seen, one.now = _reset(one.environment, one._keys(), one.params)
    return seen


class VectorEnvironment(gymnasium.vector.VectorEnv):  # type: ignore[type-arg]
    """``num_envs`` replications of an environment, stepped together in one compiled call."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    root: random.Key
    count: int

    def __init__(self, environment: Environment, params: Scene, num_envs: int = 1):
        """Take what `jaxsim.engine.environment.environment` returns, and how many replications."""
        self.num_envs = integer("num_envs", num_envs, low=1)
        self.environment, self.params = environment, params
        self.single_observation_space = observation_space(environment)
        self.single_action_space = action_space(environment)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.now: Any = None

    def _keys(self) -> Any:
        self.count += 1
        return jax.vmap(lambda n: self.root.replication(n).at(self.count))(jnp.arange(self.num_envs))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begin all replications; the same seed gives the same paths under the same actions."""
        super().reset(seed=seed)
        seen = _begin(self, seed)
        return np.asarray(seen), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Take one step in every replication."""
        seen, last, self.now, reward, terminated, truncated, status = _step(
            self.environment, True, self._keys(), self.now, jnp.asarray(actions), self.params
        )
        over = np.asarray(terminated | truncated)
        info: dict[str, Any] = {"status": np.asarray(status)}
        if over.any():
            final = np.empty(self.num_envs, object)
            for n in np.flatnonzero(over):
                final[n] = np.asarray(last[n])
            info |= {"final_obs": final, "_final_obs": over}
        reward = np.asarray(reward, np.float64)
        return np.asarray(seen), reward, np.asarray(terminated), np.asarray(truncated), info


class OneEnvironment(gymnasium.Env):  # type: ignore[type-arg]
    """One replication, for learners that want a plain `gymnasium.Env`; it does not begin anew by itself."""

    metadata = {"render_modes": []}
    root: random.Key
    count: int

    def __init__(self, environment: Environment, params: Scene):
        """Take what `jaxsim.engine.environment.environment` returns."""
        self.environment, self.params = environment, params
        self.observation_space = observation_space(environment)
        self.action_space = action_space(environment)
        self.now: Any = None

    def _keys(self) -> Any:
        self.count += 1
        return jax.tree.map(lambda leaf: leaf[None], self.root.at(self.count))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; the same seed gives the same path under the same actions."""
        super().reset(seed=seed)
        seen = _begin(self, seed)
        return np.asarray(seen[0]), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take one step."""
        batch = jnp.asarray(action)[None]
        seen, _, self.now, reward, terminated, truncated, status = _step(
            self.environment, False, self._keys(), self.now, batch, self.params
        )
        info = {"status": int(status[0])}
        return np.asarray(seen[0]), float(reward[0]), bool(terminated[0]), bool(truncated[0]), info
