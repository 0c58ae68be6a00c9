"""How many replications a wanted precision takes: a sequential rule that does not stop too early.

After n replications a target of half-width d is met when

    h_n (1 + 1 / sqrt(2 (n - 1))) <= d          (absolute)
    h_n (1 + 1 / sqrt(2 (n - 1))) <= |mean_n| g / (1 + g)       (relative, the share g of the mean)

with h_n the half-width of the Student t interval. A rule that looks again and again stops by preference where
the sample variance happens to be too small, so that its intervals cover too seldom. Three defences:

- the first stage has at least `FIRST_STAGE` replications, and each further stage goes to 1.05 times what the
  last one says is needed (at most 4 times what there is), so that there are few looks;
- the half-width is taken one of its own standard errors larger (the factor above: the standard deviation of
  n normal values has the relative standard error 1 / sqrt(2 (n - 1))), as Chow and Robbins add 1/n to the
  sample variance;
- g / (1 + g) in place of g, so that the *true* mean, not the estimated one, is met to the share g.

A metric that is the same in all replications, or undefined in all of them, is judged after `CONSTANT`
replications only. Those of mean zero have no relative precision; the rule refuses as soon as even the largest
mean in their interval would need more than the most replications allowed, so it never runs for ever.

Source: Chow and Robbins (1965), "On the asymptotic theory of fixed-width sequential confidence intervals";
Law, Kelton and Koenig (1981), "Relative width sequential confidence intervals for the mean".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jaxsim.core.validation import choice, positive, refuse, require
from jaxsim.statistics.intervals import Estimate

FIRST_STAGE = 30
CONSTANT = 120
GROWTH, SPARE = 4, 1.05
_REMEDY = "write 0.01 or 1% of the mean, 0.05abs, or a list such as waits=1%,drops=0.05abs"


@dataclass(frozen=True)
class Target:
    """The largest half-width of a metric that is wanted: ``width`` itself, or that share of the mean."""

    width: float
    relative: bool = True

    def __str__(self) -> str:
        """Show it as it is written on the command line."""
        return f"{100 * self.width:g}%" if self.relative else f"{self.width:g}abs"

    def allows(self, mean: float) -> float:
        """Return the half-width that is allowed at this mean."""
        return abs(mean) * self.width / (1 + self.width) if self.relative else self.width

    def needs(self, e: Estimate, mean: float) -> float:
        """Return how many replications meet the target if the mean is this and the variance as estimated."""
        n, allowed = e.replications, self.allows(mean)
        wide = e.half_width * (1 + 1 / math.sqrt(2 * max(n - 1, 1)))
        return n * (wide / allowed) ** 2 if allowed > 0 else math.inf


def target(field: str, value: Any) -> Target:
    """Return the target that a number (a share of the mean) or a text (``1%``, ``0.01``, ``0.05abs``) means.

    Raises:
        InvalidInput: if it is neither, or not positive.
    """
    text = str(value).strip()
    relative = not text.endswith("abs")
    number = text.removesuffix("abs").removesuffix("%") if isinstance(value, str) else value
    try:
        number = float(number)
    except (TypeError, ValueError):
        refuse(field, value, "is not a precision", _REMEDY)
    width = float(positive(field, number)) / (100 if relative and text.endswith("%") else 1)
    require(relative or not text.removesuffix("abs").endswith("%"), field, value, "is both", _REMEDY)
    return Target(width, relative)


def targets(precision: Any, metrics: Iterable[str]) -> dict[str, Target]:
    """Return the target of each metric that has one.

    Args:
        precision: a number or text for all metrics, or a dict of them by metric, or a text such as
            ``waits=1%,drops=0.05abs``.

    Raises:
        InvalidInput: for an unknown metric, or a precision that is not one.
    """
    names = list(metrics)
    if isinstance(precision, str) and "=" in precision:
        words = [part.partition("=") for part in precision.split(",")]
        require(all(sign for _, sign, _ in words), "precision", precision, "is not a precision", _REMEDY)
        given = {name.strip(): text for name, _, text in words}
        require(len(given) == len(words), "precision", precision, "names a metric twice", "name each once")
        precision = given
    if not isinstance(precision, Mapping):
        return dict.fromkeys(names, target("precision", precision))
    require(bool(precision), "precision", precision, "names no metric", _REMEDY)
    return {
        choice("precision", name, names): target(f"precision of {name}", v) for name, v in precision.items()
    }


def next_stage(estimates: Mapping[str, Estimate], wanted: Mapping[str, Target], most: int) -> int:
    """Return how many replications to have next: as many as there are when every target is met.

    Raises:
        InvalidInput: if a target cannot be met with ``most`` replications, or its metric is undefined.
    """
    count = next(iter(estimates.values())).replications
    needed = float(count)
    for name, goal in wanted.items():
        e, what = estimates[name], f"{goal} of {name}"
        settled = count >= min(CONSTANT, most)
        if e.half_width == 0 or not math.isfinite(e.mean):
            undefined = f"is undefined in all {count} replications"
            require(
                not settled or e.half_width == 0,
                "precision",
                what,
                undefined,
                "leave it out, or lengthen the horizon",
            )
            needed = needed if settled else max(needed, CONSTANT)
            continue
        needed = max(needed, goal.needs(e, e.mean))
        best = goal.needs(e, abs(e.mean) + e.half_width)
        remedy = "ask for less, for an absolute precision (0.05abs), or lengthen the horizon"
        if best > most or (count >= most and needed > count):
            problem = f"needs more than {most} replications (after {count}: {e})"
            refuse("precision", what, problem, remedy)
    if needed <= count:
        return count
    return int(min(math.ceil(SPARE * min(needed, float(most))) + 1, GROWTH * count, most))
