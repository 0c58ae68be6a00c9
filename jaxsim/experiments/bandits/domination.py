"""Section 6.4: pensions, domination among reward processes, and what is done where none dominates."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.experiments.bandits.common import Draft, exact, floats, never, refuted, scaled, verdict
from jaxsim.models.bandits.theory.deterministic import deterministic_index
from jaxsim.models.bandits.theory.joint import joint_value
from jaxsim.models.bandits.theory.superprocess import (
    Process,
    dominates,
    local_laws,
    optimal_controlled,
    pension_value,
    select,
)
from jaxsim.results.report import Claim, Curve, Panel, Report

BETA = 0.8
_ONCE, _TWICE = ((0, 0, 1), (0, 0, 1), (0, 0, 1)), ((0, 1, 0), (0, 0, 1), (0, 0, 1))
QUICK: Process = ((3.0, 0.0, 0.0), _ONCE, 0)
"""Earns 3 at once and is done."""
SLOW: Process = ((0.0, 5.0, 0.0), _TWICE, 0)
"""Earns 5 with the second packet and is done."""


def superprocess(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Lemmas 6.4.1 to 6.4.5, theorem 6.4.1, the slips of (6.24) and (6.25), and machines with no best law."""
    draft = Draft("superprocess", "Domination and pensions", "section 6.4", scale, seed)
    rng, count = np.random.default_rng(seed), scaled(scale, 20, 500)
    claims = [
        _convex(rng, count), _stopping_times(rng, count), _definition(), _mixture(rng, count),
        _pairs(rng, count), *_no_dominant(), *_machines(rng, scaled(scale, 10, 200)),
    ]  # fmt: skip
    pensions = np.linspace(0, 4, 81)
    curves = [
        Curve(name, floats(pensions), floats((1 - BETA) * pension_value(p, BETA, pensions)))
        for name, p in (("3 at once", QUICK), ("5 after a step", SLOW))
    ]
    panel = Panel("Neither dominates: values cross", "pension a", "(1 - beta) V(a)", tuple(curves))
    return draft.report(claims, (panel,))


def _process(rng: np.random.Generator) -> Process:
    return rng.normal(size=3), rng.dirichlet(np.ones(3), 3), int(rng.integers(3))


def _convex(rng: np.random.Generator, count: int) -> Claim:
    pensions, bent = np.linspace(-3, 3, 61), 0
    for _ in range(count):
        worth = pension_value(_process(rng), BETA, pensions)
        bent += bool(np.any(np.diff(worth) < -1e-9) or np.any(np.diff(worth, 2) < -1e-9))
    return never("lemma 6.4.2: V(a) is nondecreasing and convex", bent, count)


def _retirement_time(envelope: Any, pension: float) -> int:
    """Return tau_a of (6.25), the packets sent before the envelope is first at most a."""
    return int(np.sum(np.minimum.accumulate(envelope) > pension))


def _stopping_times(rng: np.random.Generator, count: int) -> Claim:
    longer = shorter = 0
    for _ in range(count):
        envelope = deterministic_index(rng.random(6), BETA).envelope
        low, high = (_retirement_time(envelope, a) for a in np.sort(rng.random(2)))
        longer, shorter = longer + (low > high), shorter + (low < high)
    return refuted(
        "6.4.2, below (6.25): a < b implies tau_a <= tau_b",
        "for every process",
        f"tau_a > tau_b in {longer}, tau_a < tau_b in {shorter} of {count} random instances",
        longer == 0,
        "a smaller pension is taken later: a < b implies tau_a >= tau_b",
    )


def _definition() -> Claim:
    """X = 0, 5 against Y = .1, 0 at pension 10: with tau > 0 one packet must be sent, at a loss."""
    x, y = ((0.0, 5.0, 0.0), _TWICE, 0), ((0.1, 0.0, 0.0), _ONCE, 0)
    gains = [
        max(float(BETA ** np.arange(1, t + 1) @ (np.array(z[:t]) - 10)) for t in (1, 2, 3))
        for z in (x[0], y[0])
    ]
    printed, meant = gains[0] >= gains[1], dominates(x, y, BETA).dominates
    return refuted(
        "(6.24) with tau > 0 says the same as (6.26)",
        "equivalent",
        f"X = 0, 5 over Y = .1, 0: (6.26) {meant}; (6.24) at a = 10: {printed}",
        printed == meant,
        "tau = 0 must be allowed: one may retire at once",
    )


def _mixture(rng: np.random.Generator, count: int) -> Claim:
    """(6.27): with b for s packets beside X-bar, the value mixes those with pensions b and a < b."""
    worst, periods = 0.0, 400
    weight = BETA ** np.arange(1, periods + 1)
    for _ in range(count):
        envelope = np.append(-np.sort(-rng.random(5)), np.zeros(periods))
        low, high = np.sort(rng.random(2))
        s = int(rng.integers(1, 4))
        merged = -np.sort(-np.append(envelope, np.full(s, high)))[:periods]
        with_low, with_high, both = (
            weight @ np.maximum(z[:periods], a) for z, a in ((envelope, low), (envelope, high), (merged, low))
        )
        worst = max(worst, float(abs(both - (1 - BETA**s) * with_high - BETA**s * with_low)))
    return exact("lemma 6.4.4: largest error of (6.27)", 0.0, worst, f"{count} random instances")


def _pairs(rng: np.random.Generator, count: int) -> Claim:
    checked = violated = 0
    while checked < count:
        x, y, z = (_process(rng) for _ in range(3))
        if dominates(x, y, BETA).dominates:
            checked += 1
            with_x, with_y = (joint_value([p[:2], z[:2]], BETA, [p[2], z[2]]) for p in (x, y))
            violated += with_x < with_y - 1e-10
    return never("lemma 6.4.3, theorem 6.4.1: the dominant process is the better partner", violated, count)


def _no_dominant() -> list[Claim]:
    """Let the choice between two processes be made by the arm that they share the pipe with."""
    chosen = [select([[QUICK, SLOW], [([a], [[1.0]], 0)]], BETA) for a in (0.0, 2.9)]
    return [
        Claim(
            "6.4.1: without a dominant process the selection is made jointly",
            "usually",
            f"beside a known arm of 0: number {chosen[0].chosen[0]}; of 2.9: number {chosen[1].chosen[0]}",
            verdict=verdict(chosen[0].chosen != chosen[1].chosen and chosen[0].dominant[0] is None),
            note=chosen[1].statement,
        ),
        exact("value beside a known arm of 2.9: 3 + .8 x 2.9 / .2", 14.6, chosen[1].value),
    ]


def _machine(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a machine of two states and two actions that is done sooner or later."""
    rewards = rng.random((2, 3)) * (1, 1, 0)
    moves = np.zeros((2, 3, 3))
    moves[:, :2] = rng.dirichlet(np.full(3, 0.4), (2, 2))
    moves[:, 2, 2] = 1
    return rewards, moves


def _machines(rng: np.random.Generator, count: int) -> list[Claim]:
    """Compare fixed local laws with the joint program of two controlled machines."""
    dominant = lost = 0
    for _ in range(count):
        machines = [_machine(rng) for _ in range(2)]
        choice = select([local_laws(r, p, 0) for r, p in machines], BETA)
        if None not in choice.dominant:
            dominant += 1
            lost += abs(float(optimal_controlled(machines, BETA)[0].value[0, 0]) - choice.value) > 1e-9
    # A machine that earns 3 at once or 5 after a step, beside an arm that earns 4 and is then worth 2.9 per
    # slot or nothing: 4 + .8 (.5 x 14.6 + .5 x 4) when the machine waits for that, else quick or slow at best
    machine = np.array((QUICK[0], SLOW[0])), np.array((QUICK[1], SLOW[1]))
    arm = ((4.0, 2.9, 0.0), ((0, 0.5, 0.5), (0, 1, 0), (0, 0, 1)))
    fixed = select([local_laws(*machine, 0), [(*arm, 0)]], BETA)
    joint = optimal_controlled([machine, ([arm[0]], [arm[1]])], BETA)[0].value[0, 0]
    return [
        never("remark: dominant local laws are as good as the joint program", lost, dominant),
        exact("no dominant law: the joint program, whose action waits for news", 11.44, joint),
        exact("no dominant law: the best fixed law", 11.4, fixed.value, fixed.statement),
    ]
