"""``jaxsim version``: the versions that a number depends on."""

from __future__ import annotations

from jaxsim.cli.app import app


@app.command()
def version() -> None:
    """Print the versions that a number depends on."""
    from jaxsim.results import versions

    for package, number in versions().items():
        print(f"{package} {number}")
