"""What a server gains by deviating: figure 2 for a fully informed one, and simulated deviations."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.experiments.pooling.common import Draft, run, scaled
from jaxsim.models.pooling import policies
from jaxsim.models.pooling.theory.server_one import best_response_value
from jaxsim.results.report import Claim, Curve, Panel, Report
from jaxsim.statistics import Estimate, paired_interval

_PRINTED = {(0.7, 8): 4.43, (0.8, 10): 4.27, (0.9, 18): 4.01, (0.7, 16): 0.87, (0.8, 18): 0.89}
_HONEST_BOUND = {(0.7, 8): 5.0, (0.8, 10): 5.0, (0.9, 18): 5.0, (0.7, 16): 1.0, (0.8, 18): 1.0}


def figure_2(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """The gap of complete pooling against the best fully informed answer, in both readings of the charge."""
    draft = Draft("figure_2", "Complete pooling against the best answer", "figure 2", scale, seed)
    counts = np.arange(4, 21, 2)
    rates = (0.7, 0.8, 0.9)
    lam, servers = (x.ravel() for x in np.meshgrid(rates, counts, indexing="ij"))
    gaps = {
        reading: 100 * best_response_value(lam, servers, reading=reading).gap.reshape(len(rates), -1)
        for reading in ("paper", "honest")
    }

    def at(reading: str, rate: float, count: int) -> float:
        return float(gaps[reading][rates.index(rate), (count - 4) // 2])

    claims = [
        Claim(
            f"gap in % at lambda = {rate}, N = {count}",
            printed,
            at("paper", rate, count),
            verdict="reproduced" if round(at("paper", rate, count), 2) == printed else "not reproduced",
            note="the charge is (q0 + 1)/N with q0 before the event",
        )
        for (rate, count), printed in _PRINTED.items()
    ]
    claims += [
        Claim(
            f"gap in % at lambda = {rate}, N = {count}, charging q0/N after a service",
            f"below {bound:g} %",
            at("honest", rate, count),
            verdict="reproduced" if at("honest", rate, count) < bound else "not reproduced",
            note="the pool is one shorter after a service, so only this charge is a lower bound of the wait",
        )
        for (rate, count), bound in _HONEST_BOUND.items()
    ]
    panels = tuple(
        Panel(
            f"Figure 2, reading {reading}",
            "servers N",
            "gap in %",
            tuple(
                Curve(f"lambda = {r}", tuple(map(float, counts)), tuple(g))
                for r, g in zip(rates, gap, strict=True)
            ),
        )
        for reading, gap in gaps.items()
    )
    return draft.report(claims, panels)


def gain(
    keys: dict[str, Any], kind: dict[str, Any], *, seed: int, replications: int, horizon: float
) -> Estimate:
    """Return what server 0 saves by deviating, per unit of time, under common random numbers."""
    options = {"seed": seed, "replications": replications, "horizon": horizon}
    keys = {**keys, "waits": "exact"}
    before = run(keys, **options).samples
    after = run(keys, policy=lambda s: policies.deviate(s, **kind), **options).samples
    pairs = [(x["first_cost.numerator"], x["first_cost.denominator"]) for x in (before, after)]
    return paired_interval(pairs[0], pairs[1])


def deviations(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """What server 0 gains by each deviation in the finite system, as a share of its equilibrium cost."""
    draft = Draft("deviations", "What deviating gains", "section 6.2", scale, seed)
    sizes = scaled(scale, ((10, 20), (100, 100)), ((10, 20), (10, 100), (100, 20), (100, 100), (100, 400)))
    kinds = {
        "never requests nor offers": {"kind": "loner"},
        "requests, never offers": {"kind": "free_rider"},
        "keeps a quarter of its tokens": {"kind": "saver"},
        "threshold 1": {"kind": "threshold", "level": 1.0},
        "best policy on (queue, tokens)": {"kind": "best"},
    }
    claims = []
    for servers, cap in sizes:
        keys = {"servers": servers, "arrival_rate": 0.8, "token_cap": cap}
        options = {
            "seed": int(seed),
            "replications": scaled(scale, 64, 512),
            "horizon": scaled(scale, 500.0, 4000.0),
        }
        base = run({**keys, "waits": "exact"}, **options)["first_cost"].mean
        for name, kind in kinds.items():
            found = gain(keys, kind, **options)
            loses = kind["kind"] in ("loner", "free_rider")
            small = found.mean <= max(0.01 * base, found.half_width)
            verdict = "reproduced" if small else "ambiguous"
            if loses:
                verdict = "reproduced" if found.mean + found.half_width < 0 else "not reproduced"
            claims.append(
                Claim(
                    f"gain in %, {name}, lambda = phi = 0.8, N = {servers}, C = {cap}",
                    "loses" if loses else "vanishes as N and C grow",
                    100 * found.mean / base,
                    100 * found.half_width / base,
                    verdict,
                    "" if loses else "near equilibrium needs C (1 - lambda)^2 >> 1 too: C = 25 is 1 here",
                )
            )
    return draft.report(claims)
