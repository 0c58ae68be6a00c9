"""Confidence intervals from independent replications, from batches of one long path, and from pairs."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from statistics import NormalDist

import jax
import numpy as np
from jax.scipy.special import betainc

from jaxsim.core.validation import require


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval: the truth lies in mean +- half_width with probability ``level``.

    replications counts the independent values behind it: replications, or batches of one long path.
    """

    mean: float
    half_width: float
    level: float = 0.95
    replications: int = 0
    method: str = "replications"

    def covers(self, value: float) -> bool:
        """Return whether the interval contains the value."""
        return bool(abs(value - self.mean) <= self.half_width)

    @property
    def standard_error(self) -> float:
        """The standard error of the mean: the half-width over the t quantile."""
        return self.half_width / student_t(self.level, self.replications - 1)

    def __str__(self) -> str:
        """Show as many digits as the half-width supports."""
        if not math.isfinite(self.half_width) or self.half_width <= 0:
            return f"{self.mean:.6g}"
        digits = min(12, max(0, 1 - math.floor(math.log10(self.half_width))))
        return f"{self.mean:.{digits}f} +- {self.half_width:.{digits}f}"


def t_tail(x: float, degrees: int) -> float:
    """P(|T| > x) for Student's t, by the incomplete beta function."""
    with jax.enable_x64(True):
        return float(betainc(degrees / 2.0, 0.5, degrees / (degrees + x * x)))


@functools.lru_cache(maxsize=1 << 14)
def student_t(level: float, degrees: int) -> float:
    """Return the x with P(|T| <= x) = level for Student's t with that many degrees of freedom.

    Closed forms for one and two degrees; else Newton's method on the incomplete beta function, to 1e-12
    relative, from the first terms of the expansion in 1 / degrees about the normal quantile. Infinite for
    zero degrees of freedom.

    Source: Hill (1970), "Student's t-quantiles", for the start.
    """
    require(0 < level < 1, "level", level, "is not a confidence level", "give a number between 0 and 1")
    n = float(degrees)
    if degrees < 1:
        return math.inf
    if degrees == 1:
        return math.tan(0.5 * math.pi * level)
    if degrees == 2:
        return level * math.sqrt(2 / (1 - level**2))
    z = NormalDist().inv_cdf(0.5 * (1 + level))
    x = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    scale = math.exp(math.lgamma(0.5 * (n + 1)) - math.lgamma(0.5 * n)) / math.sqrt(n * math.pi)
    for _ in range(60):  # the tail is convex in x, so that from below it is reached without overshooting
        density = scale * (1 + x * x / n) ** (-0.5 * (n + 1))
        change = (t_tail(x, degrees) - (1 - level)) / (2 * density)
        x = max(x + change, 0.5 * x)
        if abs(change) <= 1e-13 * x:
            break
    return x


def mean_interval(values: np.ndarray, level: float = 0.95) -> Estimate:
    """Return the mean of independent values with a Student t interval.

    x-bar +- t_{n-1} s / sqrt(n). A single value has an infinite half-width, never a zero one.
    """
    values = np.asarray(values, np.float64)
    count = values.size
    if count < 2:
        return Estimate(float(values.mean()) if count else math.nan, math.inf, level, count)
    spread = float(values.std(ddof=1)) / math.sqrt(count)
    return Estimate(float(values.mean()), student_t(level, count - 1) * spread, level, count)


def ratio_interval(numerator: np.ndarray, denominator: np.ndarray, level: float = 0.95) -> Estimate:
    """Return E X / E Y from independent pairs (X, Y): ratio of means, delta-method interval.

    r = x-bar / y-bar,  r +- t_{n-1} s(X - r Y) / (sqrt(n) y-bar). The bias is of order 1/n; averaging the
    ratios X/Y instead would keep a bias that more replications do not remove. NaN if the denominators
    are all zero (nothing happened that could be averaged).
    """
    x, y = (np.asarray(v, np.float64) for v in np.broadcast_arrays(numerator, denominator))
    if not x.size or not np.any(y):
        return Estimate(math.nan, math.inf, level, int(x.size))
    ratio = float(x.mean() / y.mean())
    residual = mean_interval((x - ratio * y) / y.mean(), level)
    return Estimate(ratio, residual.half_width, level, int(x.size))


def batch_means(numerator: np.ndarray, denominator: np.ndarray, level: float = 0.95) -> Estimate:
    """Return the ratio of totals from consecutive batches of one path, with a Student t interval.

    The batches are treated as independent, which holds when they are much longer than the memory of the
    process: a lag-one correlation of the batch values above 2 / sqrt(batches) is named in ``method``.
    """
    x, y = (np.asarray(v, np.float64) for v in np.broadcast_arrays(numerator, denominator))
    estimate = ratio_interval(x, y, level)
    residual = x - estimate.mean * y
    method = "batch means"
    if residual.size > 2 and np.any(residual):
        lag_one = float(np.sum(residual[1:] * residual[:-1]) / np.sum(residual**2))
        if lag_one > 2 / math.sqrt(residual.size):
            method = "batch means, correlated: lengthen the horizon"
    return Estimate(estimate.mean, estimate.half_width, level, estimate.replications, method)


def paired_interval(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], level: float = 0.95
) -> Estimate:
    """Return E X1 / E Y1 - E X2 / E Y2 from replications run under common random numbers.

    Linearized per replication, so that what the two systems share cancels:
    D_i = (X1_i - r1 Y1_i) / y1-bar - (X2_i - r2 Y2_i) / y2-bar, half-width t_{n-1} s(D) / sqrt(n). NaN if
    the denominators of either are all zero.
    """

    def linear(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = (np.asarray(v, np.float64) for v in np.broadcast_arrays(x, y))
        ratio = float(x.mean() / y.mean())
        return ratio, (x - ratio * y) / y.mean()

    if not (np.any(first[1]) and np.any(second[1])):
        return Estimate(math.nan, math.inf, level, int(np.size(first[0])), "paired replications")
    (r1, d1), (r2, d2) = linear(*first), linear(*second)
    require(
        d1.shape == d2.shape,
        "replications",
        (d1.size, d2.size),
        "differ between the two results",
        "run both with the same seed and number of replications",
    )
    spread = mean_interval(d1 - d2, level)
    return Estimate(r1 - r2, spread.half_width, level, d1.size, "paired replications")
