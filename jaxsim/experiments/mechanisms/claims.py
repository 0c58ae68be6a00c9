"""What the mechanisms experiments share: their source, checked arguments, claims with verdicts, reports."""

from __future__ import annotations

from collections.abc import Iterable

from jaxsim.core.validation import choice, integer
from jaxsim.results.report import Claim, Panel, Report, Verdict

SOURCE = "Ishikida (1992)"


def near(quantity: str, stated: float, ours: float, within: float, note: str = "") -> Claim:
    """Return the claim that our number is the stated one to within ``within``."""
    verdict: Verdict = "reproduced" if abs(ours - stated) <= within else "not reproduced"
    return Claim(quantity, stated, float(ours), verdict=verdict, note=note)


def holds(statement: str, stated: str, ours: str, found: bool, note: str = "") -> Claim:
    """Return the claim that a statement was found to hold."""
    return Claim(statement, stated, ours, verdict="reproduced" if found else "not reproduced", note=note)


def checked(scale: str, seed: int) -> None:
    """Refuse an unknown scale and a seed that is not a whole number >= 0."""
    choice("scale", scale, ("smoke", "paper"))
    integer("seed", seed, low=0)


def report(
    name: str,
    title: str,
    where: str,
    claims: Iterable[Claim],
    panels: Iterable[Panel] = (),
    scale: str = "smoke",
    seed: int = 0,
) -> Report:
    """Return the report of experiment ``name``; ``where`` is the place in the thesis."""
    return Report(
        f"mechanisms.{name}", title, f"{SOURCE}, {where}", tuple(claims), tuple(panels), scale, int(seed)
    )
