"""How large messages must be, and how many are exchanged: dimensions, matching, tatonnement."""

from __future__ import annotations

import functools

import numpy as np

from jaxsim.engine import simulate
from jaxsim.experiments.mechanisms.claims import checked, holds, near, report
from jaxsim.models.mechanisms import matching, policies
from jaxsim.models.mechanisms.dimensions import table
from jaxsim.models.mechanisms.system import system
from jaxsim.results.report import Claim, Curve, Panel, Report, Verdict


def message_dimensions(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Every theorem on the size of messages beside ranks of Jacobians on its test class (paper: two
    sizes).
    """
    checked(scale, seed)
    sizes = [{"divisions": 4, "kinds": 2, "contingencies": 3}]
    if scale == "paper":
        sizes.append({"divisions": 7, "kinds": 3, "contingencies": 5})
    claims = []
    for size in sizes:
        label = ", ".join(f"{name} {value}" for name, value in size.items())
        for row in table(**size):
            good = row.size == row.message == row.theorem and row.unique
            note = f"{label}; the mechanism at hand announces {row.announced}"
            verdict: Verdict = "reproduced" if good else "not reproduced"
            claims.append(Claim(row.case, float(row.theorem), float(row.message), verdict=verdict, note=note))
    return report(
        "message_dimensions",
        "Minimum sizes of message spaces",
        "chapters 2 to 5",
        tuple(claims),
        (),
        scale,
        seed,
    )


def matching_by_prices(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Random matchings: rents support the optimum, the dual program agrees, and frame 1 cannot be decided
    early.
    """
    checked(scale, seed)
    rng = np.random.default_rng(seed)
    gaps, residuals = [], []
    for _ in range(5 if scale == "smoke" else 50):
        values = rng.random((7, 4))
        found = matching.match_users(values)
        gaps.append(abs(float(found.value) - matching.matching_program(values)[0]))
        residuals.append(float(found.residual))
    losses = matching.first_frame_losses(4)
    claims = (
        near("largest gap between matching and dual program", 0.0, max(gaps), 1e-9),
        near("largest violation of (5.2), (5.3)", 0.0, max(residuals), 1e-9),
        holds(
            "a first assignment made from first-frame values alone loses",
            "for every later frame",
            ", ".join(f"{x:.2f}" for x in losses[1:]),
            bool(np.all(losses[1:] > 0.5)),
        ),
    )
    return report(
        "matching_by_prices",
        "Matching users and time frames",
        "section 5.3",
        claims,
        (),
        scale,
        seed,
    )


def tatonnement(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Rounds and messages until random economies clear, by number of resources (no numbers are stated in
    the text).
    """
    checked(scale, seed)
    replications, horizon = (16, 300.0) if scale == "smoke" else (256, 4000.0)
    kinds = (1, 3) if scale == "smoke" else (1, 2, 3, 5, 8, 10)
    claims, rounds = [], []
    for k in kinds:
        here = system(resources=k)
        run = functools.partial(
            simulate, here.kernel, params=here.params, replications=replications, horizon=horizon
        )
        found = run(policies.adaptive(here), seed=seed).estimates
        estimate = found["rounds_to_clear"]
        rounds.append(estimate)
        claims.append(
            Claim(
                f"rounds until 10 divisions clear {k} resources",
                None,
                float(estimate.mean),
                float(estimate.half_width),
                note="adaptive rule, residual 1e-3",
            )
        )
    curve = Curve(
        "adaptive",
        tuple(float(k) for k in kinds),
        tuple(float(e.mean) for e in rounds),
        tuple(float(e.half_width) for e in rounds),
    )
    panel = Panel("Rounds of exchange per economy", "resources", "rounds", (curve,))
    return report(
        "tatonnement",
        "Tatonnement in random economies",
        "section 2.2, extended",
        tuple(claims),
        (panel,),
        scale,
        seed,
    )
