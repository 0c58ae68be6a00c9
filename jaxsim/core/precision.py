"""Double precision where theory needs it, whatever the precision of the simulation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax

P = ParamSpec("P")
T = TypeVar("T")


def float64(function: Callable[P, T]) -> Callable[P, T]:
    """Run a solver with 64-bit types on, as a decorator: ``jax.enable_x64`` inside, unchanged outside.

    Simulation runs in 32 bits for speed; closed forms, linear algebra and dynamic programs are the oracles
    that it is tested against, so they run in 64. Arguments should be Python or numpy numbers, which then
    become float64 arrays; the result keeps its 64 bits.
    """

    @functools.wraps(function)
    def in_double(*args: P.args, **kwargs: P.kwargs) -> T:
        with jax.enable_x64(True):
            return function(*args, **kwargs)

    return in_double
