"""Figures 1a and 1b, and Theorem 5.2: how much servers help each other, and the best token probability."""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.experiments.pooling.common import Draft, agrees, run, scaled
from jaxsim.models.pooling.theory import chain, fluid, tuning
from jaxsim.results.report import Claim, Curve, Panel, Report

_RATE = 0.8


def figure_1(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Rates of requesting and offering help and own queues against phi at lambda = 0.8, exact and simulated.

    Curves are the fluid closed forms; points are 100 servers with a cap of 100 tokens, which the exact chain
    explains (the cap moves queues up by O(1/C)).
    """
    draft = Draft("figure_1", "Helping and queueing", "figure 1", scale, seed)
    grid = np.linspace(0.05, 0.98, scaled(scale, 40, 200))
    points = scaled(scale, (0.3, 0.6, 0.8, 0.9), tuple(np.round(np.arange(0.1, 0.96, 0.05), 2)))
    found = [
        run(
            {"servers": 100, "arrival_rate": _RATE, "token_probability": phi, "token_cap": 100},
            seed=seed,
            replications=scaled(scale, 128, 512),
            horizon=scaled(scale, 100.0, 1000.0),
        )
        for phi in points
    ]
    exact = [chain.server_law(_RATE, phi, 100) for phi in points]
    names = {"help_offer_rate": "offers", "help_request_rate": "requests", "jobs_per_server": "queue"}
    claims = tuple(
        Claim(
            f"{name} at phi = {phi}, N = C = 100",
            float(getattr(fluid.rates(_RATE, phi), field)),
            r[name].mean,
            r[name].half_width,
            "reproduced" if agrees(r[name], float(getattr(law, field))) else "not reproduced",
            f"the paper's tokens are unlimited; at C = 100 it is {float(getattr(law, field)):.5f} exactly",
        )
        for phi, r, law in zip(points, found, exact, strict=True)
        for name, field in names.items()
    )
    theory = [fluid.rates(_RATE, phi) for phi in grid]

    def curves(name: str, field: str, label: str) -> tuple[Curve, Curve]:
        line = Curve(label, tuple(grid), tuple(getattr(x, field) for x in theory))
        means, halves = zip(*((r[name].mean, r[name].half_width) for r in found), strict=True)
        return line, Curve(f"{label}, simulated", tuple(points), means, halves, "points")

    rates = curves("help_offer_rate", "offers", "offering") + curves(
        "help_request_rate", "requests", "requesting"
    )
    panels = (
        Panel("Figure 1a", "token probability phi", "rate per unit of time", rates),
        Panel(
            "Figure 1b",
            "token probability phi",
            "jobs in a server's queue",
            curves("jobs_per_server", "queue", "queue"),
        ),
    )
    return draft.report(claims, panels)


def theorem_5_2(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """The cost of a system against phi: the minimum is at phi = lambda, as N and C grow and before."""
    draft = Draft("theorem_5_2", "The best token probability", "Theorem 5.2", scale, seed)
    sizes = scaled(scale, ((10, 20), (100, 20)), ((10, 20), (10, 100), (100, 20), (100, 100), (1000, 100)))
    grid = (0.5, 0.65, 0.75, 0.8, 0.85, 0.95)
    claims, curves = [], []
    for servers, cap in sizes:
        keys = {"servers": servers, "arrival_rate": _RATE, "token_cap": cap}
        costs = [
            run(
                {**keys, "token_probability": phi},
                seed=seed,
                replications=scaled(scale, 64, 512),
                horizon=scaled(scale, 300.0, 2000.0),
            )["cost_per_server"]
            for phi in grid
        ]
        best = grid[int(np.argmin([c.mean for c in costs]))]
        theory = tuning.tune_chain(_RATE, servers, cap).token_probability
        claims.append(
            Claim(
                f"optimal phi, N = {servers}, C = {cap}, on a grid",
                _RATE,
                best,
                verdict="reproduced" if best == _RATE else "not reproduced",
                note=f"exact chain with the pool at its limit: {theory:.6f}",
            )
        )
        means, halves = zip(*((c.mean, c.half_width) for c in costs), strict=True)
        curves.append(Curve(f"N = {servers}, C = {cap}", grid, means, halves))
    panel = Panel("Theorem 5.2", "token probability phi", "cost per server and unit of time", tuple(curves))
    return draft.report(claims, (panel,))
