"""Chapters 2 and 3: price mechanisms for deterministic programs, on the worked examples."""

from __future__ import annotations

import numpy as np

from jaxsim.experiments.mechanisms.claims import checked, holds, near, report
from jaxsim.models.mechanisms import problems
from jaxsim.models.mechanisms.price import price_equilibrium
from jaxsim.models.mechanisms.utilities import SquareRoot
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


def price_mechanism(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The instances of the proofs of chapters 2 and 3: equal division, Lemma 3.1.2, A = I (exact)."""
    checked(scale, seed)
    # section 2.2.1: N equal divisions and N units of every resource: one unit each, at p = alpha
    alpha = np.array([1.0, 1.3])
    uses = np.tile(np.eye(2), (3, 1, 1))
    even = price_equilibrium(SquareRoot(np.tile(alpha, (3, 1))), uses, [3.0, 3.0])
    claims = [
        near(
            "section 2.2.1: unequal division of 3 units among 3",
            0,
            float(np.max(np.abs(even.allocation - 1))),
            1e-9,
        ),
        *(near(f"price of resource {k + 1}", a, float(even.prices[k]), 1e-9) for k, a in enumerate(alpha)),
    ]
    # Lemma 3.1.2, N = 7 = 2 * 3 + 1: one group of q + 1 = 3 divisions, two of q = 2, one unit for each group
    groups = np.array([3, 2, 2])
    shared = price_equilibrium(SquareRoot(np.ones((7, 1))), np.repeat(np.eye(3), groups, axis=0), np.ones(3))
    note = "corrected: the printed multipliers 1/sqrt(q+1), 1/sqrt(q) are inverted"
    claims += [
        near(f"Lemma 3.1.2: multiplier of a group of {g}", float(g) ** 0.5, float(p), 1e-9, note)
        for g, p in zip(groups, shared.prices, strict=True)
    ]
    plain = problems.lp(rewards=(1, 1), consumption=((1, 0), (0, 1)), supplies=(1, 1))
    off = max(abs(v - 1) for v in (*plain["prices"], *plain["activities"]))
    claims.append(near("linear program A = I, b = 1: prices and activities from 1", 0, off, 1e-12))
    return report(
        "price_mechanism", "Price mechanism on the proofs' instances", "sections 2.2, 3.1, 3.2", claims, (),
        scale, seed,
    )  # fmt: skip
