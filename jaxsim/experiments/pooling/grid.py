"""The finite system against exact laws over a grid of rates, phi, N and C, with the exceedances counted."""

from __future__ import annotations

import itertools
import math

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.experiments.pooling.common import Draft, run, scaled
from jaxsim.models.pooling.theory import chain
from jaxsim.results.report import Claim, Curve, Panel, Report
from jaxsim.statistics import Estimate, student_t

_REPLICATIONS = {10: 512, 100: 128, 1000: 64}


def poisson_tail(mean: float, count: int) -> float:
    """Return P(X >= count) of a Poisson variable."""
    return 1 - sum(math.exp(-mean) * mean**i / math.factorial(i) for i in range(count))


def grid(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Own queues, rates of help, boundary probabilities, costs and success of offers, in standard errors.

    Each comparison is |simulated - exact| in standard errors. Of M independent normal ones 0.0027 M exceed 3;
    comparisons of one cell are correlated, so that exceedances come in groups. The verdict allows what a
    Poisson variable of that mean exceeds with probability 0.001.
    """
    draft = Draft("grid", "Simulation against exact laws", "sections 5 and 6", scale, seed)
    rates = (0.5, 0.8, 0.9)
    phis = scaled(scale, (0.1, 0.5, 0.9), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95))
    counts, caps = scaled(scale, ((10, 100), (20,)), ((10, 100, 1000), (20, 100)))
    scores: list[tuple[float, str]] = []
    pools: list[Claim] = []
    for servers, cap, rate, phi in itertools.product(counts, caps, rates, phis):
        keys = {"servers": servers, "token_cap": cap, "arrival_rate": rate, "token_probability": phi}
        horizon = scaled(scale, 200.0, 500.0)
        found = run(keys, seed=int(seed), replications=_REPLICATIONS[servers], horizon=horizon)
        law = chain.server_law(rate, phi, cap)
        exact = {
            "jobs_per_server": float(law.queue),
            "help_request_rate": float(law.requests),
            "help_offer_rate": float(law.offers),
            "token_boundary_probability": float(law.boundary),
            "help_success": phi,
        }
        for name, value in exact.items():
            z = abs(found[name].mean - value) / found[name].standard_error
            scores.append((z, f"{name} at lambda {rate}, phi {phi}, N {servers}, C {cap}"))
        if phi >= rate and servers == max(counts):
            pools.append(_pool(rate, phi, servers, cap, found["pool_jobs"]))
    worst, where = max(scores)
    bound = _normal(0.999 ** (1 / len(scores)))
    many, expected = sum(z > 3 for z, _ in scores), 0.0027 * len(scores)
    chance = poisson_tail(expected, many)
    claims = [
        Claim(
            f"comparisons beyond 3 standard errors, of {len(scores)}",
            expected,
            float(many),
            verdict="reproduced" if chance > 0.001 else "not reproduced",
            note=f"a Poisson variable of mean {expected:.2f} reaches that with probability {chance:.3f}",
        ),
        Claim(
            "largest deviation in standard errors",
            f"below {bound:.2f} with probability 0.999",
            worst,
            verdict="reproduced" if worst < bound else "not reproduced",
            note=where,
        ),
    ]
    order = np.sort([z for z, _ in scores])
    normal = np.array([_normal((i + 0.5) / len(order)) for i in range(len(order))])
    curves = (
        Curve("comparisons", tuple(normal), tuple(order), style="points"),
        Curve("exact normal law", (0.0, float(normal[-1])), (0.0, float(normal[-1]))),
    )
    panel = Panel("Simulation against exact laws", "quantile of |Z|", "deviation in standard errors", curves)
    return draft.report([*claims, *pools], (panel,))


def _pool(rate: float, phi: float, servers: int, cap: int, jobs: Estimate) -> Claim:
    """For phi >= lambda the pool is M/M/1 with phi, up to what the cap takes from its Poisson streams."""
    limit = phi / (1 - phi)
    near = abs(jobs.mean - limit) <= 3 * jobs.standard_error + 0.05 * limit
    return Claim(
        f"jobs in the pool at lambda {rate}, phi {phi}, N = {servers}, C = {cap}",
        limit,
        jobs.mean,
        jobs.half_width,
        "reproduced" if near else "ambiguous",
        "exact for unlimited tokens only; judged to 5 % and three standard errors",
    )


def _normal(p: float) -> float:
    """Return the z that |Z| stays below with probability p, Z standard normal."""
    return student_t(p, 10**6)
