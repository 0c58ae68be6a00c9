"""What ``jaxsim tune FAMILY`` tunes: an objective with its start, set and estimators, and what is known of
it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.validation import choice, integer
from jaxsim.learning import Free, Tuning, tune_many
from jaxsim.learning.constraints import Constraint
from jaxsim.learning.descend import Make


@dataclass(frozen=True)
class Known:
    """An optimum that is known.

    value: of the objective. tuned: the numbers (flat), None where they are not unique. source: from what.
    """

    value: float
    tuned: tuple[float, ...] | None
    source: str


@dataclass(frozen=True)
class Tunable:
    """A quantity of a family to be tuned, in one or several cases that one vmapped call tunes together.

    title, unit: of the objective, which is minimized. labels: of the tuned numbers, flat.
    make, cases: see `jaxsim.learning.tune_many`; names: of the cases. starts: with a leading axis of cases.
    gradients: name -> estimator; the first is the default. steps, judges: defaults.
    optimizer: from the number of steps; None for the default. double: whether 64 bits are needed.
    known: what is known of each case.
    """

    title: str
    labels: tuple[str, ...]
    make: Make
    cases: Any
    names: tuple[str, ...]
    starts: Any
    gradients: Mapping[str, Any]
    constraint: Constraint = field(default_factory=Free)
    optimizer: Callable[[int], Any] | None = None
    steps: int = 200
    judges: int = 1024
    unit: str = ""
    double: bool = False
    known: Sequence[Known | None] = ()

    def known_of(self, case: int) -> Known | None:
        """Return what is known of a case."""
        return self.known[case] if case < len(self.known) else None


def run(tunable: Tunable, *, gradient: Any = None, steps: Any = None, **keys: Any) -> list[Tuning]:
    """Tune all cases in one call; ``keys`` go to `tune_many`.

    Raises:
        InvalidInput: for an estimator that the tunable does not have, or keys out of range.
    """
    name = choice("gradient", gradient or next(iter(tunable.gradients)), tunable.gradients)
    count = integer("steps", tunable.steps if steps is None else steps, low=8)
    verb = float64(tune_many) if tunable.double else tune_many
    return verb(
        tunable.make,
        tunable.starts,
        tunable.cases,
        gradient=tunable.gradients[name],
        constraint=tunable.constraint,
        optimizer=tunable.optimizer(count) if tunable.optimizer else None,
        steps=count,
        **{"judges": tunable.judges, **keys},
    )


def flat(tree: Any) -> np.ndarray:
    """Return the numbers of a pytree in one row."""
    return np.concatenate([np.ravel(np.asarray(x, np.float64)) for x in jax.tree.leaves(tree)])


def random_starts(seed: int, count: int, size: int, low: float, high: float) -> np.ndarray:
    """Return uniform random starts, a row for each case."""
    rng = np.random.default_rng(integer("start_seed", seed, low=0))
    return rng.uniform(low, high, (count, size)).astype(np.float32)
