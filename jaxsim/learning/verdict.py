"""What is said of a descent's answer, on replications that the descent has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.random import Key
from jaxsim.learning.constraints import Constraint
from jaxsim.learning.descend import Make, at_step, judge
from jaxsim.learning.descent import Descent
from jaxsim.learning.estimators import Exact
from jaxsim.learning.shortfall import Shortfall, shortfall
from jaxsim.statistics import Estimate, mean_interval


@dataclass(frozen=True)
class Tuning:
    """What a descent found.

    tuned: the answer. value, start_value: mean objective there and at the start, on fresh replications.
    gain: start minus answer, paired under common random numbers; an interval above 0 is an improvement.
    shortfall: how far above the optimum the answer is, and may be given the noise (None if not asked for).
    values, value_errors: the objective's estimates, step by step (at the steps' points).
    points: the steps' points as a pytree with a leading axis of steps.
    slope: gradient estimate of the last step in the free numbers, with its standard error.
    settled: whether over the last quarter of the steps the mean of every component of the gradient is within
        three standard errors of zero (1e-12 where there is no noise); if not, more steps would still gain.
    steps: that were taken. stopped: whether fewer than asked for, because ``precision`` was reached.
    judged: the objective at the answer on each fresh replication. seconds: wall-clock time.
    """

    tuned: Any
    value: Estimate
    start_value: Estimate
    gain: Estimate
    shortfall: Shortfall | None
    values: np.ndarray
    value_errors: np.ndarray
    points: Any
    slope: Any
    slope_error: Any
    settled: bool
    steps: int
    stopped: bool
    judged: np.ndarray
    seconds: float


class Judge:
    """Judges the answers of a descent by the estimator at the end of its schedule."""

    def __init__(self, make: Make, constraint: Constraint, gradient: Any, steps: int, level: float):
        """Hold what stays the same for all lanes."""
        self.make, self.constraint, self.level = make, constraint, level
        self.gradient = at_step(gradient, jnp.int32(steps))

    @property
    def exact(self) -> bool:
        """Whether the gradient has no noise."""
        return isinstance(self.gradient, Exact)

    def answer(self, run: Descent, lane: int) -> Any:
        """Return the free numbers of a lane's answer: its late points' average, the last if exact."""
        if self.exact:
            return jax.tree.map(lambda x: jnp.asarray(x[lane]), run.carry[0])
        points = run.lane("points", lane)
        return jax.tree.map(lambda x: jnp.asarray(x[run.done // 2 :].mean(axis=0)), points)

    def shortfall(self, run: Descent, lane: int, root: Key) -> Shortfall:
        """Return the shortfall of a lane's answer."""
        case = jax.tree.map(lambda x: x[lane], run.cases)
        points, half = run.lane("points", lane), run.done // 2
        spread = jax.tree.map(lambda x: x[half:].std(axis=0) * (not self.exact), points)
        free = self.answer(run, lane)
        return shortfall(
            self.make, self.constraint, self.gradient, root, case, free, spread, self.level, self.exact
        )

    def precise(self, run: Descent, roots: list[Key], precision: float) -> bool:
        """Return whether every lane's shortfall is bounded by this share of its value."""
        for lane, root in enumerate(roots):
            found = self.shortfall(run, lane, root)
            value = np.abs(np.mean(run.lane("value", lane)[run.done // 2 :]))
            if found.bound > precision * value:
                return False
        return True

    def tuning(self, run: Descent, lane: int, root: Key, judges: int, start: Any) -> Tuning:
        """Return the account of one lane, without its shortfall and the time it took."""
        case = jax.tree.map(lambda x: x[lane], run.cases)
        points, slopes = run.lane("points", lane), run.lane("slope", lane)
        tuned, first = self.constraint.to(self.answer(run, lane)), jax.tree.map(lambda x: x[lane], start)
        after, before = (
            np.asarray(judge(self.make, x, root, case, judges), np.float64)
            for x in (tuned, self.constraint.to(first))
        )
        return Tuning(
            tuned=jax.tree.map(np.asarray, tuned),
            value=mean_interval(after, self.level),
            start_value=mean_interval(before, self.level),
            gain=mean_interval(before - after, self.level),
            shortfall=None,
            values=run.lane("value", lane),
            value_errors=run.lane("error", lane),
            points=jax.tree.map(np.asarray, jax.vmap(self.constraint.to)(points)),
            slope=jax.tree.map(lambda x: x[-1], slopes),
            slope_error=jax.tree.map(lambda x: x[-1], run.lane("slope_error", lane)),
            settled=_settled(slopes),
            steps=run.done,
            stopped=run.stopped,
            judged=after,
            seconds=0.0,
        )


def _settled(slopes: Any) -> bool:
    def at_rest(x: np.ndarray) -> bool:
        late = np.asarray(x, np.float64)[-max(2, len(x) // 4) :]
        error = late.std(axis=0, ddof=1) / len(late) ** 0.5
        return bool(np.all(np.abs(late.mean(axis=0)) <= 3 * error + 1e-12))

    return all(at_rest(leaf) for leaf in jax.tree.leaves(slopes))
