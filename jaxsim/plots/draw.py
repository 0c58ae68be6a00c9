"""Draw everything that a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jaxsim.core.validation import refuse
from jaxsim.plots.figures import estimates_figure, histograms_figure, series_figure
from jaxsim.plots.panels import report_figure
from jaxsim.plots.style import library
from jaxsim.results import Result, load, load_report


def _write(figure: Any, path: Path) -> list[Path]:
    written = []
    for suffix in (".png", ".svg"):
        target = path.with_suffix(suffix)
        try:
            figure.savefig(target, metadata={"Date": None} if suffix == ".svg" else None)
        except OSError as error:
            refuse(
                "folder", str(path.parent), f"cannot be written ({error.strerror})", "copy it elsewhere first"
            )
        written.append(target)
    return written


def _draw_results(results: dict[str, Result], folder: Path) -> list[Path]:
    """Draw results of one family into the same figures."""
    written = _write(estimates_figure(results), folder / "estimates")
    written += _write(series_figure(results), folder / "series")
    counted = {result.histograms for result in results.values()}
    if len(counted) == 1 and counted != {()}:
        written += _write(histograms_figure(results), folder / "histograms")
    return written


def draw(folder: str | Path) -> list[Path]:
    """Draw the results and reports in a folder, or one level below it; return the files written.

    Results that lie side by side (one per policy) share a figure.

    Raises:
        InvalidInput: if there is nothing to draw, or it cannot be read.
        MissingExtra: if matplotlib is not installed.
    """
    library()
    folder = Path(folder)
    places = [folder, *sorted(path for path in folder.glob("*") if path.is_dir())]
    results = {path.name: load(path) for path in places if (path / "result.json").is_file()}
    reports = {path: load_report(path) for path in places if (path / "report.json").is_file()}
    if not results and not reports:
        refuse("folder", str(folder), "holds nothing to draw", "give a folder that --out made")
    written = []
    if len({result.family for result in results.values()}) == 1:
        named = {result.policy if len(results) == 1 else name: result for name, result in results.items()}
        written += _draw_results(named, folder)
    else:
        for name, result in results.items():
            written += _draw_results({result.policy: result}, folder / name)
    for path, report in reports.items():
        if report.panels:
            written += _write(report_figure(report), path / "figure")
    return written
