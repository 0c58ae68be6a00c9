"""The game of figure 11 beside constant prices as a scalar loop in numba: the C++ loop's twin."""

# pyright: reportMissingImports=false
from __future__ import annotations

import functools
from typing import Any

import numpy as np

NAMES = ("workload", "cost_difference", "queue_2", "price_1")


@functools.lru_cache(maxsize=1)
def program() -> Any:
    """Compile the loop: (paths, steps, seed) -> averages of every path."""
    import numba

    f = np.float32

    @numba.njit(fastmath=True, inline="always")
    def pareto(p1: Any, p2: Any, c: Any, w: Any) -> Any:
        s1 = p1 * p1 * f(0.1) / c
        s2 = f(2) * p2 * p2 * p2 * f(0.05) * f(0.05) / (c * c * c)
        g = s1 / s2
        x = f(2) * w * w / (f(2) * w + g + np.sqrt(g) * np.sqrt(g + f(4) * w))
        y = f(2) * w / (f(1) + np.sqrt(f(1) + f(4) * w / g))
        return s1 * x * x / f(2) + s2 * y * y * y / f(3), f(0.05) * y

    @numba.njit(fastmath=True)
    def run(paths: Any, steps: Any, seed: Any) -> Any:
        np.random.seed(seed)
        out = np.zeros((paths, 4))
        h = f(0.04)
        v, b = f(107000) * h, f(-34) * h
        sd = np.sqrt(v)
        for i in range(paths):
            w, p1, p2 = f(0), f(9), f(3)
            workload = difference = queue = price = 0.0
            for _ in range(steps):
                d = b + sd * f(np.random.standard_normal())
                fall = f(0.5) * (np.sqrt(d * d - f(2) * v * np.log(f(1.0 - np.random.random()))) - d)
                emptied = fall >= w
                w = d + max(w, fall)
                if emptied:
                    p1, p2 = f(0.64), f(0.8)
                cost, second = pareto(p1, p2, f(1000), w)
                reference, _unused = pareto(f(1), f(1), f(1000), w)
                kappa = p1 * p1 / (p2 * p2 * p2)
                p1, p2 = max(kappa * kappa, f(0.64)), max(kappa, f(0.8))
                workload += w
                difference += cost - reference
                queue += second
                price += p1
            out[i] = workload / steps, difference / steps, queue / steps, price / steps
        return out

    return run


def averages(paths: int, steps: int, seed: int) -> dict[str, tuple[float, float]]:
    """Mean over paths of the averages over steps, with standard errors."""
    found = program()(paths, steps, seed)
    means, errors = found.mean(axis=0), found.std(axis=0, ddof=1) / paths**0.5
    return {name: (float(m), float(e)) for name, m, e in zip(NAMES, means, errors, strict=True)}
