"""From totals to estimates: each metric as a numerator and a denominator per replication."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.kernel import Kernel, Metric
from jaxsim.core.validation import refuse, require
from jaxsim.statistics import Estimate, batch_means, ratio_interval


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


def estimate(pairs: dict[str, tuple[np.ndarray, np.ndarray]], level: float) -> dict[str, Estimate]:
    """Return Student t intervals from independent replications."""
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


def replications_needed(
    estimates: dict[str, Estimate], precision: float | dict[str, float], count: int
) -> tuple[int, str]:
    """Return how many replications the precision asks for, and the metric that asks for most.

    A half-width falls like 1/sqrt(n), so n (half_width / (precision |mean|))^2 are needed.

    Raises:
        InvalidInput: if a metric's mean is zero or undefined, so that no relative precision exists.
    """
    targets = precision if isinstance(precision, dict) else dict.fromkeys(estimates, precision)
    needed, worst = 0, ""
    for name, target in targets.items():
        if name not in estimates:
            refuse("precision", name, "is not a metric", f"choose among: {', '.join(estimates)}")
        e = estimates[name]
        if e.half_width == 0:
            continue
        defined = np.isfinite(e.mean) and e.mean != 0
        remedy = "ask for the precision of single metrics, as precision={'name': 0.01}"
        require(defined, "precision", f"{target} of {name}", f"is undefined, its mean is {e.mean}", remedy)
        wanted = int(np.ceil(count * (e.half_width / (target * abs(e.mean))) ** 2))
        if wanted > needed:
            needed, worst = wanted, name
    return needed, worst
