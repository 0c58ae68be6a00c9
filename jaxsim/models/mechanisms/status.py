"""How a solver ended: numbers are returned for SOLVED only, NaN with the reason otherwise."""

from __future__ import annotations

from typing import Any

SOLVED = 0
"""The optimality conditions hold to the stated tolerance."""
NOT_CONVERGED = 1
"""The iteration ended (limit, rounding, or no interior point) before the conditions held."""
INFEASIBLE = 2
"""No allocation meets the resource constraints."""
UNBOUNDED = 3
"""The objective grows without bound on the feasible set."""

REASONS = {
    SOLVED: "solved",
    NOT_CONVERGED: "not converged",
    INFEASIBLE: "infeasible",
    UNBOUNDED: "unbounded",
}


class NoEquilibrium(ArithmeticError):
    """A problem has no solution, or none was found: the message says which."""


def demand_solved(status: Any, what: str, *, remedy: str = "") -> None:
    """Raise `NoEquilibrium` unless one instance is SOLVED; ``remedy`` replaces the usual one."""
    code = int(status)
    if code != SOLVED:
        raise NoEquilibrium(f"{what}: {REASONS[code]}; {remedy or _REMEDY[code]}")


_REMEDY = {
    NOT_CONVERGED: "check that the feasible region has an interior point and rescale extreme parameters",
    INFEASIBLE: "raise the supplies or lower the consumption that cannot be avoided",
    UNBOUNDED: "every activity whose utility grows for ever must use some resource on balance",
}
