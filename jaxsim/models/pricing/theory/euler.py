"""Projected Euler exactly: the chain W_{i+1} = max(0, W_i + X_{i+1}) with normal steps, without simulation.

Its mean from 0 is Spitzer's sum, E W_n = sum_{k <= n} E max(0, S_k) / k, S_k normal with mean k b h and
variance k sigma^2 h. Its law comes from a recursion on a grid: a convolution with the step's law, then the
mass below 0 is put on 0.

Source: Spitzer (1956), A combinatorial lemma and its application to probability theory; Lindley (1952).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import integer, positive, scalar


def mean(step: Real, steps: Whole, drift: Real, variance: Real) -> float:
    """Return E W_n from an empty system (exact)."""
    h, v = scalar("step", step, positive), scalar("variance", variance, positive)
    k = np.arange(1.0, integer("steps", steps, low=1) + 1.0)
    m, s = k * h * scalar("drift", drift), np.sqrt(k * h * v)
    z = m / s
    upper = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in z])
    positive_part = m * upper + s * np.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)
    return float(np.sum(positive_part / k))


class Law(NamedTuple):
    """Masses on the grid: of the workload, and of the paths that never were at 0 after the start."""

    grid: np.ndarray
    mass: np.ndarray
    never: np.ndarray


def law(
    step: Real, steps: Whole, drift: Real, variance: Real, *, cells: Whole = 4096, top: Real | None = None
) -> Law:
    """Return the law of W_n from an empty system.

    Args:
        step, steps, drift, variance: h, n, b and sigma^2. cells, top: of the grid; by default up to 10
            standard deviations at n h, or 20 stationary means, whichever is less.

    A step's law is put on the grid with its variance less that of a cell, so that the mean errs by O(cell^2).
    """
    h, v, b = (
        scalar("step", step, positive),
        scalar("variance", variance, positive),
        scalar("drift", drift),
    )
    n, count = integer("steps", steps, low=1), integer("cells", cells, low=64)
    spread = 10.0 * math.sqrt(n * h * v) + max(b, 0.0) * n * h
    reach = min(spread, 10.0 * v / -b) if b < 0 else spread
    width = (reach if top is None else scalar("top", top, positive)) / count
    deviation = math.sqrt(max(h * v - width * width / 12.0, 0.25 * h * v))
    edges = (np.arange(-count, count + 1) - 0.5) * width
    below = np.array([0.5 * math.erfc((b * h - x) / (deviation * math.sqrt(2.0))) for x in edges])
    kernel = np.fft.rfft(np.roll(np.diff(below), -count))
    mass = np.zeros(count)
    mass[0] = 1.0
    never = mass.copy()
    for _ in range(n):
        moved = np.fft.irfft(np.fft.rfft(mass, 2 * count) * kernel, 2 * count)
        mass = moved[:count]
        mass[0] += moved[count:].sum()
        moved = np.fft.irfft(np.fft.rfft(never, 2 * count) * kernel, 2 * count)
        never = moved[:count]
        # The cell around 0 holds paths on both sides of it: half of them went below.
        never[0] *= 0.5
    return Law(np.arange(count) * width, mass, never)
