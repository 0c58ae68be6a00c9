"""What the bandit experiments share: scales, reports, verdicts, orders by enumeration."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.core.validation import choice
from jaxsim.results.report import Claim, Panel, Report, Verdict


def scaled(scale: str, smoke: Any, paper: Any) -> Any:
    """Return the value for the scale asked for."""
    return smoke if scale == "smoke" else paper


class Draft:
    """A report under way: it knows its name, source, scale and when it began."""

    def __init__(self, name: str, title: str, where: str, scale: str, seed: Whole):
        """Start the clock of experiment ``name`` at ``where`` in the thesis; refuse an unknown scale."""
        choice("scale", scale, ("smoke", "paper"))
        self.head = (f"bandits.{name}", title, f"Ishikida (1992), {where}")
        self.scale, self.seed, self.clock = scale, int(seed), time.perf_counter()

    def report(self, claims: Iterable[Claim], panels: Iterable[Panel] = ()) -> Report:
        """Return the report."""
        seconds = time.perf_counter() - self.clock
        return Report(*self.head, tuple(claims), tuple(panels), self.scale, self.seed, seconds)


def verdict(holds: Any) -> Verdict:
    """Return the verdict on a statement that holds here, or does not."""
    return "reproduced" if bool(holds) else "not reproduced"


def exact(quantity: str, paper: float, ours: Any, note: str = "") -> Claim:
    """Return the claim that a number comes out as stated, to rounding."""
    return Claim(quantity, paper, float(ours), verdict=verdict(abs(ours - paper) < 1e-9), note=note)


def never(quantity: str, violations: int, cases: int, note: str = "") -> Claim:
    """Return the claim that a statement, said in ``quantity``, is violated in none of some random cases."""
    label = f"{quantity}: violations in {cases} random instances"
    return Claim(label, 0.0, float(violations), verdict=verdict(violations == 0 and cases > 0), note=note)


def refuted(quantity: str, stated: str, ours: str, holds: bool, note: str) -> Claim:
    """Return a printed statement that does not hold as printed; ``note`` says how it must read."""
    return Claim(quantity, stated, ours, verdict=verdict(holds), note=note)


def floats(values: Any) -> tuple[float, ...]:
    """Return the values of an array, one by one."""
    return tuple(float(v) for v in np.ravel(values))


def orders(sequences: Sequence[Any]) -> list[tuple[int, ...]]:
    """Return every order in which the users can send all their packets."""
    return sorted(set(itertools.permutations([u for u, z in enumerate(sequences) for _ in z])))


def reward_of_order(sequences: Sequence[Any], order: Sequence[int], discount: float) -> float:
    """Return the discounted reward of an order, the first slot being discounted by beta."""
    load, total = [0] * len(sequences), 0.0
    for t, user in enumerate(order, start=1):
        total += discount**t * float(sequences[user][load[user]])
        load[user] += 1
    return total
