"""Section 6.5: an order that arrivals change, both rules simulated, and the nested auctions of a path."""

from __future__ import annotations

import numpy as np

from jaxsim.core.kernel import System
from jaxsim.engine import simulate
from jaxsim.experiments.bandits.common import Draft, floats, scaled, verdict
from jaxsim.models.bandits import policies
from jaxsim.models.bandits.paths import Auctions, simulated_auctions
from jaxsim.models.bandits.system import system
from jaxsim.models.bandits.theory.arrivals import arrival_index, arrival_value
from jaxsim.models.bandits.theory.arrivals_exact import exact_arrivals
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.results.report import Claim, Curve, Panel, Report

# State 0 invests (earns 0, becomes 2); 1 earns .5 and is done; 2 earns 1 and goes on with chance .7; 3 is
# done. A new arm in state 2 comes with chance .5 in each slot.
REWARDS, MOVES = (0, 0.5, 1, 0), ((0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0.7, 0.3), (0, 0, 0, 1))
COMING, BETA, IDLE = ([0.5], [[0, 0, 1, 0]]), 0.7, 3


def arrivals(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The index (6.32) against the index without arrivals, theorems 6.5.1 to 6.5.3, and nested leases."""
    draft = Draft("arrivals", "Arm-acquiring bandits", "section 6.5", scale, seed)
    most, count = scaled(scale, 10, 14), scaled(scale, 2000, 100_000)
    found = arrival_index(REWARDS, MOVES, BETA, *COMING)
    value = arrival_value(found, BETA, [0, 1, IDLE])
    paths = simulated_auctions(
        _bandit(50), IDLE, steps=40, seed=seed, replications=scaled(scale, 200, 10_000)
    )
    claims = [*_order(found.indices, most), _pensions(found.indices, most), *_simulated(value, count, seed)]
    return draft.report([*claims, *_leases(paths, value)], (_figure(paths[0]),))


def _bandit(slots: int) -> System:
    return system(
        rewards=REWARDS, transitions=MOVES, discount=BETA, arms=slots, start=[0, 1],
        arrival_probability=0.5, arrival_state=2,
    )  # fmt: skip


def _order(indices: np.ndarray, most: int) -> list[Claim]:
    classical = gittins_index(REWARDS, MOVES, BETA)
    exact = exact_arrivals(REWARDS, MOVES, BETA, *COMING, start=[0, 1], most=most)
    differ = (classical[0] - classical[1]) * (indices[0] - indices[1]) < 0
    return [
        Claim(
            "the index (6.32) orders arms as the index without arrivals does",
            "not stated",
            f"no: {indices[0]:.4f} < {indices[1]:.4f}, but {classical[0]:.4f} > {classical[1]:.4f}",
            verdict=verdict(differ),
            note="state 0 invests, state 1 earns .5 at once; good arms arrive with chance .5",
        ),
        Claim(
            "theorem 6.5.3: the quick job first is optimal (dynamic program)",
            "optimal",
            f"{exact.lower[1]:.6f} at least; investing first {exact.upper[0]:.6f} at most",
            verdict=verdict(exact.lower[1] > exact.upper[0]),
        ),
    ]


def _pensions(indices: np.ndarray, most: int) -> Claim:
    """Theorem 6.5.1: the order of (6.32), left at the best time, is optimal whatever the pension."""
    order, worst = np.argsort(-indices, kind="stable").tolist(), 0.0
    problem = REWARDS, MOVES, BETA, *COMING
    for pension in (0.2, 0.4, 0.6, 0.7):
        best, rule = (
            exact_arrivals(*problem, start=[0, 1], most=most, pension=pension, priority=priority)
            for priority in (None, order)
        )
        worst = max(worst, abs(float(np.nanmax(best.lower) - rule.lower[1])))
    return Claim(
        "theorem 6.5.1: one policy is optimal for all pensions (.2, .4, .6, .7)",
        0.0,
        worst,
        verdict=verdict(worst < 1e-9),
        note="largest loss of the order of (6.32) against the program that may retire",
    )


def _simulated(value: float, count: int, seed: int) -> list[Claim]:
    bandit = _bandit(40)
    mine, other = (
        simulate(
            bandit.kernel, rule(bandit), bandit.params, replications=count, horizon=40, seed=seed
        ).estimates["discounted_reward"]
        for rule in (policies.index, policies.classical)
    )
    close = abs(mine.mean - value) <= 2 * mine.half_width
    less = other.mean + other.half_width < mine.mean - mine.half_width
    return [
        Claim("value of the index rule with arrivals", value, mine.mean, mine.half_width, verdict(close)),
        Claim(
            "value of the rule without arrivals in mind",
            "less",
            other.mean,
            other.half_width,
            verdict(less),
        ),
    ]


def _rents(path: Auctions) -> np.ndarray:
    """Rent that the owner collects in each slot: that of the lease of the pipe itself."""
    rent = np.zeros(len(path.winners))
    for lease in path.leases:
        if lease.depth == 0:
            rent[lease.first : lease.last + 1] = lease.rent
    return rent


def _leases(paths: list[Auctions], value: float) -> list[Claim]:
    """Check theorem 6.5.2 on simulated paths, and that the owner's rents add up to the optimal value."""
    outside = sum(
        path.arrived[inner.holder] <= outer.first
        for path in paths
        for outer in path.leases
        for inner in path.leases
        if inner.depth == outer.depth + 1 and outer.first < inner.first <= outer.last
    )
    sublets = sum(lease.depth > 0 for path in paths for lease in path.leases)
    income = np.array([BETA ** np.arange(len(p.winners)) @ _rents(p) for p in paths])
    half = 1.96 * float(income.std(ddof=1)) / np.sqrt(len(income))
    return [
        Claim(
            f"theorem 6.5.2: sublets to users who were there before ({sublets} sublets, {len(paths)} paths)",
            0.0,
            float(outside),
            verdict=verdict(outside == 0 and sublets > 0),
        ),
        Claim(
            "6.5.2: what the owner collects from the primary renters",
            value,
            float(income.mean()),
            half,
            verdict(abs(income.mean() - value) <= 2 * half),
            "the expected total reward of the optimal policy",
        ),
    ]


def _figure(path: Auctions) -> Panel:
    """Draw the rents of one path: of the pipe itself and of the innermost sublet."""
    slots = np.arange(len(path.winners))
    inner = np.zeros(len(slots))
    for lease in sorted(path.leases, key=lambda lease: lease.depth):
        inner[lease.first : lease.last + 1] = lease.rent
    curves = (
        Curve("rent paid to the owner", floats(slots), floats(_rents(path)), style="steps"),
        Curve("rent of the innermost lease", floats(slots), floats(inner), style="steps"),
    )
    return Panel("Nested leases of one path", "slot", "rent", curves)
