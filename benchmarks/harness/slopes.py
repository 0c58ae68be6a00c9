"""Curves of cost: how the cost of one unit grows with the size, or with the number of replications."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.harness.rows import Case


@dataclass(frozen=True)
class Sweep:
    """Seconds per unit along a sweep."""

    name: str
    along: str
    unit: str
    x: tuple[int, ...]
    cost: tuple[float, ...]

    @property
    def slope(self) -> float:
        """The exponent of the growth, by least squares; 0 is flat."""
        if len(self.x) < 2:
            return 0.0
        return float(np.polyfit(np.log(self.x), np.log(self.cost), 1)[0])

    @property
    def factor(self) -> float:
        """How much dearer the dearest point is than the cheapest."""
        return max(self.cost) / min(self.cost)

    def beyond(self, least: int) -> Sweep:
        """The part from some x on."""
        kept = [(x, c) for x, c in zip(self.x, self.cost, strict=True) if x >= least]
        return Sweep(self.name, self.along, self.unit, tuple(x for x, _ in kept), tuple(c for _, c in kept))

    def sentence(self) -> str:
        """The sweep in a line."""
        text = f"{self.name}: cost per {self.unit} against {self.along}"
        text += f" {self.x[0]} .. {self.x[-1]}: slope {self.slope:+.2f}, largest/smallest {self.factor:.2f}"
        beyond = self.beyond(64)
        if self.along == "replications" and 1 < len(beyond.x) < len(self.x):
            text += f" (from {beyond.x[0]} on: {beyond.slope:+.2f}, {beyond.factor:.2f})"
        return text


def sweeps(cases: Iterable[Case]) -> list[Sweep]:
    """The curves that the cases make; a sweep is called ``name/size`` or ``name/replications``."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if case.sweep and case.ours.rate:
            groups.setdefault(case.sweep, []).append(case)
    found = []
    for sweep, members in groups.items():
        name, _, along = sweep.rpartition("/")
        pairs = sorted((int(getattr(case, along) or 0), 1.0 / (case.ours.rate or 1.0)) for case in members)
        found.append(
            Sweep(name, along, members[0].unit, tuple(x for x, _ in pairs), tuple(c for _, c in pairs))
        )
    return found
