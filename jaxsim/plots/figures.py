"""Figures of results: estimates with intervals, and series in time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jaxsim.plots.style import COLOURS, MARKERS, style
from jaxsim.results import Result


def _label(metric: str, unit: str) -> str:
    name = metric.replace("_", " ")
    return f"{name} [{unit}]" if unit else name


def _grid(library: Any, count: int, wide: float, high: float, columns: int = 3) -> tuple[Any, list[Any]]:
    """Return a figure and ``count`` axes in rows of at most three."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = library.figure.Figure(figsize=(wide * columns, high * rows + 0.6))
    return figure, [figure.add_subplot(rows, columns, i + 1) for i in range(count)]


def estimates_figure(results: dict[str, Result]) -> Any:
    """Draw every metric of every result as a point with its confidence interval, one panel per metric."""
    first = next(iter(results.values()))
    with style() as library:
        figure, axes = _grid(library, len(first.estimates), 3.4, 0.5 + 0.45 * max(3, len(results)))
        places = np.arange(len(results))[::-1]
        for axis, metric in zip(axes, first.estimates, strict=True):
            for i, (place, result) in enumerate(zip(places, results.values(), strict=True)):
                estimate = result.estimates[metric]
                width = estimate.half_width if math.isfinite(estimate.half_width) else 0.0
                style_of = {
                    "fmt": MARKERS[i % len(MARKERS)],
                    "color": COLOURS[i % len(COLOURS)],
                    "capsize": 3,
                }
                axis.errorbar(estimate.mean, place, xerr=width, **style_of)
            axis.set_yticks(places, list(results))
            axis.set_ylim(-0.6, len(results) - 0.4)
            axis.set_xlabel(_label(metric, first.units.get(metric, "")))
            axis.xaxis.set_major_locator(library.ticker.MaxNLocator(4))
        level = next(iter(first.estimates.values())).level
        title = f"{first.family}: means with {100 * level:g} % confidence intervals"
        figure.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return figure


def histograms_figure(results: dict[str, Result]) -> Any:
    """Draw the share of steps in each bin, per unit of the metric; what lies outside is in the legend."""
    first = next(iter(results.values()))
    with style() as library:
        figure, axes = _grid(library, len(first.histograms), 3.8, 2.8)
        for axis, metric in zip(axes, first.histograms, strict=True):
            for name, result in results.items():
                edges = result.arrays[f"histogram.{metric}.edges"]
                counts = result.arrays[f"histogram.{metric}.counts"].sum(axis=0)
                share = counts / counts.sum()
                out = share[0] + share[-1]
                label = f"{name} ({100 * out:.2g} % outside)" if out else name
                axis.stairs(share[1:-1] / np.diff(edges), edges, label=label)
            axis.set_xlabel(_label(metric, first.units.get(metric, "")))
            axis.set_ylabel("density over steps")
            axis.legend()
        title = f"{first.family}: histograms over steps of {first.replications} replications"
        figure.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return figure


_ALONG = {"time": "model time (end of each slice)", "step": "step of the descent"}


def series_figure(results: dict[str, Result]) -> Any:
    """Draw every metric against model time, averaged over replications in slices of the horizon."""
    first = next(iter(results.values()))
    along = "step" if "step" in first.series else "time"
    metrics = [name for name in first.series if name != along]
    with style() as library:
        figure, axes = _grid(library, len(metrics), 3.6, 2.6)
        for axis, metric in zip(axes, metrics, strict=True):
            for name, result in results.items():
                axis.plot(result.series[along], result.series[metric], label=name)
            axis.set_xlabel(_ALONG[along])
            axis.set_ylabel(_label(metric, first.units.get(metric, "")))
            axis.margins(y=0.15)
        axes[0].legend()
        means = f"mean over {first.replications} replications, slice by slice"
        title = f"{first.family}: {means if along == 'time' else 'a tuning step by step'}"
        figure.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return figure
