"""The comparison of estimators as an experiment of each family, with a plot."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.core.validation import choice, integer
from jaxsim.experiments.gradients.case import case_of
from jaxsim.experiments.gradients.measure import ACCURACY, SIGMAS, Comparison, Row, compare
from jaxsim.results.report import Claim, Curve, Panel, Report, Verdict

_VERDICTS: dict[str, Verdict] = {"yes": "reproduced", "no": "not reproduced", "no promise": "ambiguous"}


def report(
    family: str,
    *,
    scale: str = "smoke",
    seed: Whole = 0,
    more: Iterable[Claim] = (),
    panels: Iterable[Panel] = (),
) -> Report:
    """Return the comparison of a family's estimators; ``paper`` takes 16 times the replications.

    The column of the paper holds what each estimator states about its bias. more, panels: what a family adds.
    """
    choice("scale", scale, ("smoke", "paper"))
    number = integer("seed", seed, low=0)
    found = compare(case_of(family, 1 if scale == "smoke" else 16), number)
    gradient = " ".join(f"{x:.6g}" for x in found.gradient)
    exact = Claim(f"exact derivative: {found.case.title}", None, gradient, note=f"value {found.value:.6g}")
    rows = [_claim(row, found.length) for row in found.rows]
    use = Claim("cheapest of those that sample, for an error of 1 %", None, found.use)
    claims = (exact, *rows, use, *more)
    title = "Gradients: every estimator against the exact derivative"
    drawn = (*_panels(found), *panels)
    return Report(f"{family}.gradients", title, found.case.source, claims, drawn, scale, number)


def _claim(row: Row, length: float) -> Claim:
    bias, noise = (float(np.linalg.norm(x)) for x in (row.bias, row.error))
    cost = row.cost(length)
    text = f"bias {bias:.3g}, standard error {noise:.3g}, {row.seconds:.3g} s; 1 % costs {cost:.3g} s"
    worst = float(np.max(np.abs(row.bias) / np.where(row.error > 0, row.error, np.inf)))
    note = f"at most {worst:.1f} standard errors off; {row.replications} replications"
    return Claim(row.name, row.stated.text, text, verdict=_VERDICTS[row.within], note=note)


def _panels(found: Comparison) -> tuple[Panel, ...]:
    def share(x: np.ndarray) -> float:
        return max(float(np.linalg.norm(x)) / found.length, 1e-6)

    rows = [row for row in found.rows if np.any(row.error > 0)]
    seconds = [Curve(r.name, (_one_percent(r, found),), (share(r.bias),), style="points") for r in rows]
    biases = [Curve(r.name, (share(r.error),), (share(r.bias),), style="points") for r in rows]
    ends = (0.7 * min(share(row.error) for row in rows), 1.4 * max(share(row.error) for row in rows))
    line = Curve(f"{SIGMAS:g} standard errors", ends, tuple(SIGMAS * x for x in ends))
    noise, off = "standard error / |gradient|", "|bias| / |gradient|"
    return (
        Panel(
            "Bias against cost", "CPU seconds for a standard error of 1 %", off, tuple(seconds), True, True
        ),
        Panel("Bias against noise", noise, off, (*biases, line), True, True),
    )


def _one_percent(row: Row, found: Comparison) -> float:
    """Return the CPU seconds after which the standard error is 1 % of the gradient, the bias left aside."""
    return max(row.seconds, 1e-6) * float(np.sum(row.error**2)) / (ACCURACY * found.length) ** 2


def _of(family: str) -> Callable[..., Report]:
    return functools.partial(report, family)


actors, balancing, bandits = _of("actors"), _of("balancing"), _of("bandits")
mechanisms, pooling, pricing = _of("mechanisms"), _of("pooling"), _of("pricing")
