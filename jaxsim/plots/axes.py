"""Scales and tick labels that do not run into each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

LABELS_APART = 0.11
"""Least distance of two tick labels, as a share of a logarithmic axis."""


def plain_number(value: float) -> str:
    """Return a tick label: 0.05, 20, 3500, 1e6, 2.5e-5."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:g}"
    power = math.floor(math.log10(abs(value)))
    digits = f"{value / 10.0**power:g}"
    return f"{digits}e{power}"


def log_ticks(low: float, high: float, data: Iterable[float] = ()) -> list[float]:
    """Return places for labels on a log axis: the data's own where they are few, else 1, 2, 5 or decades.

    Of labels that would overlap the first is kept, from the ends inwards.
    """
    own = sorted({float(v) for v in data if low <= v <= high})
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    round_ = [m * 10.0**d for d in decades for m in (1, 2, 5)]
    round_ = [v for v in round_ if low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]
    powers = [v for v in round_ if math.isclose(math.log10(v), round(math.log10(v)), abs_tol=1e-9)]
    for candidates in ((own if 2 <= len(own) <= 7 else []), round_ if len(round_) <= 6 else [], powers):
        if len(candidates) >= 2:
            return _apart(candidates, math.log(high / low))
    return _apart(_even(low, high), math.log(high / low))  # less than half a decade


def _even(low: float, high: float) -> list[float]:
    """Return two to six multiples of 1, 2, 2.5 or 5 times a power of ten."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(m for m in (1, 2, 2.5, 5, 10) if m * power >= rough)
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _apart(ticks: list[float], length: float) -> list[float]:
    kept: list[float] = []
    for place in [*ticks[:1], *ticks[:0:-1]]:  # the first, then from the last downwards
        if all(abs(math.log(place / other)) >= LABELS_APART * length for other in kept):
            kept.append(place)
    return sorted(kept)


def make_log(library: Any, axis: Any, which: str, data: Iterable[float] = ()) -> None:
    """Make the x or y axis logarithmic, with few plain labels; unlabelled minor ticks are left out."""
    getattr(axis, f"set_{which}scale")("log")
    low, high = getattr(axis, f"get_{which}lim")()
    ruler = getattr(axis, f"{which}axis")
    ticks = log_ticks(low, high, data)
    ruler.set_major_locator(library.ticker.FixedLocator(ticks))
    ruler.set_major_formatter(library.ticker.FuncFormatter(lambda value, _: plain_number(value)))
    ruler.set_minor_locator(library.ticker.NullLocator())


def make_linear(library: Any, axis: Any, which: str, data: Iterable[float] = ()) -> None:
    """Give the x or y axis at most six labels; whole numbers where the data are whole."""
    numbers = np.asarray(list(data), float)
    numbers = numbers[np.isfinite(numbers)]
    whole = numbers.size > 0 and bool(np.all(numbers == np.round(numbers)))
    locator = library.ticker.MaxNLocator(6, integer=whole, steps=[1, 2, 2.5, 5, 10])
    getattr(axis, f"{which}axis").set_major_locator(locator)
