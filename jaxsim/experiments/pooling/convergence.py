"""How the capped, finite system approaches the fluid one: Lemma 6.1, Propositions 4.4 and 6.3, section 7."""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.experiments.pooling.common import Draft, agrees, run, scaled
from jaxsim.models.pooling.theory import chain, fluid
from jaxsim.models.pooling.theory.unequal import unequal_pooling
from jaxsim.results.report import Claim, Curve, Panel, Report


def lemma_6_1(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """P(S = 0) + P(S = C) and the excess queue fall like 1/C: exact, and simulated at two caps."""
    draft = Draft("lemma_6_1", "Token bounds", "Lemmas 6.1, 6.2", scale, seed)
    caps = tuple(scaled(scale, (5, 10, 20, 50, 100), (5, 10, 20, 50, 100, 200, 400)))
    pairs = ((0.8, 0.5), (0.8, 0.8), (0.9, 0.9))
    claims, curves, excess = [], [], []
    for rho, phi in pairs:
        laws = [chain.server_law(rho, phi, cap) for cap in caps]
        bound = tuple(float(law.boundary) for law in laws)
        curves.append(Curve(f"lambda {rho}, phi {phi}", tuple(map(float, caps)), bound))
        limit = fluid.rates(rho, phi).queue
        beyond = tuple(float(law.queue) - limit for law in laws)
        excess.append(Curve(f"lambda {rho}, phi {phi}", tuple(map(float, caps)), beyond))
        scaled_bound = [b * c for b, c in zip(bound, caps, strict=True)]
        growth = scaled_bound[-1] / scaled_bound[-2]
        claims.append(
            Claim(
                f"largest C P(boundary) at lambda {rho}, phi {phi}",
                "bounded by M_2",
                max(scaled_bound),
                verdict="reproduced" if growth < 1.1 else "not reproduced",
                note=f"from C = {caps[-2]} to {caps[-1]} it grows by the factor {growth:.3f}",
            )
        )
    for cap in caps[1:3]:
        found = run(
            {"servers": 100, "arrival_rate": 0.8, "token_cap": cap},
            seed=seed,
            replications=scaled(scale, 32, 256),
            horizon=scaled(scale, 300.0, 2000.0),
        )["token_boundary_probability"]
        exact = chain.boundary_at_full_pooling(0.8, cap)
        claims.append(
            Claim(
                f"P(boundary) at lambda = phi = 0.8, C = {cap}, simulated",
                exact,
                found.mean,
                found.half_width,
                "reproduced" if agrees(found, exact) else "not reproduced",
                "(2 - lambda)/(1 + C (1 - lambda))",
            )
        )
    panels = (
        Panel("Lemma 6.1", "cap C on tokens", "P(no tokens) + P(full)", tuple(curves), True, True),
        Panel("Lemma 6.2", "cap C on tokens", "own queue beyond the fluid one", tuple(excess), True, True),
    )
    return draft.report(claims, panels)


def pool_waits(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """The wait in the pool falls like 1/N for any phi, and the pool's length stays bounded."""
    draft = Draft("pool_waits", "Waits in the pool", "Propositions 4.4, 6.3", scale, seed)
    counts = scaled(scale, (10, 100), (10, 30, 100, 300, 1000))
    claims, waits, lengths = [], [], []
    for phi in (0.5, 0.8, 0.9):
        found = [
            run(
                {"servers": n, "arrival_rate": 0.8, "token_probability": phi},
                seed=seed,
                replications=scaled(scale, 64, 256),
                horizon=scaled(scale, 300.0, 1000.0),
            )
            for n in counts
        ]
        for name, curves in (("pool_wait", waits), ("pool_jobs", lengths)):
            means, halves = zip(*((r[name].mean, r[name].half_width) for r in found), strict=True)
            curves.append(Curve(f"phi = {phi}", tuple(map(float, counts)), means, halves))
        limit = phi / (1 - phi)
        last = found[-1]["pool_jobs"]
        near = abs(last.mean - limit) <= 3 * last.standard_error + 0.05 * limit
        first = found[0]["pool_jobs"]
        nearer = abs(last.mean - limit) + 3 * last.standard_error < abs(first.mean - limit)
        claims.append(
            Claim(
                f"pool's length at phi = {phi}, N = {counts[-1]}, C = 100",
                limit,
                last.mean,
                last.half_width,
                "reproduced" if near else "ambiguous" if nearer else "not reproduced",
                "phi/(1 - phi) is exact for unlimited tokens and phi >= lambda, else a limit: met to 5 % and "
                f"3 standard errors, or (ambiguous) only nearer than N = {counts[0]}: {first.mean:.3f}",
            )
        )
    panels = (
        Panel("Propositions 4.4 and 6.3: waits", "servers N", "wait in the pool", tuple(waits), True, True),
        Panel("Propositions 4.4 and 6.3: length", "servers N", "jobs in the pool", tuple(lengths), True),
    )
    return draft.report(claims, panels)


def unequal_servers(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Unequal servers with phi = max rho: jobs in the system against central control, costs and who pays."""
    draft = Draft("unequal_servers", "Unequal servers", "Theorems 7.1, 7.2", scale, seed)
    claims, ours, central = [], [], []
    counts = scaled(scale, (20, 80), (20, 80, 320, 1280))
    for count in counts:
        arrival = np.tile((0.3, 0.8, 1.0, 0.5), count // 4)
        service = np.tile((1.0, 1.0, 2.0, 1.0), count // 4)
        theory = unequal_pooling(arrival, service, 100)
        found = run(
            {"servers": count, "arrival_rate": arrival, "service_rate": service, "tokens": "unlimited"},
            seed=seed,
            replications=scaled(scale, 64, 256),
            horizon=scaled(scale, 300.0, 1000.0),
        )
        jobs = found["pool_jobs"]
        ours.append((jobs.mean, jobs.half_width))
        central.append(theory.central_jobs)
        claims.append(
            Claim(
                f"jobs in the system, N = {count}, unlimited tokens",
                theory.mechanism_jobs,
                jobs.mean,
                jobs.half_width,
                "reproduced" if agrees(jobs, theory.mechanism_jobs) else "not reproduced",
                f"central control: {theory.central_jobs:.4f}, bound on the ratio: {theory.bound:.3f}; a cap "
                f"C = 100 adds {theory.capped_excess:.3f} jobs in own queues",
            )
        )
        cost = found["cost_per_server"]
        bound = float(arrival.max()) * 0.8 / (float(arrival.min()) * 0.2 * count)
        claims.append(
            Claim(
                f"cost per server beyond c mean(lambda), N = {count}",
                "at most O(1/N)",
                cost.mean - float(arrival.mean()),
                cost.half_width,
                "reproduced" if cost.mean - float(arrival.mean()) <= bound else "not reproduced",
                f"Theorem 7.2 (1) bounds it by {bound:.5f}",
            )
        )
    means, halves = zip(*ours, strict=True)
    at = tuple(map(float, counts))
    curves = (Curve("mechanism", at, means, halves), Curve("central control", at, tuple(central)))
    panel = Panel("Theorem 7.1", "servers N", "jobs in the system", curves, True)
    return draft.report(claims, (panel,))
