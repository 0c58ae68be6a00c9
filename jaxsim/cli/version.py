"""``jaxsim version``: the versions that a number depends on."""

from __future__ import annotations

from jaxsim.cli import shared
from jaxsim.cli.app import AsJson, app


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the versions that a number depends on."""
    from jaxsim.results import versions

    if as_json:
        shared.print_json({"versions": versions()})
        return
    for package, number in versions().items():
        print(f"{package} {number}")
