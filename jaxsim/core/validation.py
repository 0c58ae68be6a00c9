"""Refuse bad input before anything is traced, in one line that names the field, the value and the remedy."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np

from jaxsim.core.errors import InvalidInput, MissingExtra

__all__ = [
    "InvalidInput",
    "MissingExtra",
    "choice",
    "distribution",
    "integer",
    "non_negative",
    "numbers",
    "positive",
    "probability",
    "refuse",
    "require",
    "scalar",
]


def refuse(field: str, value: Any, problem: str, remedy: str) -> NoReturn:
    """Raise `InvalidInput`."""
    raise InvalidInput(field, value, problem, remedy)


def require(condition: bool, field: str, value: Any, problem: str, remedy: str) -> None:
    """Raise `InvalidInput` unless the condition holds."""
    if not condition:
        refuse(field, value, problem, remedy)


def numbers(field: str, value: Any) -> np.ndarray:
    """Return the value as a finite float64 array; refuse text, NaN and infinity."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        refuse(field, value, "is not a number", "give a number, or numbers separated by commas")
    require(bool(np.all(np.isfinite(array))), field, value, "is not finite", "give finite numbers")
    return array


def scalar(field: str, value: Any, check: Callable[[str, Any], np.ndarray] | None = None) -> float:
    """Return the value as one float that passes the check: `numbers`, `positive`, `probability`, ..."""
    array = (check or numbers)(field, value)
    require(array.ndim == 0, field, value, "is not a single number", "give one number")
    return float(array)


def positive(field: str, value: Any) -> np.ndarray:
    """Return the value as an array of numbers > 0."""
    array = numbers(field, value)
    require(
        array.size > 0 and bool(np.all(array > 0)), field, value, "must be positive", "give a number above 0"
    )
    return array


def non_negative(field: str, value: Any) -> np.ndarray:
    """Return the value as an array of numbers >= 0."""
    array = numbers(field, value)
    require(bool(np.all(array >= 0)), field, value, "must not be negative", "give 0 or a number above it")
    return array


def probability(field: str, value: Any) -> np.ndarray:
    """Return the value as an array of numbers in [0, 1]."""
    array = numbers(field, value)
    ok = bool(np.all((array >= 0) & (array <= 1)))
    require(ok, field, value, "is not a probability", "give a number between 0 and 1")
    return array


def distribution(field: str, value: Any, *, tolerance: float = 1e-9) -> np.ndarray:
    """Return the value as an array whose last axis holds probability distributions."""
    array = probability(field, value)
    total = np.sum(array, axis=-1)
    ok = bool(np.all(np.abs(total - 1) <= tolerance))
    require(ok, field, value, "does not sum to 1", "make each row a probability distribution")
    return array


def integer(field: str, value: Any, *, low: int | None = None, high: int | None = None) -> int:
    """Return the value as an int in [low, high]; 5.0 and '5' pass, 5.5, True and 'five' do not."""
    bounds = {
        (True, True): f" from {low} to {high}", (True, False): f" >= {low}", (False, True): f" <= {high}",
    }  # fmt: skip
    wanted = f"give a whole number{bounds.get((low is not None, high is not None), '')}"
    if isinstance(value, bool | np.bool_):
        refuse(field, value, "is not a whole number", wanted)
    try:
        number = float(value) if not isinstance(value, int | np.integer) else int(value)
    except (TypeError, ValueError):
        refuse(field, value, "is not a whole number", wanted)
    whole = isinstance(number, int) or (math.isfinite(number) and number == int(number))
    require(whole, field, value, "is not a whole number", wanted)
    ok = (low is None or number >= low) and (high is None or number <= high)
    require(ok, field, value, "is out of range", wanted)
    return int(number)


def choice(field: str, value: Any, allowed: Iterable[str]) -> str:
    """Return the value if it is one of the allowed names; suggest the nearest name otherwise."""
    names = list(allowed)
    if value not in names:
        near = difflib.get_close_matches(str(value), names, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        refuse(field, value, "is not known", f"{hint}choose one of: {', '.join(names)}")
    return value
