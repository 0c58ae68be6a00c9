"""Net cost of softmax indices of actions as an objective with choices, for gradient estimators.

A joint assignment Gamma has probability proportional to exp(sum over actors of the index of their action)
among the admissible ones, so that one index for each action is tuned; far apart they are a static priority.
Idling has index 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.random import Key
from jaxsim.core.types import Array, Float
from jaxsim.models.actors.gradients import finite_value, path_net
from jaxsim.models.actors.kernel import prepare
from jaxsim.models.actors.model import Model
from jaxsim.models.actors.paths import Path, sample_path
from jaxsim.models.actors.policies import Softmax, softmax
from jaxsim.relaxations import Sample


def index_policy(model: Model) -> Callable[[Float[Array, " actions"]], Softmax]:
    """Return index -> the softmax policy of these indices of the actions."""
    base = softmax(model)
    joint = jnp.asarray(base.joint)

    def at(index: Float[Array, " actions"]) -> Softmax:
        each = jnp.concatenate([index, jnp.zeros(1, index.dtype)])[joint]
        logits = jnp.broadcast_to(jnp.sum(each, axis=1), base.logits.shape)
        return replace(base, logits=logits)

    return at


def exact_cost(model: Model, epochs: int) -> Callable[[Float[Array, " actions"]], Array]:
    """Return index -> minus the mean net benefit over the epochs, by the solved chain; differentiable."""
    policy = index_policy(model)
    return lambda index: -finite_value(model.params, policy(index), epochs)


def index_objective(
    model: Model, *, epochs: int, baseline: tuple[Any, Any] | None = None
) -> Callable[[Any, Key], Sample]:
    """Return objective(index, key): minus the net benefit of a path, its assignments as choices.

    Args:
        model: with few joint assignments. epochs: of a path of the uniformized chain (static).
        baseline: (gain, relative values ``[states]``) of some policy near by: the forecast of the net benefit
            to go from each state is gain x time left + relative value.

    Returns:
        The sample's choices have the shape (epochs,).
    """
    spec = replace(model.spec, clock="uniformized", holding="mean")
    policy = index_policy(model)

    def objective(index: Float[Array, " actions"], key: Key) -> Sample:
        still = lax.stop_gradient(policy(index))
        path = sample_path(spec, prepare(spec, model.params, still), still, key, epochs)
        net = path_net(model.params, path)
        to_go = jnp.cumsum(net[::-1])[::-1]
        sample = Sample(-jnp.sum(net), _chances(policy(index), path), -to_go)
        if baseline is None:
            return sample
        left = jnp.arange(epochs, 0, -1) / model.params.uniform_rate
        return sample._replace(baseline=-(left * baseline[0] + jnp.asarray(baseline[1])[path.states]))

    return objective


def _chances(policy: Softmax, path: Path) -> Float[Array, " epochs"]:
    """Return the log-probability of the assignment of each epoch."""
    joint, is_open = jnp.asarray(policy.joint), jnp.asarray(policy.open)

    def one(state: Array, assignment: Array) -> Array:
        logits = jnp.where(is_open[state], policy.logits[state], -jnp.inf)
        return jax.nn.log_softmax(logits)[jnp.argmax(jnp.all(joint == assignment, axis=1))]

    return jax.vmap(one)(path.states, path.assignments)
