"""The Report of an experiment: what a paper states, what comes out here, and curves to look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from jaxsim.results.result import versions

Verdict = Literal["reproduced", "not reproduced", "ambiguous"]


@dataclass(frozen=True)
class Claim:
    """One number or statement of a paper beside ours.

    quantity: what is compared, in words.
    paper: the paper's value, or its statement in words; None where the paper prints none.
    ours: our value, with half_width of a 95 % interval (0 for exact values).
    verdict: "ambiguous" when it depends on the reading; then ``note`` names the reading.
    """

    quantity: str
    paper: float | str | None
    ours: float | str
    half_width: float = 0.0
    verdict: Verdict = "reproduced"
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """A line of a panel: x, y and, where y is estimated, the half-widths of its intervals."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    half_width: tuple[float, ...] | None = None
    style: Literal["line", "points", "steps"] = "line"


@dataclass(frozen=True)
class Panel:
    """One pair of axes; labels carry units."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Report:
    """What an experiment found.

    name: as in ``jaxsim reproduce NAME``. source: authors, year, figure, table or equation.
    """

    name: str
    title: str
    source: str
    claims: tuple[Claim, ...]
    panels: tuple[Panel, ...] = ()
    scale: str = "smoke"
    seed: int = 0
    wall_seconds: float = float("nan")
    versions: dict[str, str] = field(default_factory=versions)

    def plain(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)

    @staticmethod
    def from_plain(values: dict[str, Any]) -> Report:
        """Return the report that `plain` described."""
        numbers = {"ours", "paper", "half_width"}

        def claim(fields: dict[str, Any]) -> Claim:
            return Claim(**{k: _number(v) if k in numbers else v for k, v in fields.items()})

        def curve(fields: dict[str, Any]) -> Curve:
            lists = {k: fields[k] and tuple(float(v) for v in fields[k]) for k in ("x", "y", "half_width")}
            return Curve(**{**fields, **lists})

        def panel(fields: dict[str, Any]) -> Panel:
            return Panel(**{**fields, "curves": tuple(curve(c) for c in fields["curves"])})

        claims = tuple(claim(c) for c in values["claims"])
        panels = tuple(panel(p) for p in values["panels"])
        seconds = float(values["wall_seconds"])
        return Report(**{**values, "claims": claims, "panels": panels, "wall_seconds": seconds})


def _number(value: Any) -> Any:
    """Return infinities and NaN, which strict JSON writes as text, as numbers again."""
    return float(value) if value in ("nan", "inf", "-inf") else value
