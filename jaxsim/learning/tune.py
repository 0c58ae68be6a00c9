"""The descent: any objective, any gradient estimator, any optimizer, and an honest account of the result.

The free numbers move by optax; the answer is their average over the second half of the steps (Polyak and
Juditsky 1992), which takes out the noise of the last step, and is then judged on fresh replications that the
descent has not seen, beside the start under common random numbers.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsim.core import random
from jaxsim.core.random import Key
from jaxsim.core.types import Array, Real, Whole
from jaxsim.core.validation import integer, positive, require
from jaxsim.learning.constraints import Constraint, Free
from jaxsim.learning.estimators import Pathwise
from jaxsim.learning.gradient import Gradient
from jaxsim.learning.objectives import Objective
from jaxsim.relaxations import Sample
from jaxsim.statistics import Estimate, mean_interval

JUDGES = 1024
_FRESH = 1 << 31
"""Replications from this number on judge; those below it descend."""


@dataclass(frozen=True)
class Tuning:
    """What a descent found.

    tuned: the answer. value, start_value: mean objective there and at the start, on fresh replications.
    gain: start minus answer, paired under common random numbers; an interval above 0 is an improvement.
    values, value_errors: the objective's estimates, step by step (at the steps' points).
    points: the steps' points as a pytree with a leading axis of steps.
    slope: gradient estimate of the last step in the free numbers, with its standard error.
    settled: whether over the last quarter of the steps the mean of every component of the gradient is within
        three standard errors of zero (1e-12 where there is no noise); if not, more steps would still gain.
    """

    tuned: Any
    value: Estimate
    start_value: Estimate
    gain: Estimate
    values: np.ndarray
    value_errors: np.ndarray
    points: Any
    slope: Any
    slope_error: Any
    settled: bool
    seconds: float


@functools.partial(jax.jit, static_argnames=("objective", "constraint", "optimizer", "length"))
def _descend(
    objective: Objective,
    constraint: Constraint,
    optimizer: optax.GradientTransformation,
    gradient: Any,
    root: Key,
    carry: Any,
    start: Array,
    length: int,
) -> tuple[Any, tuple[Gradient, Any]]:
    """Take ``length`` steps from step ``start`` on."""
    stride = getattr(gradient, "replications", 1)

    def constrained(free: Any, key: Key, *relaxation: Any) -> Any:
        return objective(constraint.to(free), key, *relaxation)

    def one(carry: tuple[Any, Any], number: Array) -> tuple[Any, Any]:
        free, state = carry
        estimate = gradient.at(number) if hasattr(gradient, "at") else gradient
        found = estimate(constrained, free, root, number.astype(jnp.uint32) * jnp.uint32(stride))
        change, state = optimizer.update(found.gradient, state, free)
        return (optax.apply_updates(free, change), state), (found, free)

    return jax.lax.scan(one, carry, start + jnp.arange(length))


@functools.partial(jax.jit, static_argnames=("objective", "count"))
def _judge(objective: Objective, tuned: Any, root: Key, count: int) -> Array:
    def one(number: Array) -> Array:
        found = objective(tuned, root.replication(number))
        return jnp.asarray(found.value if isinstance(found, Sample) else found)

    numbers = jnp.uint32(_FRESH) + jnp.arange(count, dtype=jnp.uint32)
    return jax.lax.map(one, numbers, batch_size=min(count, 128))


def _settled(slopes: Any) -> bool:
    def at_rest(x: np.ndarray) -> bool:
        late = np.asarray(x, np.float64)[-max(2, len(x) // 4) :]
        error = late.std(axis=0, ddof=1) / len(late) ** 0.5
        return bool(np.all(np.abs(late.mean(axis=0)) <= 3 * error + 1e-12))

    return all(at_rest(leaf) for leaf in jax.tree.leaves(slopes))


def tune(
    objective: Objective,
    start: Any,
    *,
    gradient: Any = None,
    optimizer: optax.GradientTransformation | None = None,
    constraint: Constraint | None = None,
    steps: Whole = 200,
    seed: Whole = 0,
    judges: Whole = JUDGES,
    level: Real = 0.95,
    progress: Callable[[int, float], None] | None = None,
) -> Tuning:
    """Minimize E[objective(x, key)] over x from ``start``.

    Args:
        objective: ``objective(x, key)``, pure: a scalar, or a `Sample` for the score function; one object
            serves every call (a fresh lambda is compiled afresh).
        start: pytree of floats inside the constraint's set.
        gradient: an estimator of `jaxsim.learning.estimators`; default ``Pathwise()``.
        optimizer: any optax transformation, schedules included; default Adam with rate 0.1 that falls to a
            tenth by cosine.
        constraint: the set x lives in; default none.
        steps: how many steps (>= 8). seed: of all paths. judges: fresh replications for the verdict (>= 2).
        level: confidence level of the intervals.
        progress: called with (steps done, last value) after every tenth of the way.

    Returns:
        The answer with its value, the gain over the start, and the whole trace.

    Raises:
        InvalidInput: for arguments out of range, or a start outside the constraint's set.
    """
    clock = time.perf_counter()
    steps, judges = integer("steps", steps, low=8), integer("judges", judges, low=2, high=_FRESH)
    positive("level", level)
    gradient, constraint = gradient or Pathwise(), constraint or Free()
    stride = getattr(gradient, "replications", 1)
    require(steps * stride <= _FRESH, "steps", steps, "needs too many replications", "take fewer per step")
    optimizer = optimizer or _default_optimizer(steps)
    free = constraint.of(start)
    finite = all(bool(np.all(np.isfinite(leaf))) for leaf in jax.tree.leaves(free))
    require(finite, "start", start, "is not inside the constraint's set", "start strictly inside it")
    root = random.key(seed)
    carry, traces = (free, optimizer.init(free)), []
    length = max(1, steps // 10)
    for done in range(0, steps, length):
        many = min(length, steps - done)
        carry, trace = _descend(
            objective, constraint, optimizer, gradient, root, carry, jnp.int32(done), many
        )
        traces.append(jax.tree.map(np.asarray, trace))
        if progress:
            progress(done + many, float(traces[-1][0].value[-1]))
    found, points = jax.tree.map(lambda *parts: np.concatenate(parts), *traces)
    late = jax.tree.map(lambda x: jnp.asarray(x[steps // 2 :].mean(axis=0)), points)
    tuned = constraint.to(late)
    after = np.asarray(_judge(objective, tuned, root, judges), np.float64)
    before = np.asarray(_judge(objective, constraint.to(free), root, judges), np.float64)
    return Tuning(
        tuned=jax.tree.map(np.asarray, tuned),
        value=mean_interval(after, level),
        start_value=mean_interval(before, level),
        gain=mean_interval(before - after, level),
        values=found.value,
        value_errors=found.value_error,
        points=jax.tree.map(np.asarray, jax.vmap(constraint.to)(points)),
        slope=jax.tree.map(lambda x: x[-1], found.gradient),
        slope_error=jax.tree.map(lambda x: x[-1], found.gradient_error),
        settled=_settled(found.gradient),
        seconds=time.perf_counter() - clock,
    )


@functools.lru_cache(maxsize=64)
def _default_optimizer(steps: int) -> optax.GradientTransformation:
    """Return the same object for the same number of steps, so that it is compiled once."""
    return optax.adam(optax.cosine_decay_schedule(0.1, steps, alpha=0.1))
