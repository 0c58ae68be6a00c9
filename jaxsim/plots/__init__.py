"""Figures and tables drawn from Results and Reports only.

style.py    one look for every figure: colour-blind safe, labelled axes
figures.py  estimates with intervals, time series, the panels of a report
draw.py     what ``jaxsim plot DIR`` does: every result and report under a folder, as PNG and SVG
tables.py   tables for the terminal
"""

from jaxsim.plots.draw import draw
from jaxsim.plots.figures import estimates_figure, report_figure, series_figure

__all__ = ["draw", "estimates_figure", "report_figure", "series_figure"]
