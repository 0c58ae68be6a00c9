"""What the batches of a simulation have delivered so far, on the host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np


def joined(parts: list[Any], axis: int = 0) -> Any:
    """Return pytrees of arrays joined along an axis."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, axis), *parts)


@dataclass
class Gathered:
    """Totals of replications in the order of their numbers.

    totals: per batch: observable -> totals of shape (replications,).
    slices: observable -> totals of each slice in time, summed over the replications.
    kept: per batch: observable -> totals of shape (slices, replications), where they are wanted.
    status, final: per batch: status words, and last states where they are wanted.
    """

    totals: list[dict[str, np.ndarray]] = field(default_factory=list)
    slices: dict[str, np.ndarray] = field(default_factory=dict)
    kept: list[dict[str, np.ndarray]] = field(default_factory=list)
    status: list[np.ndarray] = field(default_factory=list)
    final: list[Any] = field(default_factory=list)

    def add(self, sums: dict[str, np.ndarray], status: np.ndarray, *, keep: bool, final: Any = None) -> None:
        """Take in a batch: its totals of shape (slices, replications), status words and last states."""
        self.totals.append({name: value.sum(axis=0) for name, value in sums.items()})
        self.status.append(status)
        for name, value in sums.items():
            self.slices[name] = self.slices.get(name, 0.0) + value.sum(axis=1)
        if keep:
            self.kept.append(sums)
        if final is not None:
            self.final.append(final)

    def tree(self) -> dict[str, Any]:
        """Return everything as a pytree whose structure depends on what is kept, not on the batches."""
        if not self.totals:
            return {}
        self.totals, self.status = [joined(self.totals)], [joined(self.status)]
        self.kept = [joined(self.kept, axis=1)] if self.kept else []
        self.final = [joined(self.final)] if self.final else []
        return {name: value for name, value in vars(self).items() if value}
