"""From totals to estimates: each metric as a numerator and a denominator per replication."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.kernel import Control, Kernel, Metric
from jaxsim.engine.run import Run
from jaxsim.statistics import Estimate, batch_means, controlled_interval, ratio_interval

Known = tuple[np.ndarray, np.ndarray]
"""Control variates of shape (replications, or groups; controls), and their means."""


def sides(
    kernel: Kernel, params: Any, totals: dict[str, np.ndarray], steps: np.ndarray, time_share: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return numerator and denominator of every metric.

    Args:
        totals: observable -> totals, any shape.
        steps: how many steps they were taken over; time_share: the same as a share of the horizon.
            Both broadcast against the totals.
    """

    def one(metric: Metric) -> tuple[np.ndarray, np.ndarray]:
        top = np.asarray(metric.top(kernel.spec, params, totals), np.float64)
        below = {"step": steps, "horizon": time_share}
        bottom = below[metric.per] if metric.per in below else totals[metric.per]
        return top, np.broadcast_to(np.asarray(bottom, np.float64), top.shape)

    return {metric.name: one(metric) for metric in kernel.metrics}


def grouped(
    pairs: dict[str, tuple[np.ndarray, np.ndarray]], size: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the means over groups of ``size`` consecutive replications, which depend on each other.

    Groups are independent: intervals are made from them.
    """
    if size == 1:
        return pairs
    return {n: (x.reshape(-1, size).mean(1), y.reshape(-1, size).mean(1)) for n, (x, y) in pairs.items()}


def variates(
    controls: tuple[Control, ...], kernel: Kernel, params: Any, run: Run, group: int
) -> Known | None:
    """Return the control variates of a run; None where there are none."""
    if not controls:
        return None
    totals, times = run.totals(), (run.warmup_steps, sum(run.slice_steps))
    values = np.stack([totals[each.observable] for each in controls], axis=1)
    means = np.array([each.mean(kernel.spec, params, *times) for each in controls])
    return values.reshape(-1, group, len(controls)).mean(axis=1), means


def estimate(
    pairs: dict[str, tuple[np.ndarray, np.ndarray]], level: float, known: Known | None = None
) -> dict[str, Estimate]:
    """Return Student t intervals from independent replications, or groups of them."""
    if known is not None:
        return {name: controlled_interval(x, y, *known, level) for name, (x, y) in pairs.items()}
    return {name: ratio_interval(x, y, level) for name, (x, y) in pairs.items()}


def estimate_from_slices(
    pairs: dict[str, tuple[np.ndarray, np.ndarray]], level: float
) -> dict[str, Estimate]:
    """Return batch-means intervals from the slices in time of a single replication."""
    return {name: batch_means(x, y, level) for name, (x, y) in pairs.items()}


def series(pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return each metric slice by slice; NaN in a slice in which its denominator is zero."""
    return {
        name: np.divide(x, y, out=np.full(x.shape, np.nan), where=y != 0) for name, (x, y) in pairs.items()
    }
