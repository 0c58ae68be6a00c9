"""What the batches of a simulation have delivered so far, on the host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np


def joined(parts: list[Any], axis: int = 0) -> Any:
    """Return pytrees of arrays joined along an axis."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, axis), *parts)


def woven(parts: list[Any], axis: int = 0) -> Any:
    """Return the arrays of n hosts as one: number k of host i becomes number k n + i."""

    def weave(*leaves: np.ndarray) -> np.ndarray:
        leaves = tuple(np.moveaxis(leaf, axis, 0) for leaf in leaves)
        whole = np.empty((sum(map(len, leaves)), *leaves[0].shape[1:]), leaves[0].dtype)
        for host, leaf in enumerate(leaves):
            whole[host :: len(leaves)] = leaf
        return np.moveaxis(whole, 0, axis)

    return jax.tree.map(weave, *parts)


@dataclass
class Gathered:
    """Totals of replications in the order of their numbers.

    totals: per batch: observable -> totals of shape (replications,).
    slices: observable -> totals of each slice in time, summed over the replications.
    kept: per batch: observable -> totals of shape (slices, replications), where they are wanted.
    status, final, counts: per batch: status words; last states, and counts of shape (replications, edges) by
        metric, where they are wanted.
    """

    totals: list[dict[str, np.ndarray]] = field(default_factory=list)
    slices: dict[str, np.ndarray] = field(default_factory=dict)
    kept: list[dict[str, np.ndarray]] = field(default_factory=list)
    status: list[np.ndarray] = field(default_factory=list)
    final: list[Any] = field(default_factory=list)
    counts: list[dict[str, np.ndarray]] = field(default_factory=list)

    def add(
        self, sums: dict[str, np.ndarray], status: np.ndarray, counts: dict[str, np.ndarray], *,
        keep: bool, final: Any = None,
    ) -> None:  # fmt: skip
        """Take in a batch: its totals of shape (slices, replications), status words, counts, last states."""
        self.totals.append({name: value.sum(axis=0) for name, value in sums.items()})
        self.status.append(status)
        for name, value in sums.items():
            self.slices[name] = self.slices.get(name, 0.0) + value.sum(axis=1)
        if keep:
            self.kept.append(sums)
        if final is not None:
            self.final.append(final)
        if counts:
            self.counts.append(counts)

    def tree(self) -> dict[str, Any]:
        """Return everything as a pytree whose structure depends on what is kept, not on the batches."""
        if not self.totals:
            return {}
        self.totals, self.status = [joined(self.totals)], [joined(self.status)]
        self.kept = [joined(self.kept, axis=1)] if self.kept else []
        self.final = [joined(self.final)] if self.final else []
        self.counts = [joined(self.counts)] if self.counts else []
        return {name: value for name, value in vars(self).items() if value}

    @classmethod
    def of_hosts(cls, parts: list[dict[str, Any]]) -> Gathered:
        """Return what all hosts have gathered, from the `tree` of each."""
        if len(parts) == 1:
            return cls(**parts[0])
        slices = {n: np.sum([part["slices"][n] for part in parts], axis=0) for n in parts[0]["slices"]}
        whole = {
            name: [woven([part[name][0] for part in parts], axis=1 if name == "kept" else 0)]
            for name in parts[0]
            if name != "slices"
        }
        return cls(slices=slices, **whole)
