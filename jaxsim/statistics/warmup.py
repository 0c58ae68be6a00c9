"""Where the initial transient ends."""

from __future__ import annotations

import numpy as np


def mser5(series: np.ndarray, batch: int = 5) -> int:
    """Return how many leading values of a series to discard: MSER-5.

    The series is averaged over batches of five; the truncation d minimizes the squared standard error of
    what is left, sum_{i>d} (z_i - mean_d)^2 / (n - d)^2, over the first half of the batches.

    Args:
        series: values in order of time, already averaged over replications where there are several.
        batch: values per batch.

    Returns:
        A multiple of ``batch``. A minimum at the end of the admissible half means that no steady state was
        seen; then the length of the series is returned, so that the caller can refuse.

    Source: White, Cobb, Spratt (2000), "A comparison of five steady-state truncation heuristics".
    """
    series = np.asarray(series, np.float64)
    count = series.size // batch
    if count < 4:
        return 0
    z = series[: count * batch].reshape(count, batch).mean(axis=1)
    score = [np.var(z[d:]) / (count - d) for d in range(count // 2 + 1)]
    best = int(np.argmin(score))
    return series.size if best == count // 2 and best > 0 and score[best] < score[best - 1] else best * batch
