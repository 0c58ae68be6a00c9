"""What is minimized: a number from one replication, as a function of what is tuned and of a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxsim.core.kernel import Kernel, Metric
from jaxsim.core.random import Key
from jaxsim.core.validation import choice, integer, require
from jaxsim.engine import rollout
from jaxsim.engine.path import Every
from jaxsim.relaxations import Relaxation, Sample

Objective = Callable[..., Any]
"""``objective(tuned, key)``: a scalar or a `Sample` from the replication with that key; pure.

An objective that can be relaxed takes a third argument, a `Relaxation`, which is hard by default.
"""

HARD = Relaxation()
"""What an objective does when it is not asked to relax."""


def path_objective(
    kernel: Kernel,
    metric: str,
    *,
    steps: int,
    place: Callable[..., tuple[Any, Any]],
    log_chance: str | None = None,
    blocks: int = 1,
    relaxed: bool = False,
) -> Objective:
    """Return the objective "mean of a metric over paths of so many steps from the initial state".

    Args:
        kernel: any kernel; gradients need observables that are smooth in what is tuned, or a score.
        metric: one whose denominator is steps or the horizon (a ratio of two random totals has no unbiased
            sample from a single path).
        steps: length of the path (static).
        place: from what is tuned to ``(params, policy)``; where ``relaxed``, from (tuned, relaxation).
        log_chance: name of the observable that holds a step's log-probability, for the score function.
        blocks: into how many parts the path is cut for the score function: the choices of a part are held
            against its own costs and later ones, no longer against earlier ones. A divisor of steps.
        relaxed: whether the objective takes a relaxation.

    Raises:
        InvalidInput: if the metric is unknown, or is a ratio of totals, or blocks do not divide the steps.
    """
    chosen = _plain_metric(kernel, metric)
    integer("blocks", blocks, low=1, high=steps)
    require(steps % blocks == 0, "blocks", blocks, "does not divide the steps", f"give a divisor of {steps}")
    record = Every(steps // blocks) if log_chance and blocks > 1 else None

    def objective(tuned: Any, key: Key, relaxation: Relaxation = HARD) -> Sample:
        params, policy = place(tuned, relaxation) if relaxed else place(tuned)

        def value(means: Any) -> Any:
            top = chosen.top(kernel.spec, params, means)
            per_step = chosen.per == "step"
            return top if per_step else top * kernel.horizon / kernel.step_time(kernel.spec, params)

        _, means, parts = rollout(kernel, policy, params, key, steps=steps, record=record)
        total = jnp.asarray(value(means))
        if not log_chance:
            return Sample(total)
        if record is None:
            return Sample(total, means[log_chance] * steps)
        later = jnp.cumsum(value(parts)[::-1])[::-1] / blocks
        return Sample(total, parts[log_chance] * (steps // blocks), later)

    return objective


def _plain_metric(kernel: Kernel, metric: str) -> Metric:
    known = {m.name: m for m in kernel.metrics}
    chosen = known[choice("metric", metric, known)]
    plain = chosen.per in ("step", "horizon")
    remedy = "tune the numerator, or write an objective of your own"
    require(plain, "metric", metric, f"is divided by the random total of {chosen.per}", remedy)
    return chosen
