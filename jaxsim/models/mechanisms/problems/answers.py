"""What the problems share: answers as plain values, and solvers' reasons as refusals of the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxsim.core.validation import refuse
from jaxsim.models.mechanisms.status import NoEquilibrium

Answer = dict[str, Any]


def solved(field: str, value: Any, solve: Callable[[], Any]) -> Any:
    """Return the solution, or refuse the input with the solver's reason."""
    try:
        return solve()
    except NoEquilibrium as reason:
        problem, _, remedy = str(reason).partition("; ")
        refuse(field, value, f"gives no equilibrium ({problem})", remedy)


def plain(array: Any) -> Any:
    return np.asarray(array, np.float64).tolist()
