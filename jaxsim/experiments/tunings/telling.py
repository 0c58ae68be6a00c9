"""What reports of tunings share: timing, traces, words."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from jaxsim.core.types import Whole
from jaxsim.core.validation import choice, integer
from jaxsim.experiments.tunings.tunable import Tunable, flat, run
from jaxsim.learning import Tuning
from jaxsim.results.report import Claim, Curve, Panel, Report, Verdict


def scaled(scale: str, smoke: Any, paper: Any) -> Any:
    """Return the value for the scale asked for."""
    return smoke if choice("scale", scale, ("smoke", "paper")) == "smoke" else paper


def verdict(met: bool) -> Verdict:
    """Return whether it came out."""
    return "reproduced" if met else "not reproduced"


def timed(tunable: Tunable, seed: Whole, **keys: Any) -> tuple[list[Tuning], float]:
    """Tune all cases in one call; return the answers and the CPU seconds of the descent without compilation.

    The first tenth of the steps, which compiles, is left out and the rest scaled up.
    """
    marks: list[tuple[int, float]] = []

    def mark(done: int, value: float) -> None:
        del value
        marks.append((done, time.process_time()))

    found = run(tunable, seeds=integer("seed", seed, low=0), progress=mark, **keys)
    (first, begin), (last, end) = marks[0], marks[-1]
    return found, (end - begin) * last / max(last - first, 1)


def traces(tunable: Tunable, found: Sequence[Tuning], title: str, y_label: str) -> Panel:
    """Return the objective step by step of every case."""
    curves = []
    for name, one in zip(tunable.names, found, strict=True):
        x = tuple(float(n) for n in range(one.steps))
        curves.append(Curve(name, x, tuple(float(v) for v in one.values)))
    return Panel(title, "step", y_label, tuple(curves))


def numbers(tunable: Tunable, one: Tuning) -> str:
    """Return the tuned numbers in words."""
    return ", ".join(f"{n} {x:.4g}" for n, x in zip(tunable.labels, flat(one.tuned), strict=True))


def missing(one: Tuning) -> str:
    """Return what the shortfall says, in words."""
    miss = one.shortfall
    return "" if miss is None else f"at most {miss.bound:.3g} above the optimum, by its own gradients"


def reported(
    name: str,
    title: str,
    source: str,
    claims: Iterable[Claim],
    panels: Iterable[Panel],
    scale: str,
    seed: Whole,
) -> Report:
    """Return the report."""
    return Report(name, title, source, tuple(claims), tuple(panels), scale, int(seed))
