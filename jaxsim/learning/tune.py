"""The descent: any objective, any gradient estimator, any optimizer, and an honest account of the result.

The free numbers move by optax; the answer is their average over the second half of the steps (Polyak and
Juditsky 1992), which takes out the noise of the last step, or the last point where gradients are exact. It is
then judged on fresh replications that the
descent has not seen: its value, its gain over the start under common random numbers, and how far from the
optimum the noise allows it to be.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsim.core import random
from jaxsim.core.random import Key
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import integer, positive, require, scalar
from jaxsim.learning.constraints import Constraint, Free
from jaxsim.learning.descend import FRESH, Make, Same
from jaxsim.learning.descent import Descent
from jaxsim.learning.estimators import Pathwise
from jaxsim.learning.objectives import Objective
from jaxsim.learning.verdict import Judge, Tuning
from jaxsim.results.checkpoint import keep
from jaxsim.results.identity import identity

JUDGES = 1024
PIECES = 10
"""Parts that a descent is cut into: between them it reports, saves and may stop."""


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
    precision: Real | None = None,
    restarts: Whole = 1,
    spread: Real = 1.0,
    assess: bool = True,
    progress: Callable[[int, float], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Tuning:
    """Minimize E[objective(x, key)] over x from ``start``.

    Args:
        objective: ``objective(x, key)``, pure: a scalar, or a `Sample` for the score function; one object
            serves every call (a fresh lambda is compiled afresh).
        start: pytree of floats inside the constraint's set.
        gradient: an estimator of `jaxsim.learning.estimators`; default ``Pathwise()``. An `Annealed` one
        moves
            along the steps.
        optimizer: any optax transformation, schedules included; default Adam with rate 0.1 that falls to a
            tenth linearly.
        constraint: the set x lives in; default none.
        steps: how many steps (>= 8). seed: of all paths. judges: fresh replications for the verdict (>= 2).
        level: confidence level of the intervals.
        precision: stop early once the shortfall's upper bound is below this share of the value: at
            statistical convergence, since a gradient that is only hidden in noise leaves the bound high.
        restarts: descents at once, the first from ``start``, the others from normal perturbations of it with
            standard deviation ``spread`` in the free numbers; the one with the least value is returned.
        assess: whether to estimate the shortfall, which takes about as long as 16 (2 p + 1) steps with p
            numbers tuned.
        progress: called with (steps done, last value) after every tenth of the way.
        checkpoint: folder that keeps the work done so far; the same call with a folder that holds a
        checkpoint
            goes on from it to the same numbers.

    Returns:
        The answer with its value, the gain over the start, the shortfall, and the whole trace.

    Raises:
        InvalidInput: for arguments out of range, or a start outside the constraint's set.
    """
    count = integer("restarts", restarts, low=1, high=1000)
    free = (constraint or Free()).of(start)
    lanes = _perturbed(free, count, scalar("spread", spread, positive), random.key(seed))
    found = _tune_lanes(
        Same(objective), constraint or Free(), lanes, np.zeros(count), [seed] * count,
        gradient=gradient, optimizer=optimizer, steps=steps, judges=judges, level=level, precision=precision,
        assess=assess, best=True, progress=progress, checkpoint=checkpoint,
    )  # fmt: skip
    return found[0]


def tune_many(
    make: Make,
    starts: Any,
    cases: Any,
    *,
    seeds: Whole | Sequence[int] = 0,
    constraint: Constraint | None = None,
    gradient: Any = None,
    optimizer: optax.GradientTransformation | None = None,
    steps: Whole = 200,
    judges: Whole = JUDGES,
    level: Real = 0.95,
    precision: Real | None = None,
    assess: bool = True,
    progress: Callable[[int, float], None] | None = None,
    checkpoint: str | Path | None = None,
) -> list[Tuning]:
    """Run many descents in one vmapped call: over delays, arrival rates, starts or seeds.

    Args:
        make: from a case to its objective; the case is traced, so that all cases share one compilation.
        starts: pytree of floats with a leading axis of cases. cases: likewise, whatever ``make`` takes.
        seeds: one for all (common random numbers), or one each.
        precision: they stop together, once all bounds are below it.
        Others as in `tune`.

    Returns:
        A `Tuning` for each case, in order; ``seconds`` are those of all together.

    Raises:
        InvalidInput: as `tune`, and if the leading axes differ.
    """
    free = (constraint or Free()).of(starts)
    sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves((free, cases))}
    together = len(sizes) == 1 and sizes != {()}
    require(
        together, "cases", sizes, "do not share a leading axis with the starts", "give one start per case"
    )
    count = next(iter(sizes))[0]
    each = list(seeds) if isinstance(seeds, Sequence) else [seeds] * count
    require(len(each) == count, "seeds", seeds, "are not one per case", f"give {count} seeds")
    return _tune_lanes(
        make, constraint or Free(), free, cases, each,
        gradient=gradient, optimizer=optimizer, steps=steps, judges=judges, level=level, precision=precision,
        assess=assess, best=False, progress=progress, checkpoint=checkpoint,
    )  # fmt: skip


def _perturbed(free: Any, count: int, spread: float, root: Key) -> Any:
    """Return the free numbers with a leading axis of lanes: themselves first, then normal perturbations."""
    rng = np.random.default_rng([int(root.k0), int(root.k1)])

    def lanes(leaf: Any) -> np.ndarray:
        leaf = np.asarray(leaf)
        noise = rng.standard_normal((count, *leaf.shape)).astype(leaf.dtype)
        noise[0] = 0
        return leaf + np.asarray(spread, leaf.dtype) * noise

    return jax.tree.map(lanes, free)


def _tune_lanes(
    make: Make, constraint: Constraint, free: Any, cases: Any, seeds: list[Any], *, gradient: Any,
    optimizer: Any, steps: Any, judges: Any, level: Any, precision: Any, assess: bool, best: bool,
    progress: Any, checkpoint: Any,
) -> list[Tuning]:  # fmt: skip
    clock = time.perf_counter()
    steps, judges = integer("steps", steps, low=8), integer("judges", judges, low=2, high=FRESH)
    level = scalar("level", level, positive)
    precision = None if precision is None else scalar("precision", precision, positive)
    gradient = gradient or Pathwise()
    stride = getattr(gradient, "replications", 1)
    require(steps * stride <= FRESH, "steps", steps, "needs too many replications", "take fewer per step")
    finite = all(bool(np.all(np.isfinite(leaf))) for leaf in jax.tree.leaves(free))
    shown = jax.tree.map(np.asarray, free)
    require(finite, "start", shown, "is not inside the constraint's set", "start strictly inside it")
    optimizer = optimizer or default_optimizer(steps)
    keys = [random.key(seed) for seed in seeds]
    roots = jax.tree.map(lambda *x: jnp.stack(x), *keys)
    cases = jax.tree.map(jnp.asarray, cases)
    free = jax.tree.map(jnp.asarray, free)
    verdict = Judge(make, constraint, gradient, steps, level)
    same = identity(
        "tuning", make=make, constraint=constraint, optimizer=optimizer, gradient=gradient, start=free,
        cases=cases, seeds=tuple(seeds), steps=steps, judges=judges, level=level, precision=precision,
    )  # fmt: skip
    run = Descent(make, constraint, optimizer, gradient, roots, cases, steps)
    with keep(checkpoint, same if checkpoint else {}) as store:
        run.begin(free, store.load())
        while run.done < steps and not run.stopped:
            run.advance()
            if progress:
                progress(run.done, float(np.mean(run.trace["value"][:, run.done - 1])))
            if precision is not None and run.done >= steps // 3:
                run.stopped = verdict.precise(run, keys, precision) and run.done < steps
            run.offer(store)
    found = [verdict.tuning(run, lane, keys[lane], judges, free) for lane in range(len(keys))]
    chosen = [int(np.argmin([t.value.mean for t in found]))] if best else list(range(len(keys)))
    missing = [verdict.shortfall(run, lane, keys[lane]) if assess else None for lane in chosen]
    seconds = time.perf_counter() - clock
    pairs = zip(chosen, missing, strict=True)
    return [replace(found[lane], shortfall=miss, seconds=seconds) for lane, miss in pairs]


@functools.lru_cache(maxsize=64)
def default_optimizer(steps: int, rate: float = 0.1) -> optax.GradientTransformation:
    """Return Adam whose rate falls linearly to a tenth; the same object for the same numbers.

    It remembers squared slopes for some 20 steps only, so that its steps do not die with slopes that vanish
    as free numbers run towards a bound.
    """
    return optax.adam(optax.linear_schedule(rate, rate / 10, steps), b1=0.8, b2=0.95)
