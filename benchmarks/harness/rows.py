"""What a benchmark says: cases, and in each a row for jaxsim and for every peer, answers beside speeds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from jaxsim.statistics.intervals import student_t

ALARM = 1e-4
"""Share of right answers that are called different, for each comparison of random answers."""


@dataclass(frozen=True)
class Answer:
    """A number that a program found. error: its standard error (0: not random). degrees: of that error."""

    mean: float
    error: float = 0.0
    degrees: int = 1000

    def near(self, other: Answer, tolerance: float) -> bool:
        """Whether both can be estimates of one number: a t test at `ALARM`, and a numeric tolerance.

        The degrees of freedom are the fewer of the two, which is conservative: alarms are rarer than stated.
        """
        allowed, error = tolerance, math.hypot(self.error, other.error)
        if error > 0:
            degrees = min(a.degrees for a in (self, other) if a.error > 0)
            allowed += student_t(1 - ALARM, max(1, degrees)) * error
        return abs(self.mean - other.mean) <= allowed

    @property
    def half_width(self) -> float:
        """Half-width of a 95 % interval."""
        return student_t(0.95, self.degrees) * self.error if self.error else 0.0


def pooled(answers: list[Answer]) -> Answer:
    """The mean of repeats under other seeds, with their own errors, or their scatter where they have none."""
    count, mean = len(answers), sum(a.mean for a in answers) / len(answers)
    if all(a.error > 0 for a in answers):
        error = math.sqrt(sum(a.error**2 for a in answers)) / count
        return Answer(mean, error, sum(a.degrees for a in answers))
    if count == 1:
        return answers[0]
    scatter = math.sqrt(sum((a.mean - mean) ** 2 for a in answers) / (count - 1))
    return Answer(mean, scatter / math.sqrt(count), count - 1)


@dataclass(frozen=True)
class Row:
    """One program's speed and answers.

    rate: units per second, the median over repeats; None where the program could not run: ``note`` says why.
    spread: half the range of the repeats, as a share of the median.
    null: share of the events that changed nothing. compiled: seconds to compile.
    bytes, operations: counted per unit. roofline: share of the speed that the device's measured limits allow.
    limit: which of the two binds, "bytes" or "operations". joules: energy per unit, where the device tells.
    """

    who: str
    rate: float | None = None
    spread: float = 0.0
    repeats: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    null: float | None = None
    compiled: float | None = None
    bytes: float | None = None
    operations: float | None = None
    roofline: float | None = None
    limit: str = ""
    joules: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Case:
    """The same work done by jaxsim (the first row) and by its peers.

    name: within the suite. unit: what is counted. exact: known answers. tolerance: numeric error that answers
    may have beside chance. sweep, size, replications: cases with one ``sweep`` name make a curve.
    key: names of peers whose ratios the regression guard holds.
    """

    name: str
    unit: str
    rows: tuple[Row, ...]
    exact: dict[str, float] = field(default_factory=dict)
    tolerance: float = 0.0
    sweep: str = ""
    size: int | None = None
    replications: int | None = None

    @property
    def ours(self) -> Row:
        """The row of jaxsim."""
        return self.rows[0]

    def wrong(self, row: Row) -> list[str]:
        """Names of the answers of a row that differ from the exact ones, or from those of jaxsim."""
        bad = []
        for name, answer in row.answers.items():
            others = [Answer(self.exact[name])] if name in self.exact else []
            others += [self.ours.answers[name]] if row is not self.ours and name in self.ours.answers else []
            if not all(answer.near(other, self.tolerance) for other in others):
                bad.append(name)
        return bad

    def ratio(self, row: Row) -> float | None:
        """How many times as fast jaxsim is as that peer; None unless both ran and their answers agree."""
        if row is self.ours or not row.rate or not self.ours.rate or self.wrong(row):
            return None
        return self.ours.rate / row.rate

    def plain(self) -> dict[str, Any]:
        """The case as plain values, with ratios and verdicts."""
        rows = []
        for row in self.rows:
            plain = {k: v for k, v in asdict(row).items() if v not in (None, "", {})}
            rows.append(plain | {"times_as_fast": self.ratio(row), "differing_answers": self.wrong(row)})
        return asdict(self) | {"rows": rows}


def case_of(plain: dict[str, Any]) -> Case:
    """The inverse of `Case.plain`."""
    rows = []
    for given in plain["rows"]:
        kept = {k: v for k, v in given.items() if k not in ("times_as_fast", "differing_answers")}
        kept["answers"] = {name: Answer(**answer) for name, answer in given.get("answers", {}).items()}
        rows.append(Row(**kept))
    return Case(**{**plain, "rows": tuple(rows)})
