"""Panels as SVG to be put into a page: they take the page's colours, in light and in dark."""

from __future__ import annotations

import io
import re
from typing import Any

from jaxsim.plots.panels import draw_panel
from jaxsim.plots.style import style
from jaxsim.results import Drawing

BLACK = "#000000"


def inline_svg(panel: Drawing) -> str:
    """Return one panel as an SVG element without fixed size; what is black takes the colour of the text."""
    with style() as library, library.rc_context({"svg.fonttype": "none"}):
        figure: Any = library.figure.Figure(figsize=(4.8, 3.5))
        draw_panel(library, figure, figure.add_subplot(), panel)
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    return _for_a_page(text.getvalue())


def _for_a_page(svg: str) -> str:
    """Return the svg element alone, without names that nothing refers to: several share a page."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    head, rest = svg.split(">", 1)
    head = re.sub(r' (?:width|height)="[^"]*"', "", head) + ' role="img"'
    return re.sub(r"\n\s*", "\n", f"{head}>{rest}").replace(BLACK, "currentColor")
