"""Quantiles of a histogram with intervals by replications."""

from __future__ import annotations

import math

import numpy as np

from jaxsim.core.validation import require
from jaxsim.statistics.accumulators import Histogram
from jaxsim.statistics.intervals import Estimate, mean_interval


def quantile_interval(edges: np.ndarray, counts: np.ndarray, p: float, level: float = 0.95) -> Estimate:
    """Return the p-quantile of all counts together, with Woodruff's interval.

    With F_i(x) the share of replication i below x and q the pooled quantile, h = t_{n-1} s(F_i(q)) / sqrt(n)
    is the half-width of F(q); the interval is [Q(p - h), Q(p + h)], and the larger of its two sides is the
    half-width, so that it is contained. Steps within a replication may depend on each other. Where h is more
    than half of p or 1 - p, too few replications have met the tail to judge it: the half-width is infinite.

    Args:
        edges: e_0 < ... < e_n. counts: (replications, n + 2): below e_0, the bins, from e_n on; independent
            replications of equally many steps.
        p: in (0, 1).

    Returns:
        Linear inside a bin, so exact to its width: a whole number k lies anywhere in [k, k + 1) where the
        edges are whole numbers. -inf or inf where it falls outside the edges; the half-width is infinite
        where an end of the interval does, and with one replication.

    Source: Woodruff (1952), "Confidence intervals for medians and other position measures".
    """
    require(0 < p < 1, "quantiles", p, "is not a probability", "give numbers between 0 and 1")
    histogram = Histogram(tuple(float(edge) for edge in edges))
    pooled = counts.sum(axis=0)
    value, n = histogram.quantile(pooled, p), len(counts)
    method = "pooled quantile, Woodruff"
    if not math.isfinite(value):
        return Estimate(value, math.inf, level, n, method)
    bin_ = int(np.searchsorted(np.cumsum(pooled), p * pooled.sum()))
    inside = (value - edges[bin_ - 1]) / (edges[bin_] - edges[bin_ - 1])
    below = (counts[:, :bin_].sum(axis=1) + inside * counts[:, bin_]) / counts.sum(axis=1)
    h = mean_interval(below, level).half_width
    if h > 0.5 * min(p, 1 - p):
        return Estimate(value, math.inf, level, n, method)
    low, high = histogram.quantile(pooled, p - h), histogram.quantile(pooled, p + h)
    return Estimate(value, max(value - low, high - value), level, n, method)
