"""Who works on what: optimal, greedy, distributed, static-priority, random and learned policies.

A policy is a pytree called with one random word per actor and an `Observation` (the state's number and what
holds in it); it returns ``[actors]`` actions, ``actions`` for idle. Whatever follows from values of states
known in advance is a `Table`, computed once.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import samplers
from jaxsim.core.precision import float64
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float, Int, UInt32
from jaxsim.core.validation import choice, numbers, require
from jaxsim.models.actors.assignment import greedy_by_increment, greedy_by_value, in_order, out_of_order
from jaxsim.models.actors.bellman import marginal_values, prepare
from jaxsim.models.actors.conditions import priority_order
from jaxsim.models.actors.evaluate import check_assignment
from jaxsim.models.actors.exhaustive import admissible, joint_assignments
from jaxsim.models.actors.kernel import Observation
from jaxsim.models.actors.laws import trailing
from jaxsim.models.actors.model import Model
from jaxsim.models.actors.solve import average, discounted, finite_horizon, total


@pytree
class Table:
    """A deterministic stationary policy: ``assignment [states, actors]``."""

    assignment: Int[Array, "states actors"]

    def __call__(self, words: UInt32[Array, " actors"], seen: Observation) -> Int[Array, " actors"]:
        """Look the state up."""
        return self.assignment.at[seen.state].get(mode="promise_in_bounds").astype(jnp.int32)


@pytree
class StaticPriority:
    """Fixed indices of the actions (c-mu, say): each actor in declared order takes the best that is left."""

    index: Float[Array, " actions"]

    def __call__(self, words: UInt32[Array, " actors"], seen: Observation) -> Int[Array, " actors"]:
        """Greedy by the fixed index; an action with a negative index is never taken."""
        local = seen.local
        return greedy_by_value(local.speeds, local.allowed, local.caps, jnp.asarray(self.index), idle=True)


@pytree
class Distributed:
    """Each actor, in order of priority, maximizes its own marginal gain given those before it.

    m_k [r(Γ_k + i) - r(Γ_k)] with m_k from ``values [states]``; priority by ``order [states, actors]``.
    Source: Ahn, Righter (2005), the ends of sections 3.1 and 3.3.
    """

    values: Float[Array, " states"]
    order: Int[Array, "states actors"]
    idle: bool = static(default=True)

    def __call__(self, words: UInt32[Array, " actors"], seen: Observation) -> Int[Array, " actors"]:
        """Compute the marginal values of the state and let the actors choose one after the other."""
        local = seen.local
        values = jnp.asarray(self.values)
        mean = jnp.sum(local.chances * (local.rewards + values[local.targets]), axis=1)
        marginal = (local.rates * (mean - values[seen.state])).astype(local.speeds.dtype)
        order = jnp.asarray(self.order)[seen.state]
        speeds, allowed = in_order(order, local.speeds, local.allowed)
        found = greedy_by_increment(local.law, speeds, allowed, local.caps, marginal, idle=self.idle)
        return out_of_order(order, found)


@pytree
class RandomAssignment:
    """Each actor in declared order takes one of the actions open to it, all equally likely (idle if none)."""

    def __call__(self, words: UInt32[Array, " actors"], seen: Observation) -> Int[Array, " actors"]:
        """Pick the j-th open action, j uniform."""
        local = seen.local
        left, chosen = local.caps, []
        for i in range(local.speeds.shape[0]):
            able = local.allowed[i] & (left > 0) & (local.speeds[i] > 0)
            rank = jnp.floor(samplers.uniform(words[i]) * jnp.sum(able)).astype(jnp.int32)
            hit = able & (jnp.cumsum(able) - 1 == rank)
            chosen.append(jnp.where(jnp.any(able), jnp.argmax(hit), able.shape[0]).astype(jnp.int32))
            left = left - hit.astype(left.dtype)
        return jnp.stack(chosen)


@pytree
class Softmax:
    """A random policy over joint assignments: probabilities proportional to e^logit among the admissible.

    ``logits [states, joint]`` are learned; ``open [states, joint]`` and ``joint [joint, actors]`` come from
    the model.
    """

    logits: Float[Array, "states joint"]
    open: Any
    joint: Any

    def chances(self) -> Array:
        """Probabilities ``[states, joint]``."""
        return jax.nn.softmax(jnp.where(jnp.asarray(self.open), self.logits, -jnp.inf), axis=1)

    def __call__(self, words: UInt32[Array, " actors"], seen: Observation) -> Int[Array, " actors"]:
        """Draw a joint assignment by inversion."""
        is_open = jnp.asarray(self.open)[seen.state]
        chances = jax.nn.softmax(jnp.where(is_open, self.logits[seen.state], -jnp.inf))
        edges = jnp.cumsum(chances)
        pick = jnp.sum(samplers.uniform(words[0]) * edges[-1] >= edges, dtype=jnp.int32)
        return jnp.asarray(self.joint)[jnp.minimum(pick, edges.shape[0] - 1)]


def table(model: Model, assignment: Any) -> Table:
    """A checked table of assignments (-1 or ``actions`` for idle) as a policy."""
    return Table(jnp.asarray(check_assignment(model, assignment), jnp.int32))


def optimal(
    model: Model, *, criterion: str = "average", rate: float = 0.1, epochs: int = 100,
    method: str = "checked", tolerance: float = 1e-7,
) -> Table:  # fmt: skip
    """The policy that maximizes the criterion (with ``finite``, the one with ``epochs`` to go, kept
    throughout).
    """
    choice("criterion", criterion, ("average", "discounted", "total", "finite"))
    if criterion == "average":
        solved = average(model, method=method, tolerance=tolerance)
    elif criterion == "discounted":
        solved = discounted(model, rate, method=method, tolerance=tolerance)
    elif criterion == "total":
        solved = total(model, method=method)
    else:
        solved = finite_horizon(model, epochs, method=method)
    return table(model, solved.assignment)


def distributed(model: Model, values: Any | None = None) -> Distributed:
    """Distributed control on given values (default: the relative values of the average criterion)."""
    known = average(model, tolerance=1e-7).values if values is None else numbers("values", values)
    require(
        known.shape == (model.spec.states,), "values", known.shape, "has the wrong shape", "one per state"
    )
    order = priority_order(model.params.local, by_speed=True)
    return Distributed(jnp.asarray(known, jnp.float32), jnp.asarray(order), model.spec.idle)


def c_mu(model: Model, holding: Any | None = None) -> StaticPriority:
    """Static priority by c_k ν_k: the cost rate that one completion of action k saves, times its rate.

    By default c_k is the mean drop of the cost rate g over the states in which the action is permissible.
    """
    local = model.params.local
    if holding is not None:
        each = numbers("holding", holding)
        fits = each.ndim == 0 or each.shape == (local.rates.shape[1],)
        remedy = f"give one number, or {local.rates.shape[1]} of them, one per action"
        require(fits, "holding", holding, f"has shape {each.shape}", remedy)
    drop = (
        local.costs[:, None] - np.sum(local.chances * local.costs[local.targets], axis=2)
        if holding is None
        else 0
    )
    saves = np.broadcast_to(drop if holding is None else numbers("holding", holding), local.rates.shape)
    weight = (np.asarray(local.caps) > 0) * local.rates
    return StaticPriority(
        jnp.asarray((saves * weight).sum(0) / np.maximum((local.caps > 0).sum(0), 1), jnp.float32)
    )


@float64
def softmax(model: Model, logits: Any | None = None) -> Softmax:
    """A softmax policy; by default uniform over the admissible joint assignments."""
    spec = model.spec
    joint = joint_assignments(spec.actors, spec.actions)
    back = trailing(model.params.local)
    is_open = admissible(back.speeds, back.allowed, back.caps, jnp.asarray(joint), idle=spec.idle)
    start = np.zeros((spec.states, len(joint))) if logits is None else numbers("logits", logits)
    return Softmax(jnp.asarray(start, jnp.float32), np.asarray(is_open).T, joint)


@float64
def exact_marginals(model: Model, values: Any) -> np.ndarray:
    """m_k(s) ``[states, actions]`` under the given values: what a distributed actor looks at."""
    return np.asarray(marginal_values(prepare(model, "greedy"), jnp.asarray(values))).T
