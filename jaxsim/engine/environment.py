"""Any kernel as an environment, for learners here and elsewhere: pure, unbatched, ready for ``vmap``.

    observation, state = environment.reset(key, params)
    observation, state, reward, terminated, truncated, info = environment.step(key, state, action, params)

is the six-value convention of gymnax 1.0 (Lange 2022, "gymnax: a JAX-based reinforcement learning
environment library"). ``terminated``: nothing can happen any more, or the end of a horizon that is part of
the problem; ``truncated``: the end of a horizon that is only the experiment's, after which values go on. At
either end `step` begins anew: ``observation`` then is the first of the next episode, and
``info["final_observation"]`` the last of this one. `step_once` does not begin anew.

``params`` is what `Environment.params` prepares from the kernel's parameters; a key is a `jaxsim.key` or one
of ``jax.random``, fresh for every call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxsim.core.kernel import System
from jaxsim.core.random import Key
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Int
from jaxsim.core.validation import positive
from jaxsim.core.view import View


@pytree
class Scene:
    """What is constant along a path: the kernel's context, what the view has prepared, and the length."""

    context: Any
    extra: Any
    steps: Int[Array, ""]


@pytree
class Situation:
    """The kernel's state and how many steps of the episode are over."""

    state: Any
    time: Int[Array, ""]


Info = dict[str, Any]
Step = tuple[Any, Situation, Any, Bool[Array, ""], Bool[Array, ""], Info]


@dataclass(frozen=True)
class Environment:
    """A kernel seen through a view; hashable by identity, so it may be a static argument of ``jit``."""

    kernel: Any
    view: View

    def __hash__(self) -> int:
        """Views hold functions and tables: an environment is equal to itself only."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same object."""
        return self is other

    def params(self, params: Any, horizon: float | None = None) -> Scene:
        """Prepare the kernel's parameters; an episode has ceil(horizon / step time) steps.

        Raises:
            InvalidInput: if the horizon is not positive.
        """
        horizon = float(positive("horizon", self.kernel.horizon if horizon is None else horizon))
        spec = self.kernel.spec
        steps = math.ceil(horizon / float(self.kernel.step_time(spec, params)) - 1e-4)
        context = self.kernel.prepare(spec, params, self.view.blank(spec))
        return Scene(context, self.view.extra(spec, params), jnp.int32(steps))

    def _scene(self, params: Scene) -> tuple[Any, Any, Any]:
        return self.kernel.spec, params.context, params.extra

    def observe(self, now: Situation, params: Scene) -> Any:
        """Return what the agents see (see `View.observe`)."""
        return self.view.observe(self._scene(params), now.state)

    def summary(self, now: Situation, params: Scene) -> Any:
        """Return what one controller of all agents sees."""
        return self.view.summary(self._scene(params), now.state)

    def central(self, now: Situation, params: Scene) -> Any:
        """Return what a critic sees besides: the summary, what is hidden, and the share of time left."""
        left = 1.0 - now.time / params.steps
        hidden = self.view.hidden(self._scene(params), now.state)
        return jnp.concatenate([self.summary(now, params), hidden, jnp.atleast_1d(left)])

    def reset(self, key: Any, params: Scene) -> tuple[Any, Situation]:
        """Return the first observation and situation of an episode."""
        state = self.kernel.init(as_key(key), self.kernel.spec, params.context)
        now = Situation(state, jnp.zeros((), jnp.int32))
        return self.observe(now, params), now

    def step_once(self, key: Any, now: Situation, action: Any, params: Scene) -> Step:
        """Take one step; at the end of an episode stay there."""
        scene, kernel = self._scene(params), self.kernel
        policy = self.view.act(scene, now.state, action)
        draws = kernel.draw(as_key(key), kernel.spec, policy)
        state, observed = kernel.step(draws, kernel.spec, params.context, policy, now.state)
        after = Situation(state, now.time + 1)
        reward = self.view.reward(scene, now.state, policy, observed, state)
        ended, over = self.view.ended(scene, state), after.time >= params.steps
        terminated = (ended | over) if self.view.finite else ended
        info: Info = {"observables": observed, "status": state.status}
        if self.view.exogenous is not None:
            info["exogenous"] = self.view.exogenous(observed)
        return self.observe(after, params), after, reward, terminated, over & ~terminated, info

    def step(self, key: Any, now: Situation, action: Any, params: Scene) -> Step:
        """Take one step; at the end of an episode begin the next one."""
        key = as_key(key)
        seen, after, reward, terminated, truncated, info = self.step_once(key, now, action, params)
        first, begin = self.reset(key.replication(1), params)
        info["final_observation"] = seen
        over = terminated | truncated
        after = jax.tree.map(lambda new, old: jnp.where(over, new, old), begin, after)
        return jnp.where(over, first, seen), after, reward, terminated, truncated, info


def environment(system: System, view: View) -> tuple[Environment, Scene]:
    """Return a system's environment under a view, and its params."""
    made = Environment(system.kernel, view)
    return made, made.params(system.params)


def as_key(key: Any) -> Key:
    """Return a key of ``jax.random`` as one of ours (which passes)."""
    if isinstance(key, Key):
        return key
    data = key if jnp.issubdtype(key.dtype, jnp.uint32) else jax.random.key_data(key)
    return Key(data[0], data[-1], jnp.zeros((), jnp.uint32))
