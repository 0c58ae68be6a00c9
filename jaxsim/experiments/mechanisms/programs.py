"""Chapters 2 and 3: price mechanisms for deterministic programs, on the worked examples."""

from __future__ import annotations

from jaxsim.experiments.mechanisms.claims import checked, holds, near, report
from jaxsim.models.mechanisms import problems
from jaxsim.results.report import Report


def joint_cost(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The non-separable example: optimum with the externality price, and what is lost without it (exact)."""
    checked(scale, seed)
    found = problems.nonseparable()
    lost = found["welfare"] - found["welfare_without_externality_price"]
    claims = (
        near("x_1", 0.144, found["activities"][0], 1e-10),
        near("x_2", 0.256, found["activities"][1], 1e-10),
        near("lambda", 3.0622776602, found["price"], 1e-9),
        near(
            "x_1 without the externality price",
            0.14559134,
            found["activities_without_externality_price"][0],
            1e-8,
        ),
        holds("ignoring the externality is inefficient", "less welfare", f"{lost:.3e} less", lost > 0),
    )
    return report(
        "joint_cost",
        "Joint cost of two divisions",
        "section 3.3",
        claims,
        (),
        scale,
        seed,
    )
