"""How somebody who decides sees a kernel: what is observed, what an action is, and what it earns.

A family offers views of its kernel; `jaxsim.engine.environment` turns a view into an environment, and the
learners of `jaxsim.learning` know nothing else of a family.

*agents* act at once, each on its own observation. In a *team* view all of them share one reward. Actions are
numbers in [0, 1] (``choices`` None: the view says what they mean), or one of ``choices`` things.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np


def _nothing(*_: Any) -> Any:
    return jnp.zeros(0)


def _never(*_: Any) -> Any:
    return jnp.zeros((), bool)


def _no_extra(spec: Any, params: Any) -> Any:
    return None


@dataclass(frozen=True)
class View:
    """A view of one kernel; the functions are pure and unbatched.

    ``scene`` below is (spec, context, extra): the kernel's spec and context, and what ``extra`` prepared.

    name: what the view is called. agents: how many act. features: numbers in an agent's observation.
    actions: numbers in [0, 1] that an agent chooses (1 where it has ``choices``).
    summary_size: numbers in the summary. bounds: least and largest entry of observations and summaries.
    observe: (scene, state) -> Float[agents, features]; or, with a ``table``, Int[agents], rows of it: a
        policy then is evaluated once for each distinct observation, not for each agent.
    summary: (scene, state) -> Float[summary_size], what one controller of all agents sees.
    hidden: (scene, state) -> Float[any], what only a critic may see.
    act: (scene, state, action) -> the kernel's policy; action is Float[agents, actions] or Int[agents].
    blank: (spec) -> a policy of the kind that ``act`` returns, for `Kernel.prepare`.
    reward: (scene, state, policy, observed, after) -> Float[] for a team, else Float[agents].
    credit: (rewards) -> the same shape, what a learner should use in their place: each agent's share of what
        it can change. None: the rewards themselves.
    exogenous: (observed) -> Float[], a quantity that no action can touch and that is correlated with the
        costs; learners may add a multiple of it to the rewards (a control variate).
    ended: (scene, state) -> Bool[], whether nothing can happen any more.
    finite: whether the horizon is part of the problem (an episode then terminates there) or only of the
        experiment (it is truncated).
    neighbours: for views of nodes, Int[agents, any], padded with ``agents``: whom an agent's action reaches.
    deploy: (decide, weights) -> the kernel's policy that acts as ``decide(weights, rows)`` does, a static
        function from observations Float[any, features] to actions Float[any, actions]; it fits systems of
        any size. None where a view has no such policy.
    """

    name: str
    agents: int
    features: int
    actions: int
    summary_size: int
    observe: Callable[[Any, Any], Any]
    summary: Callable[[Any, Any], Any]
    act: Callable[[Any, Any, Any], Any]
    blank: Callable[[Any], Any]
    reward: Callable[[Any, Any, Any, Any, Any], Any]
    team: bool = True
    choices: int | None = None
    table: np.ndarray | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    extra: Callable[[Any, Any], Any] = _no_extra
    hidden: Callable[[Any, Any], Any] = _nothing
    credit: Callable[[Any], Any] | None = None
    exogenous: Callable[[Any], Any] | None = None
    ended: Callable[[Any, Any], Any] = _never
    finite: bool = False
    neighbours: np.ndarray | None = None
    deploy: Callable[[Any, Any], Any] | None = None
