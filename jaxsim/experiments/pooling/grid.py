"""The finite system against exact laws over a grid of rates, phi, N and C, with the exceedances counted."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.engine import simulate
from jaxsim.experiments.pooling.common import Draft, agrees, scaled
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.stationary import started
from jaxsim.models.pooling.theory import chain
from jaxsim.results import Result
from jaxsim.results.report import Claim, Curve, Panel, Report
from jaxsim.statistics import Estimate, ratio_interval, student_t

_REPLICATIONS = {10: 256, 100: 128, 1000: 64}
_HORIZON = {10: 500.0, 100: 500.0, 1000: 200.0}


class Cell(NamedTuple):
    """One point of the grid."""

    servers: int
    cap: int
    rate: float
    phi: float

    def __str__(self) -> str:
        """Say where the cell is."""
        return f"lambda {self.rate}, phi {self.phi}, N {self.servers}, C {self.cap}"


class Comparison(NamedTuple):
    """A simulated number and the exact one; p: two-sided tail probability of Student's t."""

    name: str
    found: Estimate
    exact: float

    @property
    def deviation(self) -> float:
        """The deviation in standard errors."""
        return abs(self.found.mean - self.exact) / self.found.standard_error

    @property
    def p(self) -> float:
        """The probability of a larger deviation, if the exact number is the mean."""
        return tail(self.deviation, self.found.replications - 1)


def tail(deviation: float, freedom: int) -> float:
    """Return P(|T| > deviation) of Student's t with that many degrees of freedom."""
    from jax.scipy.special import betainc

    return float(betainc(freedom / 2, 0.5, freedom / (freedom + deviation**2)))


def poisson_tail(mean: float, count: int) -> float:
    """Return P(X >= count) of a Poisson variable."""
    return 1 - sum(math.exp(-mean) * mean**i / math.factorial(i) for i in range(count))


def _simulate(cell: Cell, seed: Whole) -> tuple[Result, chain.Law]:
    """Run a cell: servers start stationary; the pool warms up, by its own relaxation time and the tokens'.

    Tokens relax in C^2 / (pi^2 R). They move the pool's law by O(1/N) only, so that 20/N of it suffices.
    """
    n, cap, rate, phi = cell
    law = chain.server_law(rate, phi, cap)
    pool = 1 / (n * float(law.offers) * (1 - math.sqrt(phi)) ** 2)
    tokens = cap**2 / (math.pi**2 * float(law.requests))
    described = started(system(servers=n, token_cap=cap, arrival_rate=rate, token_probability=phi))
    found = simulate(
        described.kernel,
        policies.fmfe(described),
        described.params,
        seed=int(seed),
        replications=_REPLICATIONS[n],
        horizon=_HORIZON[n],
        warmup=float(math.ceil(10 * pool + 20 * tokens / n)),
    )
    return found, law


def _exact(cell: Cell, found: Result, law: chain.Law) -> list[Comparison]:
    """Return what is known exactly at every N and C; of the cost, all but the pool's part."""
    exact = {
        "jobs_per_server": float(law.queue),
        "help_request_rate": float(law.requests),
        "help_offer_rate": float(law.offers),
        "token_boundary_probability": float(law.boundary),
        "help_success": cell.phi,
    }
    known = [Comparison(f"{name} at {cell}", found[name], value) for name, value in exact.items()]
    cost, time = (found.samples[f"cost_per_server.{side}"] for side in ("numerator", "denominator"))
    pool = found.samples["pool_jobs.numerator"] / found.samples["pool_jobs.denominator"]
    without = ratio_interval(cost - time * pool / cell.servers, time)
    return [*known, Comparison(f"cost without the pool at {cell}", without, float(law.queue) + cell.rate)]


def _cells(scale: str) -> list[Cell]:
    """Return the grid; at the smoke scale with the one cell that shows what C = 100 changes."""
    phis = scaled(scale, (0.1, 0.5, 0.9), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95))
    counts, caps = scaled(scale, ((10, 100), (20,)), ((10, 100, 1000), (20, 100)))
    cells = [Cell(*c) for c in itertools.product(counts, caps, (0.5, 0.8, 0.9), phis)]
    return cells + scaled(scale, [Cell(100, 100, 0.9, 0.9)], [])


def grid(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Own queues, rates of help, boundary probabilities, costs and success of offers, in standard errors.

    Servers start from their exact law. Each comparison is |simulated - exact| in standard errors, and the
    number beyond 3 is set against its mean under Student's t. Comparisons of one cell are correlated, so
    that exceedances come in groups; the verdict asks whether a Poisson variable of that mean reaches the
    number with probability above 0.001. The pool's length phi/(1 - phi), its wait and its part of the cost
    are known in the limit of many servers only, and are judged by how they approach it.
    """
    draft = Draft("grid", "Simulation against exact laws", "sections 5 and 6", scale, seed)
    comparisons: list[Comparison] = []
    found: dict[Cell, Result] = {}
    laws: dict[Cell, chain.Law] = {}
    for cell in _cells(scale):
        found[cell], laws[cell] = _simulate(cell, seed)
        comparisons += _exact(cell, found[cell], laws[cell])
    claims = [_exceedances("comparisons with exact laws", comparisons), _worst(comparisons)]
    most = max(cell.servers for cell in found)
    costs = [
        Comparison(
            f"cost at {c}", found[c]["cost_per_server"], float(laws[c].queue) + _pool(c) / most + c.rate
        )
        for c in found
        if c.servers == most
    ]
    claims.append(_exceedances(f"whole costs at N = {most}, the pool at its limit,", costs))
    claims += [_full_pooling(cap, most, found) for cap in (20, 100)]
    claims += _approach(found)
    return draft.report(claims, (_quantiles(comparisons), _costs(found, laws)))


def _pool(cell: Cell) -> float:
    return cell.phi / (1 - cell.phi)


def _exceedances(what: str, comparisons: list[Comparison]) -> Claim:
    expected = sum(tail(3.0, c.found.replications - 1) for c in comparisons)
    many = sum(c.deviation > 3 for c in comparisons)
    chance = poisson_tail(expected, many)
    return Claim(
        f"{what} beyond 3 standard errors, of {len(comparisons)}",
        f"{expected:.2f} expected",
        float(many),
        verdict="reproduced" if chance > 0.001 else "not reproduced",
        note=f"a Poisson variable of that mean reaches the number with probability {chance:.3f}",
    )


def _worst(comparisons: list[Comparison]) -> Claim:
    worst = min(comparisons, key=lambda c: c.p)
    chance = min(1.0, worst.p * len(comparisons))
    return Claim(
        "largest deviation in standard errors",
        "within chance",
        worst.deviation,
        verdict="reproduced" if chance > 0.001 else "not reproduced",
        note=f"{worst.name}: {worst.found.mean:.5g} for {worst.exact:.5g}; among as many comparisons one is "
        f"as large with probability at most {chance:.3f}",
    )


def _full_pooling(cap: int, servers: int, found: dict[Cell, Result]) -> Claim:
    jobs = found[Cell(servers, cap, 0.9, 0.9)]["jobs_per_server"]
    exact = chain.queue_at_full_pooling(0.9, cap)
    return Claim(
        f"jobs in a server's own queue at lambda = phi = 0.9, N = {servers}, C = {cap}",
        exact,
        jobs.mean,
        jobs.half_width,
        "reproduced" if agrees(jobs, exact) else "not reproduced",
        "rho/((1 - rho)(1 + C (1 - rho))): the pool holds all jobs, as M/M/1 does, only as C grows",
    )


def _approach(found: dict[Cell, Result]) -> list[Claim]:
    """How far pools are from M/M/1 with phi, over the cells with phi >= lambda, as N grows."""
    claims, before = [], math.inf
    for servers in sorted({cell.servers for cell in found}):
        pools = {c: r["pool_jobs"] for c, r in found.items() if c.servers == servers and c.phi >= c.rate}
        away = {c: abs(e.mean / _pool(c) - 1) for c, e in pools.items()}
        far = max(away, key=lambda c: away[c])
        typical = float(np.median(list(away.values())))
        noise = float(np.median([e.half_width / _pool(c) for c, e in pools.items()]))
        claims.append(
            Claim(
                f"jobs in the pool and their wait, distance from the limit in %, N = {servers}",
                "M/M/1 with phi, as N and C grow",
                100 * typical,
                100 * noise,
                "reproduced" if typical < before or typical < noise else "not reproduced",
                f"median of {len(away)} cells with phi >= lambda and of their half-widths; farthest: "
                f"{pools[far].mean:.3f} +- {pools[far].half_width:.3f} for {_pool(far):.3f} at {far}",
            )
        )
        before = typical
    return claims


def _quantiles(comparisons: list[Comparison]) -> Panel:
    order = np.sort([c.deviation for c in comparisons])
    normal = [_normal((i + 0.5) / len(order)) for i in range(len(order))]
    curves = (
        Curve("comparisons", tuple(normal), tuple(order), style="points"),
        Curve("exact normal law", (0.0, normal[-1]), (0.0, normal[-1])),
    )
    return Panel("Simulation against exact laws", "quantile of |Z|", "deviation in standard errors", curves)


def _costs(found: dict[Cell, Result], laws: dict[Cell, chain.Law]) -> Panel:
    """Costs against phi at the largest N and C = 20."""
    curves = []
    most = max(cell.servers for cell in found)
    for rate in (0.5, 0.8, 0.9):
        cells = [c for c in found if (c.servers, c.cap, c.rate) == (most, 20, rate)]
        phis = tuple(c.phi for c in cells)
        exact = tuple(float(laws[c].queue) + _pool(c) / most + rate for c in cells)
        cost = [found[c]["cost_per_server"] for c in cells]
        means, halves = tuple(e.mean for e in cost), tuple(e.half_width for e in cost)
        curves += [
            Curve(f"lambda {rate}, simulated", phis, means, halves, "points"),
            Curve(f"lambda {rate}, theory", phis, exact),
        ]
    return Panel(f"Costs, N = {most}, C = 20", "token probability phi", "cost per server", tuple(curves))


def _normal(p: float) -> float:
    """Return the z that |Z| stays below with probability p, Z standard normal."""
    return student_t(p, 10**6)
