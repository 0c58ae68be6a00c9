"""What a paper shows, item by item, and which experiments show it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """A figure, table, worked example or claim of a paper.

    place: where it stands, such as "Figure 3a". what: what it shows, in a few words.
    experiments: names as in ``jaxsim reproduce NAME``.
    reason: why there is nothing to reproduce, where there are no experiments.
    """

    place: str
    what: str
    experiments: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper: authors, year and title, and all that it shows."""

    source: str
    items: tuple[Item, ...]
