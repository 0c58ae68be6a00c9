"""Tunings as results: run by name, shown as a table, saved in folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.core.validation import integer
from jaxsim.experiments.tunings.tunable import Known, Tunable, flat, run
from jaxsim.learning import Tuning, recorded
from jaxsim.results import Result, save


@dataclass(frozen=True)
class Case:
    """One case of a tunable with what was found and what is known of it."""

    name: str
    title: str
    labels: tuple[str, ...]
    found: Tuning
    known: Known | None
    result: Result

    def table(self) -> dict[str, Any]:
        """Return the answer beside the start and the known optimum, for a table."""
        f, miss = self.found, self.found.shortfall
        start, tuned = (flat(x) for x in (_first(f.points), f.tuned))
        off = np.full(len(tuned), np.nan) if miss is None else flat(miss.tuned_error)
        rest: dict[str, Any] = {
            "objective": str(f.value),
            "gain over the start": str(f.gain),
            "steps": f"{f.steps}{' (stopped early: precise enough)' if f.stopped else ''}",
            "settled": "yes" if f.settled else "no: more steps would still gain",
            "seconds": round(f.seconds, 2),
        }
        if miss is not None:
            flats = f"; {miss.flat} directions without measurable curvature" if miss.flat else ""
            rest["above the optimum"] = f"{miss.mean:.3g}, at most {miss.bound:.3g} ({miss.level:.0%}){flats}"
        columns: dict[str, Any] = {
            "tuned": list(self.labels),
            "start": [round(x, 4) for x in start.tolist()],
            "answer": [round(x, 4) for x in tuned.tolist()],
            "rms error": [float(f"{x:.2g}") for x in off.tolist()],
        }
        if self.known is not None:
            rest["known optimum"] = f"{self.known.value:.6g} ({self.known.source})"
            if self.known.tuned is not None:
                columns["known"] = [round(x, 4) for x in self.known.tuned]
        return {**rest, **columns}

    def plain(self) -> dict[str, Any]:
        """Return the answer as plain values."""
        f, miss, known = self.found, self.found.shortfall, self.known
        interval = lambda e: {"mean": e.mean, "half_width": e.half_width, "level": e.level}  # noqa: E731
        out: dict[str, Any] = {
            "case": self.name,
            "tuned": dict(zip(self.labels, flat(f.tuned).tolist(), strict=True)),
            "objective": interval(f.value),
            "start_objective": interval(f.start_value),
            "gain": interval(f.gain),
            "steps": f.steps,
            "stopped": f.stopped,
            "settled": f.settled,
            "shortfall": None,
            "known": None,
            "wall_seconds": f.seconds,
        }
        if miss is not None:
            error = dict(zip(self.labels, flat(miss.tuned_error).tolist(), strict=True))
            head = {"mean": miss.mean, "bound": miss.bound, "level": miss.level, "flat": miss.flat}
            out["shortfall"] = {**head, "tuned_error": error}
        if known is not None:
            tuned = None if known.tuned is None else dict(zip(self.labels, known.tuned, strict=True))
            out["known"] = {"value": known.value, "tuned": tuned, "source": known.source}
        return out


def _first(points: Any) -> Any:
    import jax

    return jax.tree.map(lambda x: x[0], points)


def tuned(
    family: str,
    what: str,
    tunable: Tunable,
    inputs: dict[str, Any],
    how: dict[str, Any],
    progress: Callable[[float], None] | None,
    checkpoint: Path | None,
) -> list[Case]:
    """Tune all cases; ``how`` holds gradient, steps, seed, judges and precision where they are given."""
    keys = {**how}
    seed = integer("seed", keys.pop("seed", 0), low=0, high=2**64 - 1)
    steps = keys.get("steps", tunable.steps)

    def show(done: int, value: float) -> None:
        del value
        if progress:
            progress(done / steps)

    found = run(tunable, seeds=seed, progress=show, checkpoint=checkpoint, **keys)
    out = []
    for number, (name, each) in enumerate(zip(tunable.names, found, strict=True)):
        result = recorded(
            each,
            family=family,
            name=what,
            inputs={**inputs, "case": name},
            seed=seed,
            labels=tunable.labels,
            unit=tunable.unit,
        )
        known = tunable.known_of(number)
        out.append(Case(name, tunable.title, tunable.labels, each, known, result))
    return out


def save_all(cases: list[Case], out: Path) -> None:
    """Save the results, one case in the folder itself, several in a folder each."""
    for case in cases:
        save(case.result, out if len(cases) == 1 else out / case.name.replace(" ", "_"))


def plain(cases: list[Case]) -> dict[str, Any]:
    """Return the answers as plain values, with the versions that they depend on."""
    return {"cases": [case.plain() for case in cases], "versions": cases[0].result.versions}
