"""What a shell offers on the tab key, once ``jaxsim --install-completion`` has been called."""

from __future__ import annotations

import typer

from jaxsim.experiments.registry import families


def family(incomplete: str) -> list[str]:
    """Return the families whose name begins so."""
    return [name for name in families() if name.startswith(incomplete)]


def problem(incomplete: str) -> list[str]:
    """Return the FAMILY.PROBLEM names that begin so."""
    return [name for name in _dotted("problems") if name.startswith(incomplete)]


def experiment(incomplete: str) -> list[str]:
    """Return what ``jaxsim reproduce`` takes and begins so."""
    names = ["all", *families(), *_dotted("experiments")]
    return [name for name in names if name.startswith(incomplete)]


def policy(context: typer.Context, incomplete: str) -> list[str]:
    """Return the policies, after a comma the next ones, of the family on the command line."""
    # While the value of --policy is missing, what stands before it has not been given to the parameters.
    card = families().get(context.params.get("family") or next(iter(context.args), ""))
    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in (card.policies if card else ()) if name.startswith(last)]


def _dotted(section: str) -> list[str]:
    """Return every FAMILY.NAME of a section."""
    return [f"{family.name}.{name}" for family in families().values() for name in getattr(family, section)]
