"""Cost of one unit against size and against replications, log-log, with slopes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness.slopes import Sweep, sweeps

AXES = (("size", "N (nodes, arms, states, ...)"), ("replications", "replications"))


def _panel(axes: Any, label: str, found: list[Sweep]) -> None:
    for sweep, marker in zip(found, "os^Dv<>Pp*hX" * 4, strict=False):
        nanoseconds = [1e9 * cost for cost in sweep.cost]
        name = f"{sweep.name} (per {sweep.unit}): {sweep.slope:+.2f}"
        axes.plot(sweep.x, nanoseconds, marker=marker, label=name)
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="nanoseconds per unit")
    axes.set_title("least-squares slope after each name")
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def draw(cases: list[Any], target: Path) -> list[Path]:
    """Write PNG and SVG beside ``target``; nothing where there is no sweep or no matplotlib."""
    from jaxsim.core.validation import MissingExtra
    from jaxsim.plots.style import style

    found = sweeps(cases)
    panels = [(label, [s for s in found if s.along == along]) for along, label in AXES]
    panels = [(label, chosen) for label, chosen in panels if chosen]
    if not panels:
        return []
    try:
        with style() as library:
            tallest = max(len(chosen) for _, chosen in panels)
            size = (6.5 * len(panels), 4.2 + 0.2 * tallest)
            figure = library.figure.Figure(figsize=size)
            for axes, (label, chosen) in zip(
                figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
            ):
                _panel(axes, label, chosen)
            paths = [target.with_suffix(suffix) for suffix in (".png", ".svg")]
            for path in paths:
                figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
            return paths
    except MissingExtra:
        return []
