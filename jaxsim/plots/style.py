"""One look for every figure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxsim.core.validation import MissingExtra

# Okabe and Ito (2008): distinguishable with every kind of colour vision. Lines differ in dash and marker too,
# so that nothing is told by colour alone.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", (0, (1, 1.2)), (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)), (0, (8, 2)))

SEQUENTIAL = "cividis"
"""A colour map for quantities: even in lightness, and the same to every kind of colour vision."""


def library() -> Any:
    """Return matplotlib; say which extra brings it if it is missing."""
    try:
        import matplotlib.colors
        import matplotlib.figure
        import matplotlib.ticker
    except ImportError:
        raise MissingExtra("drawing", "matplotlib", "plots") from None
    return matplotlib


@contextmanager
def style() -> Iterator[Any]:
    """Give ``Figure``-making code the package's fonts, colours and grid for its duration."""
    found = library()
    settings = {
        "axes.prop_cycle": found.cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.titlesize": "medium",
        "axes.titlelocation": "left",
        "grid.alpha": 0.25,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 150,
        "svg.hashsalt": "jaxsim",
        "font.size": 10,
    }
    with found.rc_context(settings):
        yield found


def look(number: int) -> dict[str, Any]:
    """Return colour, dash and marker of the line with this number."""
    cycle = len(COLOURS)
    return {
        "color": COLOURS[number % cycle],
        "linestyle": DASHES[(number + number // cycle) % cycle],
        "marker": MARKERS[number % cycle],
    }
