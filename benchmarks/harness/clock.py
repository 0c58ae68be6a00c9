"""Time: CPU seconds of this process on a CPU, seconds by the wall clock on an accelerator; medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from benchmarks.harness.energy import joules


@dataclass(frozen=True)
class Timing:
    """Seconds of the first call, of each later one, their results, and the energy of the later ones."""

    first: float
    seconds: list[float]
    results: list[Any]
    joules: float | None

    @property
    def median(self) -> float:
        """The median of the later calls."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half the range, as a share of the median."""
        return (max(self.seconds) - min(self.seconds)) / 2 / self.median


def now() -> float:
    """Seconds since some moment."""
    return time.process_time() if jax.default_backend() == "cpu" else time.perf_counter()


def timed(call: Callable[[int], Any], repeats: int) -> Timing:
    """Call with 0 (which compiles), then with 1 .. repeats; results are waited for."""

    def one(number: int) -> tuple[float, Any]:
        start = now()
        result = jax.block_until_ready(call(number))
        return now() - start, result

    first, _ = one(0)
    spent = joules()
    pairs = [one(number) for number in range(1, repeats + 1)]
    after = joules()
    used = after - spent if spent is not None and after is not None else None
    return Timing(first, [s for s, _ in pairs], [r for _, r in pairs], used)
