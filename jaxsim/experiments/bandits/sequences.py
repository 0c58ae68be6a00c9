"""Section 6.2.1 with figures 6.1 and 6.2: the index as a maximal slope, the concave envelope, optimality."""

from __future__ import annotations

import numpy as np

from jaxsim.experiments.bandits.common import (
    Draft,
    exact,
    floats,
    never,
    orders,
    reward_of_order,
    scaled,
    verdict,
)
from jaxsim.models.bandits.theory.auction import sequential_auction
from jaxsim.models.bandits.theory.bounds import index_rule_with_deadline
from jaxsim.models.bandits.theory.deterministic import block_ends, deterministic_index
from jaxsim.models.bandits.theory.prices import capacity_prices
from jaxsim.results.report import Claim, Curve, Panel, Report


def envelopes(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Figures 6.1 and 6.2, lemma 6.2.1, theorem 6.2.1 and the auction that explains it."""
    draft = Draft("envelopes", "Index and concave envelope", "section 6.2.1, figures 6.1, 6.2", scale, seed)
    count = scaled(scale, 20, 500)
    z, beta = np.array([2.0, -1.0, 3.0, -5.0, 1.0]), 0.9
    rng = np.random.default_rng(seed)
    ends = block_ends(deterministic_index(z, beta).stop)
    worked = Claim(
        "lemma 6.2.1: the envelope lies above and meets the process at tau_k",
        "for every process",
        f"holds for Z = 2, -1, 3, -5, 1 at tau_k = {', '.join(map(str, ends))}",
        verdict=verdict(_envelope_holds(z, beta)),
    )
    broken = sum(not _envelope_holds(rng.normal(size=5), beta) for _ in range(count))
    claims = [worked, never("lemma 6.2.1", broken, count), *_optimality(rng, beta, count)]
    return draft.report(claims, _panels(z, beta))


def _cumulative(z: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sums of beta^s, of beta^s Z(s) and of beta^s Z-bar(s), from 0 packets on."""
    weight = beta ** np.arange(1, len(z) + 1)
    envelope = deterministic_index(z, beta).envelope
    clock, earned, bound = (np.append(0, np.cumsum(weight * y)) for y in (np.ones(len(z)), z, envelope))
    return clock, earned, bound


def _envelope_holds(z: np.ndarray, beta: float) -> bool:
    """Tell whether the envelope falls, lies above the process and meets it at the stopping times."""
    found = deterministic_index(z, beta)
    _, earned, bound = _cumulative(z, beta)
    ends = block_ends(found.stop)
    falls = bool(np.all(np.diff(found.envelope) <= 0))
    return (
        falls and bool(np.all(bound >= earned - 1e-12)) and np.allclose(earned[ends], bound[ends], atol=1e-12)
    )


def _optimality(rng: np.random.Generator, beta: float, count: int) -> list[Claim]:
    """Compare the index rule with every order and with the rents, and the myopic rule with deadlines."""
    lost = apart = myopic = 0
    for _ in range(count):
        sequences = [rng.random(2), rng.random(2), rng.random(1)]
        best = max(reward_of_order(sequences, order, beta) for order in orders(sequences))
        chosen = sequential_auction(sequences, beta).assignment
        lost += abs(reward_of_order(sequences, chosen.tolist(), beta) - best) > 1e-12
        apart += abs(capacity_prices(sequences, beta).value - best) > 1e-12
        falling = [-np.sort(-rng.random(3)) for _ in range(3)]
        myopic += index_rule_with_deadline(falling, 1, 4).regret > 1e-12
    # A worked case: Z-bar = 3, 2.3684..., 2.3684... and 2.5
    rents = capacity_prices([(3, 1, 4), (2.5,)], beta)
    value = reward_of_order([(3, 1, 4), (2.5,)], (0, 1, 0, 0), beta)
    return [
        never("theorem 6.2.1: the index rule is the best of all orders", lost, count),
        never("fact: with falling rewards the myopic rule is optimal, also until a deadline", myopic, count),
        never("remark: the auctions bring the owner the optimal value", apart, count),
        exact("income in the worked case Z = 3, 1, 4 and 2.5", value, rents.value),
    ]


def _panels(z: np.ndarray, beta: float) -> tuple[Panel, Panel]:
    """Draw figure 6.1 for Z = 1, 3, 2, -1, whose best slope from 0 takes three packets, and 6.2 for ``z``."""
    rising = np.array([1.0, 3.0, 2.0, -1.0])
    first, stop = (x[0] for x in deterministic_index(rising, beta)[:2])
    clock, earned, _ = _cumulative(rising, beta)
    slope = Curve("slope nu(1)", (0.0, float(clock[stop])), (0.0, float(first * clock[stop])))
    axes = "sum of beta^s", "sum of rewards"
    one = Curve("sum of beta^s Z(s)", floats(clock), floats(earned)), slope
    clock, earned, bound = _cumulative(z, beta)
    two = (
        Curve("sum of beta^s Z(s)", floats(clock), floats(earned)),
        Curve("envelope", floats(clock), floats(bound)),
    )
    return (
        Panel("Figure 6.1: index as the maximum slope", *axes, one),
        Panel("Figure 6.2: process and concave envelope", *axes, two),
    )
