"""``jaxsim plot``: draw what a folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jaxsim.cli import shared
from jaxsim.cli.app import AsJson, app


@app.command()
def plot(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder that --out made")],
    as_json: AsJson = False,
) -> None:
    """Draw what a folder holds (results or reports) as PNG and SVG beside the data."""
    from jaxsim.plots import draw

    written = [str(path) for path in draw(folder)]
    if as_json:
        shared.print_json({"files": written})
    else:
        print("\n".join(written))
