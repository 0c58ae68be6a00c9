"""What the laboratory compares estimators on."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxsim.core.validation import choice
from jaxsim.learning import Estimator
from jaxsim.learning.objectives import Objective

FAMILIES = ("actors", "balancing", "bandits", "mechanisms", "pooling", "pricing")


class Method(NamedTuple):
    """An estimator with the objective that it is called on (the same quantity, in a form that suits it)."""

    estimator: Estimator
    objective: Objective


def known(value: Callable[[Any], Any]) -> Objective:
    """Return an exact value as an objective: it needs no randomness."""
    return lambda point, key: value(point)


def whole(objective: Callable[[Any, Any], Any]) -> Objective:
    """Return the same sample with every choice held against the whole path, without any baseline."""
    return lambda point, key: objective(point, key)._replace(to_go=None, baseline=None, exogenous=None)


@dataclass(frozen=True)
class Case:
    """An objective at a point, with its exact derivative.

    title: the objective and what is tuned, in words. at: the point, an array or a number.
    exact: returns (value, gradient) in 64 bits, the gradient shaped like ``at``.
    methods: name -> `Method`. source: authors, year, equation.
    """

    title: str
    at: Any
    exact: Callable[[], tuple[float, np.ndarray]]
    methods: dict[str, Method]
    source: str


def case_of(family: str, scale: int = 1) -> Case:
    """Return the case of a family; ``scale`` multiplies the numbers of replications."""
    choice("family", family, FAMILIES)
    return importlib.import_module(f"jaxsim.experiments.gradients.cases.{family}").case(scale)
