"""The gradient laboratory by name: not a family of models, but problems about all of them."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_PROBLEMS = "jaxsim.experiments.gradients.problems"

FAMILY = Family(
    name="gradients",
    summary="the gradient laboratory: every estimator on one objective of each family",
    source="estimators and their biases: see jaxsim.learning",
    problems={
        "compare": Entry("estimators of a family's gradient beside the exact one", f"{_PROBLEMS}:compare"),
        "memory": Entry("memory of a reverse pass over a long path", f"{_PROBLEMS}:memory"),
    },
)
