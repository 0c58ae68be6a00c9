"""``jaxsim plot``: draw what a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jaxsim.cli.app import app


@app.command()
def plot(folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder that --out made")]) -> None:
    """Draw what a folder holds (results or reports) as PNG and SVG beside the data."""
    from jaxsim.plots import draw

    for path in draw(folder):
        print(path)
