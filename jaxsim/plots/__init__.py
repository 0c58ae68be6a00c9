"""Figures and tables drawn from Results and Reports only.

style.py    one look for every figure: colour-blind safe, labelled axes
axes.py     scales and tick labels that do not run into each other
figures.py  estimates with intervals, time series
panels.py   what reports hold: curves, heat maps, numbers on a graph
draw.py     what ``jaxsim plot DIR`` does: every result and report under a folder, as PNG and SVG
tables.py   tables for the terminal
"""

from jaxsim.plots.draw import draw
from jaxsim.plots.figures import estimates_figure, series_figure
from jaxsim.plots.panels import panels_figure, report_figure

__all__ = ["draw", "estimates_figure", "panels_figure", "report_figure", "series_figure"]
