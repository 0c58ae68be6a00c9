"""Section 6.2.4: what capacity is worth over time, and which reward processes make the problem concave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jaxsim.experiments.bandits.common import Draft, floats, never, refuted, scaled, verdict
from jaxsim.models.bandits.theory.prices import continuous_prices
from jaxsim.results.report import Claim, Curve, Panel, Report

ALPHA = 0.5


def multiplier(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The rent and the Lagrange multiplier of capacity, and lemma 6.2.7."""
    draft = Draft("multiplier", "Rents and multipliers", "section 6.2.4", scale, seed)
    cells = scaled(scale, 500, 4000)
    prices = continuous_prices((0, 2, 4), ((4, 1, 0), (3, 0, 0)), discount_rate=ALPHA, cells=cells)
    apart = float(np.max(np.abs(prices.rents - prices.multipliers)))
    claims = [
        refuted(
            "the multiplier of (6.14) is max Z-bar(t)",
            "equal",
            f"they differ by up to {apart:.3f}",
            apart < 1e-9,
            "max Z-bar is a rent; the multiplier is alpha int_t^inf e^{-alpha (s-t)} max Z-bar(s) ds",
        ),
        Claim(
            "strong duality: the optimum is the integral of the discounted rent",
            _optimum(),
            prices.value,
            verdict=verdict(abs(_optimum() - prices.value) < 20 / cells**2),
            note="both rewards fall, so the optimum serves them merged",
        ),
        *_concavity(np.random.default_rng(seed), scaled(scale, 50, 2000)),
    ]
    curves = (
        Curve("rent max Z-bar", floats(prices.times), floats(prices.rents)),
        Curve("multiplier", floats(prices.times), floats(prices.multipliers)),
    )
    panel = Panel("Rent and multiplier of the capacity", "time", "reward per unit of capacity", curves)
    return draft.report(claims, (panel,))


def _optimum() -> float:
    """Return the value of serving both falling rewards merged, by quadrature.

    int e^{-alpha t} v(t) dt = int (1 - e^{-alpha L(v)}) / alpha dv, L(v) the load with a reward above v.
    """
    level = np.linspace(0, 4, 100_001)
    load = np.interp(-level, (-4, -1, 0), (0, 2, 4)) + np.interp(-level, (-3, 0), (0, 2))
    return float(np.trapezoid(-np.expm1(-ALPHA * load) / ALPHA, level))


def _total(worth: Callable[[np.ndarray], np.ndarray], rates: np.ndarray) -> float:
    """Reward int e^{-alpha t} dU(x(t)) of a load pattern with these rates in slots of 1; U is int Z.

    In one slot U(x(t)) is taken linear in t: on a grid of 1/20 that errs far less than the gaps compared.
    """
    fine = np.repeat(rates, 20) / 20
    load = np.append(0, np.cumsum(fine))
    decay = np.exp(-ALPHA * (np.arange(len(fine)) + 0.5) / 20)
    return float(decay @ np.diff(worth(load)))


def _concavity(rng: np.random.Generator, count: int) -> list[Claim]:
    """Lemma 6.2.7 for falling and rising rewards, and the direction of the inequality in its proof."""
    processes = {"falling": lambda x: 1 - np.exp(-x), "rising": lambda x: np.exp(x / 4) - 1}
    gaps = {name: np.empty(count) for name in processes}
    for k in range(count):
        one, two, share = rng.random(6), rng.random(6), rng.uniform(0.2, 0.8)
        for name, worth in processes.items():
            apart = share * _total(worth, one) + (1 - share) * _total(worth, two)
            gaps[name][k] = _total(worth, share * one + (1 - share) * two) - apart
    below = int(np.sum(gaps["falling"] < -1e-12))
    convex = int(np.sum(gaps["rising"] < -1e-12))
    return [
        never("lemma 6.2.7: with falling rewards R is concave in the load pattern", below, count),
        Claim(
            "lemma 6.2.7: with rising rewards R is not concave",
            "only falling rewards make it concave",
            f"not concave between {convex} of {count} pairs of patterns",
            verdict=verdict(convex > 0),
        ),
        refuted(
            "proof of lemma 6.2.7: R(mixture) <= mixture of R for falling rewards",
            "<=",
            f"> in {count - below} of {count} pairs",
            bool(np.all(gaps["falling"] <= 1e-12)),
            "the inequalities of the proof are reversed; the lemma itself holds",
        ),
    ]
