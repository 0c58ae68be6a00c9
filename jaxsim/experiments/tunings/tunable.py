"""What ``jaxsim tune FAMILY`` tunes: an objective with its start, set, estimators and, if known, its optimum."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from jaxsim.core.validation import choice
from jaxsim.learning import Free, Tuning, tune_many
from jaxsim.learning.constraints import Constraint
from jaxsim.learning.descend import Make


@dataclass(frozen=True)
class Known:
    """An optimum that is known: its value and, where it is unique, the tuned numbers (flat); and from what."""

    value: float
    tuned: tuple[float, ...] | None
    source: str


@dataclass(frozen=True)
class Tunable:
    """A family's quantity to be tuned, in one or several cases that one vmapped call tunes together.

    title, unit: of the objective, which is minimized. labels: of the tuned numbers, flat.
    make, cases: see `jaxsim.learning.tune_many`; names: of the cases. starts: leading axis of cases.
    gradients: name -> estimator; the first is the default. steps, judges: defaults.
    optimizer: from the number of steps; None for the default. known: what is known of each case.
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
    known: Sequence[Known | None] = ()

    def known_of(self, case: int) -> Known | None:
        """Return what is known of a case."""
        return self.known[case] if case < len(self.known) else None


def run(tunable: Tunable, *, gradient: str | None = None, steps: int | None = None, **keys: Any) -> list[Tuning]:
    """Tune all cases in one call; ``keys`` go to `tune_many`.

    Raises:
        InvalidInput: for an estimator that the tunable does not have, or keys out of range.
    """
    name = choice("gradient", gradient or next(iter(tunable.gradients)), tunable.gradients)
    count = tunable.steps if steps is None else steps
    optimizer = tunable.optimizer(count) if tunable.optimizer and isinstance(count, int) and count > 0 else None
    keys = {"judges": tunable.judges, **keys}
    return tune_many(
        tunable.make,
        tunable.starts,
        tunable.cases,
        gradient=tunable.gradients[name],
        constraint=tunable.constraint,
        optimizer=optimizer,
        steps=count,
        **keys,
    )


def flat(tree: Any) -> np.ndarray:
    """Return the numbers of a pytree in one row."""
    return np.concatenate([np.ravel(np.asarray(x, np.float64)) for x in jax.tree.leaves(tree)])


def repeated(value: Any, count: int) -> Any:
    """Return a pytree with a leading axis of equal cases."""
    return jax.tree.map(lambda x: np.repeat(np.asarray(x, np.float32)[None], count, axis=0), value)
