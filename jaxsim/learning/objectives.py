"""What is minimized: a number from one replication, as a function of what is tuned and of a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxsim.core.kernel import Kernel
from jaxsim.core.random import Key
from jaxsim.core.types import Array, Float
from jaxsim.core.validation import choice, require
from jaxsim.engine import rollout


class Sample(NamedTuple):
    """One replication's value, and the log-probability of its choices for the score function.

    ``log_chance`` is a function of what is tuned; it holds only choices whose probability depends on that.
    """

    value: Float[Array, ""]
    log_chance: Float[Array, ""] | float = 0.0


Objective = Callable[[Any, Key], Any]
"""``objective(tuned, key)``: a scalar or a `Sample` from the replication with that key; pure."""


def path_objective(
    kernel: Kernel,
    metric: str,
    *,
    steps: int,
    place: Callable[[Any], tuple[Any, Any]],
    log_chance: str | None = None,
) -> Objective:
    """Return the objective "mean of a metric over paths of so many steps from the initial state".

    Args:
        kernel: any kernel; gradients need observables that are smooth in what is tuned, or a score.
        metric: one whose denominator is steps or the horizon (a ratio of two random totals has no unbiased
            sample from a single path).
        steps: length of the path (static).
        place: from what is tuned to ``(params, policy)``.
        log_chance: name of the observable that holds a step's log-probability, for the score function.

    Raises:
        InvalidInput: if the metric is unknown, or is a ratio of totals.
    """
    known = {m.name: m for m in kernel.metrics}
    chosen = known[choice("metric", metric, known)]
    plain = chosen.per in ("step", "horizon")
    remedy = "tune the numerator, or write an objective of your own"
    require(plain, "metric", metric, f"is divided by the random total of {chosen.per}", remedy)

    def objective(tuned: Any, key: Key) -> Sample:
        params, policy = place(tuned)
        _, means, _ = rollout(kernel, policy, params, key, steps=steps)
        value = chosen.top(kernel.spec, params, means)
        if chosen.per == "horizon":
            value = value * kernel.horizon / kernel.step_time(kernel.spec, params)
        score = means[log_chance] * steps if log_chance else 0.0
        return Sample(jnp.asarray(value), score)

    return objective
