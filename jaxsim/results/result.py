"""The Result of a simulation."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np

from jaxsim.core.validation import choice, require
from jaxsim.statistics import (
    Estimate,
    Ranking,
    paired_interval,
    quantile_interval,
    ratio_interval,
    with_the_best,
)


def versions() -> dict[str, str]:
    """Return the versions that a number depends on."""
    return dict(_versions())


@functools.cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("jaxsim-allocation", "jax", "jaxlib", "numpy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


@dataclass(frozen=True)
class Result:
    """Estimates with all that is needed to get them again.

    family, spec, params, policy: the system, as plain JSON values (arrays as lists, long ones summarized).
    seed, replications, horizon, warmup, steps: how it was simulated; steps after warm-up, per replication.
    estimates: name -> Estimate. units: name -> unit. better: name -> ``lower`` or ``higher``, where one is.
    status: how many replications have each trouble bit; empty when all is well.
    samples: ``"<metric>.numerator"`` and ``"<metric>.denominator"``, one value per replication; the
        metric is the ratio of their means. With these, two results can be compared in pairs.
    series: ``"time"`` and one array per metric, averaged over replications, in equal slices of the horizon;
        ``"step"`` in the place of time for a tuning.
    arrays: what `record` asked for; ``histogram.NAME.edges`` e_0 < ... < e_n and ``histogram.NAME.counts`` of
        shape (replications, or antithetic pairs, n + 2): below e_0, the bins, from e_n on.
    timing: seconds: ``wall``, ``compile``, ``run``; ``steps_per_second`` over all replications.
    ledger: of the decisions of replication 0, where one was written: file, blocks, and the head to keep.
    versions, device: where it ran.
    """

    family: str
    spec: dict[str, Any]
    params: dict[str, Any]
    policy: str
    seed: int
    replications: int
    horizon: float
    warmup: float
    steps: int
    estimates: dict[str, Estimate]
    units: dict[str, str] = field(default_factory=dict)
    better: dict[str, str] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    samples: dict[str, np.ndarray] = field(default_factory=dict)
    series: dict[str, np.ndarray] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=versions)
    device: str = ""

    def __getitem__(self, metric: str) -> Estimate:
        """Return the estimate of a metric; a misspelled name is answered with the nearest one."""
        return self.estimates[choice("metric", metric, self.estimates)]

    def plain(self, metric: str) -> Estimate:
        """Return the estimate of a metric from its samples alone, without control variates."""
        e = self[metric]
        top, bottom = (self.samples[f"{metric}.{side}"] for side in ("numerator", "denominator"))
        return ratio_interval(top, bottom, e.level)

    @property
    def histograms(self) -> tuple[str, ...]:
        """The metrics that were counted in bins."""
        names = [name.split(".") for name in self.arrays if name.startswith("histogram.")]
        return tuple(name for _, name, kind in names if kind == "edges")

    def quantile(self, metric: str, p: float, level: float = 0.95) -> Estimate:
        """Return the p-quantile, over steps, of what a metric averages; see `quantile_interval`.

        Raises:
            InvalidInput: if no histogram of the metric was asked for, or p is not in (0, 1).
        """
        known = self.histograms
        require(bool(known), "metric", metric, "has no histogram", "simulate with histogram={metric: edges}")
        edges, counts = (
            self.arrays[f"histogram.{choice('metric', metric, known)}.{kind}"] for kind in ("edges", "counts")
        )
        return quantile_interval(edges, counts, p, level)

    def head(self) -> dict[str, Any]:
        """Return the part of the result that the command line prints as JSON."""
        head = {
            "family": self.family,
            "spec": self.spec,
            "params": self.params,
            "policy": self.policy,
            "seed": self.seed,
            "replications": self.replications,
            "metrics": {
                name: {"mean": e.mean, "half_width": e.half_width, "level": e.level}
                for name, e in self.estimates.items()
            },
            "status": self.status,
            "wall_seconds": self.timing.get("wall", float("nan")),
            "versions": self.versions,
        }
        return head | ({"ledger": self.ledger} if self.ledger else {})


def compare(first: Result, second: Result, metric: str, level: float = 0.95) -> Estimate:
    """Return the difference first - second of a metric, paired by replication.

    Under one seed both saw the same random words for the same purposes (common random numbers), so the
    interval of the difference is usually much shorter than either interval. Where one has more replications
    (``precision`` adds them), those that both have are compared.

    Raises:
        InvalidInput: if the seeds differ, or the metric is unknown.
    """
    choice("metric", metric, first.estimates)
    choice("metric", metric, second.estimates)
    seeds = (first.seed, second.seed)
    problem = "differ, so the replications do not pair"
    require(seeds[0] == seeds[1], "seed", seeds, problem, "run both with the same seed")
    count = min(first.replications, second.replications)

    def sides(result: Result) -> tuple[np.ndarray, np.ndarray]:
        top, bottom = (result.samples[f"{metric}.{side}"] for side in ("numerator", "denominator"))
        return top[:count], bottom[:count]

    return paired_interval(sides(first), sides(second), level)


def rank(results: Mapping[str, Result], metric: str, level: float = 0.95) -> Ranking:
    """Return which of several results, paired by replication, is best in a metric (`with_the_best`).

    Raises:
        InvalidInput: if the seeds differ, the metric is unknown, or neither lower nor higher is better.
    """
    first, *others = results.values()
    known = choice("metric", metric, first.better)
    same = all(other.seed == first.seed for other in others)
    seeds = [result.seed for result in results.values()]
    require(same, "seed", seeds, "differ, so the replications do not pair", "run all with the same seed")
    sides = {
        name: tuple(result.samples[f"{known}.{side}"] for side in ("numerator", "denominator"))
        for name, result in results.items()
    }
    count = min(top.size for top, _ in sides.values())
    paired = {name: (top[:count], bottom[:count]) for name, (top, bottom) in sides.items()}
    return with_the_best(paired, first.better[known], level)
