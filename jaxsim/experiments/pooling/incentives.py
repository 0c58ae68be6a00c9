"""What a server gains by deviating: figure 2 for a fully informed one, and simulated deviations."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.experiments.pooling.common import Draft, run, scaled
from jaxsim.models.pooling import policies
from jaxsim.models.pooling.theory.chain import server_law
from jaxsim.models.pooling.theory.deviation import best_deviation, deviant_cost, pool_wait, saver_rules
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


_KINDS: dict[str, dict[str, Any]] = {
    "never requests nor offers": {"kind": "loner"},
    "requests, never offers": {"kind": "free_rider"},
    "keeps a quarter of its tokens": {"kind": "saver"},
    "threshold 1": {"kind": "threshold", "level": 1.0},
    "threshold 1 while its last offer found a job": {"kind": "watcher", "level": 1.0},
    "best policy on (queue, tokens)": {"kind": "best"},
}
_LOSERS = ("loner", "free_rider")


def _first_cost(keys: dict[str, Any], kind: dict[str, Any], **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return server 0's cost under its deviation, numerator and denominator per replication."""
    found = run(keys, policy=lambda s: policies.deviate(s, **kind), **options).samples
    return found["first_cost.numerator"], found["first_cost.denominator"]


def deviations(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """What server 0 gains by deviating, measured in the finite system as a share of its equilibrium cost.

    Both systems see the same events (common random numbers), and the gain is a paired difference. Among the
    deviations is the best policy on (own queue, own tokens) against the pool's mean wait, by policy
    iteration: the largest gain is epsilon(N, C), by which the equilibrium is an approximate one.
    """
    draft = Draft("deviations", "What deviating gains", "section 6.2", scale, seed)
    rate = 0.8
    larger = ((10, 20), (100, 20), (10, 100), (100, 100), (1000, 100), (1000, 400))
    sizes = scaled(scale, ((10, 20),), larger)
    options = {
        "seed": int(seed),
        "replications": scaled(scale, 256, 1024),
        "horizon": scaled(scale, 500.0, 2000.0),
    }
    claims: list[Claim] = []
    for servers, cap in sizes:
        keys = {"servers": servers, "arrival_rate": rate, "token_cap": cap, "waits": "exact", "signal": True}
        base = _first_cost(keys, {"kind": "threshold", "level": 0.0}, **options)
        cost = float(base[0].mean() / base[1].mean())
        gains = {
            name: paired_interval(base, _first_cost(keys, kind, **options)) for name, kind in _KINDS.items()
        }
        where = f"lambda = phi = {rate}, N = {servers}, C = {cap}"
        claims += [_claim(name, gain, cost, where) for name, gain in gains.items()]
        most = max(gains, key=lambda name: gains[name].mean)
        mean_field = best_deviation(rate, rate, cap, _wait(rate, servers, cap)).gain
        claims.append(
            Claim(
                f"epsilon in %, {where}",
                "vanishes as N and C grow",
                100 * gains[most].mean / cost,
                100 * gains[most].half_width / cost,
                "reproduced" if gains[most].mean < 0.01 * cost else "ambiguous",
                f"by: {most}; the best policy on (queue, tokens) gains {100 * mean_field:.2f} % in the mean "
                "field; it needs C (1 - lambda)^2 >> 1 as well as many servers",
            )
        )
    exact, panels = _mean_field(scale)
    return draft.report([*claims, *exact], panels)


def _claim(name: str, gain: Estimate, cost: float, where: str) -> Claim:
    loses = _KINDS[name]["kind"] in _LOSERS
    small = gain.mean <= max(0.01 * cost, gain.half_width)
    verdict = "reproduced" if small else "ambiguous"
    if loses:
        verdict = "reproduced" if gain.mean + gain.half_width < 0 else "not reproduced"
    return Claim(
        f"gain in %, {name}, {where}",
        "loses" if loses else "vanishes as N and C grow",
        100 * gain.mean / cost,
        100 * gain.half_width / cost,
        verdict,
    )


def _wait(rate: float, servers: int, cap: int) -> float:
    return pool_wait(rate, servers, float(server_law(rate, rate, cap).requests))


_MEAN_FIELD = ("best policy on (queue, tokens)", "keeps a quarter of its tokens", "threshold 1")


def _mean_field_gains(rate: float, servers: int, cap: int) -> dict[str, float]:
    """Return what the deviations of `_MEAN_FIELD` gain in the mean field, exact, in percent."""
    wait = _wait(rate, servers, cap)
    best = best_deviation(rate, rate, cap, wait)
    # To keep C tokens for queues of one job or more is the threshold 1.
    saver = deviant_cost(saver_rules(cap, cap // 4), rate, rate, wait)
    level = deviant_cost(saver_rules(cap, cap), rate, rate, wait)
    costs = (best.best, saver, level)
    shares = (100 * (best.equilibrium - cost) / best.equilibrium for cost in costs)
    return dict(zip(_MEAN_FIELD, shares, strict=True))


def _mean_field(scale: str) -> tuple[list[Claim], tuple[Panel, ...]]:
    """How the gains fall with C in the mean field, where the wait is a constant."""
    caps = (20, 50, 100, 200, 400, *scaled(scale, (), (800,)))
    claims, panels = [], []
    for rate, servers in ((0.8, 10), (0.8, 1000), (0.5, 1000)):
        gains = [_mean_field_gains(rate, servers, cap) for cap in caps]
        where = f"lambda = {rate}, N = {servers}"
        for name in _MEAN_FIELD:
            row = [g[name] for g in gains]
            falls = row[-1] < 0 or row[-1] < 0.6 * row[-2]
            listed = ", ".join(f"{gain:.2f} at C = {cap}" for cap, gain in zip(caps, row, strict=True))
            claims.append(
                Claim(
                    f"mean-field gain in %, {name}, {where}, C = {caps[-1]}",
                    "vanishes as C grows",
                    row[-1],
                    verdict="reproduced" if falls else "not reproduced",
                    note=f"exact: {listed}; judged by falling like 1/C from C = {caps[-2]}, or losing",
                )
            )
        curves = (Curve(n, tuple(map(float, caps)), tuple(g[n] for g in gains)) for n in _MEAN_FIELD)
        panels.append(Panel(f"Mean field, {where}", "cap C on tokens", "gain in %", tuple(curves), True))
    return claims, tuple(panels)
