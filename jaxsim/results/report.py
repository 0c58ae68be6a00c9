"""The Report of an experiment: what a paper states, what comes out here, and curves to look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from jaxsim.results.result import versions

Verdict = Literal["reproduced", "not reproduced", "ambiguous", "failed"]


@dataclass(frozen=True)
class Claim:
    """One number or statement of a paper beside ours.

    quantity: what is compared, in words.
    paper: the paper's value, or its statement in words; None where the paper prints none.
    ours: our value, with half_width of a 95 % interval (0 for exact values).
    verdict: "ambiguous" when it depends on the reading; then ``note`` names the reading. "failed" when the
        experiment came to no answer; then ``note`` says why.
    """

    quantity: str
    paper: float | str | None
    ours: float | str
    half_width: float = 0.0
    verdict: Verdict = "reproduced"
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """A line of a panel: x, y and, where y is estimated, the half-widths of its intervals.

    style: "band" draws the intervals as a band around a line, for trajectories.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    half_width: tuple[float, ...] | None = None
    style: Literal["line", "points", "steps", "band"] = "line"


@dataclass(frozen=True)
class Panel:
    """One pair of axes; labels carry units.

    x_names: what x = 0, 1, ... stand for, where x is a choice (a policy, a topology) and not a quantity.
    """

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False
    x_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeatMap:
    """A table of numbers as colours: a policy over two coordinates, an occupancy.

    values: one row per y, one number per x in it. names: what the numbers 0, 1, ... stand for, where they
        are choices rather than quantities.
    """

    title: str
    x_label: str
    y_label: str
    value_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class GraphMap:
    """A number on each node of a graph, as colours.

    edges: pairs of nodes 0, 1, .... values: one per node. places: coordinates of the nodes; where there are
        none, the drawing finds a layout.
    """

    title: str
    value_label: str
    edges: tuple[tuple[int, int], ...]
    values: tuple[float, ...]
    places: tuple[tuple[float, float], ...] = ()


Drawing = Panel | HeatMap | GraphMap
"""What a report may hold to look at."""


@dataclass(frozen=True)
class Report:
    """What an experiment found.

    name: as in ``jaxsim reproduce NAME``. source: authors, year, figure, table or equation.
    """

    name: str
    title: str
    source: str
    claims: tuple[Claim, ...]
    panels: tuple[Drawing, ...] = ()
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

        claims = tuple(claim(c) for c in values["claims"])
        panels = tuple(_drawing(p) for p in values["panels"])
        seconds = float(values["wall_seconds"])
        return Report(**{**values, "claims": claims, "panels": panels, "wall_seconds": seconds})


def _number(value: Any) -> Any:
    """Return infinities and NaN, which strict JSON writes as text, as numbers again."""
    return float(value) if value in ("nan", "inf", "-inf") else value


def _numbers(values: Any) -> Any:
    """Return nested lists of numbers, some of them perhaps as text, as nested tuples of floats."""
    return tuple(_numbers(v) for v in values) if isinstance(values, list | tuple) else float(values)


def _curve(fields: dict[str, Any]) -> Curve:
    lists = {k: fields[k] and _numbers(fields[k]) for k in ("x", "y", "half_width")}
    return Curve(**{**fields, **lists})


def _drawing(fields: dict[str, Any]) -> Drawing:
    if "curves" in fields:
        names = tuple(fields.get("x_names", ()))
        return Panel(**{**fields, "curves": tuple(_curve(c) for c in fields["curves"]), "x_names": names})
    if "edges" in fields:
        edges = tuple((int(a), int(b)) for a, b in fields["edges"])
        numbers = {name: _numbers(fields[name]) for name in ("values", "places")}
        return GraphMap(**{**fields, **numbers, "edges": edges})
    numbers = {name: _numbers(fields[name]) for name in ("x", "y", "values")}
    return HeatMap(**{**fields, **numbers, "names": tuple(fields["names"])})
