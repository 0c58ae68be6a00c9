"""Sections 6.2.2, 6.2.3, 6.3.2, 6.3.3: where the index rule loses, and how much it can lose at most."""

from __future__ import annotations

import numpy as np

from jaxsim.experiments.bandits.common import Draft, exact, floats, never, scaled, verdict
from jaxsim.models.bandits.theory.bounds import index_rule_with_deadline, markov_bound
from jaxsim.models.bandits.theory.deadline import index_rule_value, optimal_with_deadline
from jaxsim.models.bandits.theory.deterministic import deterministic_index
from jaxsim.results.report import Claim, Curve, Panel, Report

THESIS = ((0, 4, 0, 0), (0, 4, 0, 0), (0, 0, 7, 0))
"""The three users of section 6.2.2."""


def counterexamples(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Sections 6.2.2 and 6.2.3: a deadline, a bad tie-break, and rewards that fall and still mislead."""
    draft = Draft("counterexamples", "Where the index rule loses", "sections 6.2.2 and 6.2.3", scale, seed)
    deadline = index_rule_with_deadline(THESIS, 1, 4)
    tied, good = (index_rule_with_deadline(z, 2, 2) for z in _ties())
    falling = index_rule_with_deadline([(2, 0), (2, 0), (1, 1)], 2, 2)
    first = [float(deterministic_index(z, 1).indices[0]) for z in ((1, 0), (1, 1))]
    claims = [
        exact("6.2.2, index rule until T = 4", 7.0, deadline.index_rule),
        exact("6.2.2, optimum until T = 4", 8.0, deadline.optimum),
        exact("6.2.2, slots until T that user 3 is served", 3.0, sum(2 in s for s in deadline.assignment)),
        exact("6.2.3, tie: index of users 1 and 2 at the beginning", 1.0, first[0]),
        exact("6.2.3, tie: index of user 3 at the beginning", 1.0, first[1]),
        _loses("6.2.3, tie: serving users 1 and 2 first", tied.index_rule, tied.optimum),
        exact("6.2.3, tie: what the other tie-break loses", 0.0, good.regret, "user 3 listed first"),
        _loses("6.2.3, nonincreasing rewards: index rule", falling.index_rule, falling.optimum),
    ]
    return draft.report(claims)


def _ties() -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The tie of section 6.2.3; ties go to the lowest user, so the order of the users is the tie-break."""
    return [(1, 0), (1, 0), (1, 1)], [(1, 1), (1, 0), (1, 0)]


def _loses(quantity: str, ours: float, best: float) -> Claim:
    return Claim(quantity, "suboptimal", f"{ours:g} of {best:g}", verdict=verdict(ours < best))


def bounds(*, scale: str = "smoke", seed: int = 0) -> Report:
    """WD, MWD and (6.10) on random users, sequences and chains, and theorems 6.2.2 and 6.3.2: regret / T."""
    where = "propositions 6.3.1, 6.3.2, equations (6.9), (6.10)"
    draft = Draft("bounds", "How much the index rule can lose", where, scale, seed)
    rng = np.random.default_rng(seed + 1)
    cases = (("WD, one pipe", 1), ("MWD, two pipes", 2), ("MWD, M(t) = 2, 1, 3, 2", (2, 1, 3, 2)))
    claims = [c for label, pipes in cases for c in _sequences(rng, label, pipes, scaled(scale, 40, 2000))]
    claims += [_chains(rng, label, pipes, scaled(scale, 10, 500)) for label, pipes in cases]
    growth, panel = _growth(scaled(scale, (10, 20, 40), (10, 20, 40, 80, 160, 320)))
    return draft.report([*claims, growth], (panel,))


def _sequences(rng: np.random.Generator, label: str, pipes: int | tuple[int, ...], count: int) -> list[Claim]:
    worst, violated, unfinished, checked = 0.0, 0, 0, 0
    for _ in range(count):
        sequences = [rng.exponential(size=3) * rng.integers(0, 2, 3) for _ in range(4)]
        report = index_rule_with_deadline(sequences, pipes, 4)
        violated += report.regret > report.bound + 1e-12
        worst = max(worst, report.regret / report.bound) if report.bound > 0 else worst
        if isinstance(pipes, int) and len(report.assignment[-1]) == pipes:
            checked += 1
            unfinished += report.regret > report.unfinished + 1e-12
    claims = [never(label, violated, count, f"largest regret / bound = {worst:.3f}")]
    if checked:
        note = "instances in which no pipe is idle at the deadline"
        claims.append(never(f"(6.10), {label.split(', ')[1]}", unfinished, checked, note))
    return claims


def _chains(rng: np.random.Generator, label: str, pipes: int | tuple[int, ...], count: int) -> Claim:
    """Compare with the optimum for two Markov users of two states, who leave with chance .2 per packet."""
    worst, violated = 0.0, 0
    for _ in range(count):
        users = []
        for _ in range(2):
            stay = 0.8 * rng.dirichlet(np.ones(2), 2)
            move = np.vstack([np.column_stack([stay, 1 - stay.sum(1)]), [0, 0, 1]])
            users.append((np.append(rng.normal(size=2), 0.0), move))
        lost = optimal_with_deadline(users, pipes, 4)[0] - index_rule_value(users, pipes, 4)
        bound = markov_bound(users, pipes)
        violated += float(lost.max()) > bound + 1e-12
        worst = max(worst, float(lost.max()) / bound) if bound > 0 else worst
    return never(f"Markov users, {label}", violated, count, f"largest regret / bound = {worst:.3f}")


def _growth(horizons: tuple[int, ...]) -> tuple[Claim, Panel]:
    """Regret of the index rule for two cycles that pay at their end, over the deadline, beside W D."""
    users = [(z, np.roll(np.eye(len(z)), 1, axis=1)) for z in ((0.0, 4.0), (0.0, 0.0, 7.0))]
    lost = [
        float((optimal_with_deadline(users, 1, t)[0] - index_rule_value(users, 1, t))[0, 0]) for t in horizons
    ]
    bound = markov_bound(users, 1)
    claim = Claim(
        "theorems 6.2.2 and 6.3.2: regret / T vanishes",
        "regret at most W D for every T",
        f"regret {', '.join(f'{x:g}' for x in lost)} at T = {', '.join(map(str, horizons))}; W D = {bound:g}",
        verdict=verdict(max(lost) <= bound),
    )
    curves = (
        Curve("regret / T", floats(horizons), floats(np.array(lost) / horizons)),
        Curve("W D / T", floats(horizons), floats(bound / np.array(horizons))),
    )
    return claim, Panel("The index rule until a deadline", "T", "reward per slot", curves, log_x=True)
