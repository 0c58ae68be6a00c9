"""Control variates: what is known about one number makes the interval of another one shorter."""

from __future__ import annotations

import numpy as np

from jaxsim.statistics.intervals import Estimate, ratio_interval, student_t


def controlled_interval(
    numerator: np.ndarray, denominator: np.ndarray, controls: np.ndarray, means: np.ndarray,
    level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Return E X / E Y by regression on controls C whose means mu are known.

    With r = x-bar / y-bar and D_i = (X_i - r Y_i) / y-bar the estimate is r - b . (c-bar - mu), b the least
    squares coefficients of D on C, with a Student t interval from the residuals on n - 1 - k degrees of
    freedom. The bias is of order 1 / n.

    Args:
        numerator, denominator: (n,). controls: (n, k). means: (k,).

    Returns:
        The plain interval where no control varies.

    Source: Lavenberg and Welch (1981), "A perspective on the use of control variables to increase the
    efficiency of Monte Carlo simulations".
    """
    x, y = (np.asarray(v, np.float64) for v in np.broadcast_arrays(numerator, denominator))
    plain = ratio_interval(x, y, level)
    away = np.asarray(controls, np.float64) - np.asarray(means, np.float64)
    away = away[:, np.ptp(away, axis=0) > 0]
    degrees = x.size - 1 - away.shape[1]
    if not away.size or degrees < 1 or not np.isfinite(plain.mean):
        return plain
    middle = away.mean(axis=0)
    linear = (x - plain.mean * y) / y.mean()
    slopes = np.linalg.lstsq(away - middle, linear, rcond=None)[0]
    left = linear - (away - middle) @ slopes
    half = student_t(level, degrees) * float(np.sqrt(left @ left / degrees / x.size))
    return Estimate(plain.mean - float(middle @ slopes), half, level, x.size, "control variates")
