"""What a report has to look at: panels of curves, heat maps, graphs with a number on each node."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np

from jaxsim.core.validation import MissingExtra, require
from jaxsim.plots.axes import make_linear, make_log
from jaxsim.plots.style import COLOURS, SEQUENTIAL, look, style
from jaxsim.results import Curve, Drawing, GraphMap, HeatMap, Panel, Report

MOST_SPRINGS = 600
"""Largest graph laid out by springs; larger ones are laid out by their eigenvectors."""

MOST_LETTERS = 40
"""Names of choices that are longer altogether are written aslant below the axis."""

MOST_SHAPES = 1000
"""Up to so many cells or nodes are drawn as shapes in vector files; more become an image inside."""


def report_figure(report: Report) -> Any:
    """Draw all that a report has to look at in one figure, two panels in a row."""
    title = "\n".join(textwrap.wrap(f"{report.title} ({report.source})", 56 * min(2, len(report.panels))))
    return panels_figure(report.panels, title)


def panels_figure(panels: tuple[Drawing, ...], title: str = "", columns: int = 2) -> Any:
    """Draw panels of any kind side by side, so many in a row."""
    with style() as library:
        columns = min(columns, len(panels))
        rows = math.ceil(len(panels) / columns)
        figure = library.figure.Figure(figsize=(4.8 * columns, 3.5 * rows + (0.5 if title else 0.0)))
        for number, panel in enumerate(panels):
            draw_panel(library, figure, figure.add_subplot(rows, columns, number + 1), panel)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return figure


def draw_panel(library: Any, figure: Any, axis: Any, panel: Drawing) -> None:
    """Draw one panel on the axes, whatever its kind."""
    if isinstance(panel, Panel):
        _draw_curves(library, axis, panel)
    elif isinstance(panel, HeatMap):
        _draw_heat(library, figure, axis, panel)
    else:
        _draw_graph(figure, axis, panel)
    axis.set_title("\n".join(textwrap.wrap(panel.title, 52)))


def _draw_curves(library: Any, axis: Any, panel: Panel) -> None:
    for number, curve in enumerate(panel.curves):
        _draw_curve(axis, curve, number)
    axis.set_xlabel(panel.x_label)
    axis.set_ylabel("\n".join(textwrap.wrap(panel.y_label, 38)))
    for which, log in (("x", panel.log_x), ("y", panel.log_y)):
        data = [v for curve in panel.curves for v in getattr(curve, which)]
        if log:
            make_log(library, axis, which, data if which == "x" else ())
        else:
            make_linear(library, axis, which, data if which == "x" else ())
    if panel.x_names:
        crowded = sum(map(len, panel.x_names)) > MOST_LETTERS
        turned = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
        axis.set_xticks(range(len(panel.x_names)), panel.x_names, **turned)
        axis.set_xlim(-0.5, len(panel.x_names) - 0.5)
    labels = [curve.label for curve in panel.curves if curve.label]
    if not labels:
        return
    if len(labels) <= 4:
        axis.legend(fontsize="small")
    else:  # below the axes, where it hides no curve
        columns = 2 if max(map(len, labels)) <= 26 else 1
        axis.legend(fontsize="small", loc="upper left", bbox_to_anchor=(0.0, -0.18), ncols=columns)


def _draw_curve(axis: Any, curve: Curve, number: int) -> None:
    how = look(number) | {"label": curve.label or None}
    few = len(curve.x) <= 25
    if curve.style == "points":
        how["linestyle"] = "none"
    elif not few or curve.style in ("steps", "band"):
        how["marker"] = "none"
    if curve.half_width is None:
        drawn = "steps-post" if curve.style == "steps" else "default"
        axis.plot(curve.x, curve.y, ms=4, drawstyle=drawn, **how)
    elif curve.style == "band" or not few:
        y, width = np.asarray(curve.y, float), np.asarray(curve.half_width, float)
        axis.plot(curve.x, y, **how)
        axis.fill_between(curve.x, y - width, y + width, color=how["color"], alpha=0.2, linewidth=0)
    else:
        axis.errorbar(curve.x, curve.y, yerr=curve.half_width, ms=4, capsize=2, **how)


def _draw_heat(library: Any, figure: Any, axis: Any, panel: HeatMap) -> None:
    values = np.asarray(panel.values, float)
    wanted = (len(panel.y), len(panel.x))
    require(values.shape == wanted, "values", values.shape, "do not match x and y", f"give {wanted}")
    colours: Any = SEQUENTIAL
    limits: dict[str, float] = {}
    if panel.names:
        colours = library.colors.ListedColormap([COLOURS[i % len(COLOURS)] for i in range(len(panel.names))])
        limits = {"vmin": -0.5, "vmax": len(panel.names) - 0.5}
    drawn = axis.pcolormesh(np.arange(wanted[1]), np.arange(wanted[0]), values, cmap=colours, **limits)
    drawn.set_rasterized(values.size > MOST_SHAPES)
    bar = figure.colorbar(drawn, ax=axis, label=panel.value_label)
    if panel.names:
        bar.set_ticks(range(len(panel.names)), labels=list(panel.names))
    for which, places in (("x", panel.x), ("y", panel.y)):
        shown = range(0, len(places), max(1, math.ceil(len(places) / 8)))
        getattr(axis, f"set_{which}ticks")(list(shown), [f"{places[i]:g}" for i in shown])
    axis.set(xlabel=panel.x_label, ylabel=panel.y_label)
    axis.grid(False)


def _draw_graph(figure: Any, axis: Any, panel: GraphMap) -> None:
    places = np.asarray(panel.places, float) if panel.places else _layout(panel)
    count = len(panel.values)
    require(len(places) == count, "places", len(places), "do not match the values", f"give {count}")
    ends = np.asarray(panel.edges, int).reshape(-1, 2)
    gap = np.full(len(ends), np.nan)
    # One line with gaps is far smaller in a file than a line per edge.
    x, y = (np.column_stack([places[ends[:, 0], k], places[ends[:, 1], k], gap]).ravel() for k in (0, 1))
    axis.plot(x, y, "-", color="#888888", linewidth=0.6, zorder=1)
    size = float(np.clip(6000 / max(1, count), 3, 90))
    drawn = axis.scatter(*places.T, c=panel.values, s=size, cmap=SEQUENTIAL, zorder=2, linewidths=0)
    drawn.set_rasterized(count > MOST_SHAPES)
    figure.colorbar(drawn, ax=axis, label=panel.value_label)
    axis.set_aspect("equal", adjustable="datalim")
    axis.axis("off")


def _layout(panel: GraphMap) -> np.ndarray:
    """Return places for the nodes: the same for the same graph."""
    try:
        import networkx
    except ImportError:
        raise MissingExtra("laying out a graph", "networkx", "graphs") from None
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(panel.values)))
    graph.add_edges_from(panel.edges)
    if len(graph) <= MOST_SPRINGS:
        found = networkx.spring_layout(graph, seed=0, iterations=200)
    else:
        found = networkx.spectral_layout(graph)
    places = np.array([found[node] for node in range(len(graph))])
    _, _, axes = np.linalg.svd(places - places.mean(axis=0), full_matrices=False)
    return places @ axes.T  # the long way of the graph lies along x, as panels are wide
