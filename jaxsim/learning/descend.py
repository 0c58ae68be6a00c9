"""The compiled parts of a descent: a piece of its steps, and values on fresh replications."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxsim.core.random import Key
from jaxsim.core.types import Array
from jaxsim.learning.constraints import Constraint
from jaxsim.learning.gradient import Gradient, sampled
from jaxsim.learning.objectives import Objective

FRESH = 1 << 31
"""Replications from this number on judge; those below it descend."""

Make = Callable[[Any], Objective]
"""From a case (a pytree of arrays: a delay, an arrival rate) to its objective."""


@dataclass(frozen=True)
class Same:
    """The same objective in every case; equal for equal objectives, so that one compilation serves them."""

    objective: Objective

    def __call__(self, case: Any) -> Objective:
        """Return the objective."""
        return self.objective


def freed(objective: Objective, constraint: Constraint) -> Objective:
    """Return the objective as a function of the free numbers behind a constraint."""

    def of_free(free: Any, key: Key, *relaxation: Any) -> Any:
        return objective(constraint.to(free), key, *relaxation)

    return of_free


def at_step(gradient: Any, number: Any) -> Any:
    """Return the estimator of a step: its schedule, if it has one, at that step."""
    return gradient.at(number) if hasattr(gradient, "at") else gradient


@functools.partial(jax.jit, static_argnames=("make", "constraint", "optimizer", "length"))
def descend(
    make: Make,
    constraint: Constraint,
    optimizer: optax.GradientTransformation,
    gradient: Any,
    roots: Key,
    cases: Any,
    carry: Any,
    start: Array,
    length: int,
) -> tuple[Any, tuple[Gradient, Any]]:
    """Take ``length`` steps from step ``start`` on, in all lanes together.

    roots, cases, carry = (free numbers, optimizer's state): with a leading axis of lanes. Returns the new
    carry and, with axes (lanes, steps), the gradients and the points at which they were taken.
    """
    stride = getattr(gradient, "replications", 1)

    def lane(root: Key, case: Any, carry: Any) -> tuple[Any, tuple[Gradient, Any]]:
        objective = freed(make(case), constraint)

        def one(carry: tuple[Any, Any], number: Array) -> tuple[Any, Any]:
            free, state = carry
            first = number.astype(jnp.uint32) * jnp.uint32(stride)
            found = at_step(gradient, number)(objective, free, root, first)
            change, state = optimizer.update(found.gradient, state, free)
            return (optax.apply_updates(free, change), state), (found, free)

        return jax.lax.scan(one, carry, start + jnp.arange(length))

    lanes = jax.tree.leaves(roots)[0].shape[0]
    if lanes > 1:
        return jax.vmap(lane)(roots, cases, carry)
    # A single lane is not batched: loops that stop early would become loops over everything.
    alone = lane(*jax.tree.map(lambda x: x[0], (roots, cases, carry)))
    return jax.tree.map(lambda x: x[None], alone)


@functools.partial(jax.jit, static_argnames=("make", "count"))
def judge(make: Make, tuned: Any, root: Key, case: Any, count: int) -> Array:
    """Return the values of ``count`` fresh replications at a point."""
    objective = make(case)

    def one(number: Array) -> Array:
        return jnp.asarray(sampled(objective(tuned, root.replication(number))).value)

    numbers = jnp.uint32(FRESH) + jnp.arange(count, dtype=jnp.uint32)
    return jax.lax.map(one, numbers, batch_size=min(count, 128))
