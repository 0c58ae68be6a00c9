"""How often 95 % intervals cover the truth: two metrics of every family, three ways to make the interval.

    python tests/statistical/intervals_cover.py > tests/COVERAGE.md

makes 1000 intervals of each kind. Replications are independent and keyed by number, so one long simulation is
cut into 1000 simulations that share nothing:

- fixed: 30 replications each;
- sequential: each reads on, from where the one before has stopped, until the rule of
  `jaxsim.statistics.sequential` is content;
- batch means: 1000 long paths, each cut into 32 batches in time.

The truth is exact where the family has theory for it, else the mean of another simulation with at least
100 times the data of an interval, whose error is stated.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import expm

import jaxsim
from jaxsim.engine import Every
from jaxsim.engine.estimates import sides
from jaxsim.models.actors import evaluate
from jaxsim.models.actors.system import model_of
from jaxsim.models.pooling.theory import chain
from jaxsim.models.pricing.theory import brownian
from jaxsim.statistics import FIRST_STAGE, Estimate, Target, batch_means, next_stage, ratio_interval

INTERVALS = 1000
POOL, USUAL = 130, 50
"""Replications at hand for an interval, and how many the targets of the sequential rule are made to need."""
BATCHES = 32
REFERENCE = 600
"""Intervals' worth of data behind a truth that is not exact; its error is 1/24 of an interval's."""
Truth = Callable[[Any, Any], dict[str, float]]


@dataclass(frozen=True)
class Case:
    """A system whose metrics are judged, how long its short and its long paths are, and what is known.

    exact: (system, policy) -> metric -> truth; metrics that it leaves out are judged by a reference run.
    """

    family: str
    policy: str
    keys: dict[str, Any]
    metrics: tuple[str, str]
    horizon: float
    warmup: float
    long_horizon: float
    exact: Truth = lambda system, policy: {}


def pooling_truth(system: Any, policy: Any) -> dict[str, float]:
    """The law of one server's queue and tokens: servers are independent of each other and of the pool."""
    law = chain.server_law(0.6, 0.6, 2)
    return {"jobs_per_server": float(law.queue), "token_boundary_probability": float(law.boundary)}


def balancing_truth(system: Any, policy: Any) -> dict[str, float]:
    """An M/M/1/5 queue whose rate switches between epochs of length 5, in its stationary law.

    A counter of drops beside the generator gives an epoch's mean drops by state at its start; the
    horizon is 100.
    """
    stay, delay, buffer = np.array([[0.8, 0.2], [0.5, 0.5]]), 5.0, 5
    moves, drops = [], []
    for rate in (0.9, 0.6):
        q = np.zeros((buffer + 2, buffer + 2))
        for z in range(buffer):
            q[z, z + 1], q[z + 1, z] = rate, 1.0
        q -= np.diag(q.sum(axis=1))
        q[buffer, buffer + 1] = rate
        p = expm(delay * q)
        moves.append(p[: buffer + 1, : buffer + 1])
        drops.append(p[: buffer + 1, buffer + 1])
    joint = np.block([[stay[r, s] * moves[r] for s in range(2)] for r in range(2)])
    law = np.linalg.matrix_power(joint, 1 << 12)[0]
    return {
        "drops_per_node": float(law @ np.concatenate(drops)) * 100.0 / delay,
        "queue_length": float(law @ np.tile(np.arange(buffer + 1.0), 2)),
    }


def pricing_truth(system: Any, policy: Any) -> dict[str, float]:
    """The reflected Brownian workload: exponential in its stationary law."""
    drift = -5.0 / 0.1 - 6.0 / 0.05
    return {"workload": float(brownian.stationary_mean(drift, 107000.0)[0])}


def bandits_truth(system: Any, policy: Any) -> dict[str, float]:
    """Every arm that arrives is played until it is absorbed: Wald's identity."""
    inside = np.array([[0.5, 0.3], [0.2, 0.4]])
    visits = np.linalg.inv(np.eye(2) - inside)[0]
    return {"served": 0.12 * float(visits.sum()), "average_reward": 0.12 * float(visits @ [1.0, 3.0])}


def actors_truth(system: Any, policy: Any) -> dict[str, float]:
    """The stationary law of the chain that the policy drives."""
    model = model_of(system)
    assignment = np.asarray(policy.assignment)
    law = evaluate.policy_law(model, assignment)
    busy = np.sum((assignment >= 0) & (assignment < model.spec.actions), axis=1)
    return {"cost_rate": float(law @ np.asarray(model.params.local.costs)), "working": float(law @ busy)}


CASES = (
    Case(
        "balancing", "own", {"nodes": 10, "delay": 5.0}, ("drops_per_node", "queue_length"),
        100.0, 100.0, 8000.0, balancing_truth,
    ),
    Case(
        "pooling", "fmfe", {"servers": 4, "arrival_rate": 0.6, "token_probability": 0.6, "token_cap": 2},
        ("jobs_per_server", "token_boundary_probability"), 150.0, 60.0, 20000.0, pooling_truth,
    ),
    Case(
        "pricing", "constant", {"theta": [-5.0, -6.0], "time_step": 0.25, "reference": "none"},
        ("workload", "emptied"), 60.0, 60.0, 24000.0, pricing_truth,
    ),
    Case(
        "mechanisms", "adaptive", {"divisions": 4, "resources": 2}, ("rounds_to_clear", "residual"),
        200.0, 100.0, 16000.0,
    ),
    Case(
        "bandits", "myopic",
        {
            "arms": 20, "rewards": [1.0, 3.0, 0.0],
            "transitions": [[0.5, 0.3, 0.2], [0.2, 0.4, 0.4], [0.0, 0.0, 1.0]], "arrival_probability": 0.12,
            "may_idle": True, "discount": 1.0, "start": 2,
        },
        ("average_reward", "served"), 200.0, 100.0, 32000.0, bandits_truth,
    ),
    Case("actors", "optimal", {"size": 6}, ("cost_rate", "working"), 60.0, 40.0, 8000.0, actors_truth),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What was found for a metric and a way to make intervals."""

    case: Case
    metric: str
    method: str
    truth: float
    error: float
    covered: int
    intervals: int
    width: float
    used: float

    @property
    def deviation(self) -> float:
        """Return how many binomial standard deviations the number of covering intervals is off."""
        n = self.intervals
        return (self.covered - 0.95 * n) / math.sqrt(n * 0.95 * 0.05)


def built(case: Case) -> tuple[Any, Any]:
    system = jaxsim.system(case.family, **case.keys)
    return system, jaxsim.policy(case.policy, system)


def simulated(case: Case, seed: int, replications: int, **changes: Any) -> Any:
    system, policy = built(case)
    run = {"horizon": case.horizon, "warmup": case.warmup} | changes
    return jaxsim.simulate(system.kernel, policy, system.params, seed=seed, replications=replications, **run)


def pairs(result: Any, metric: str) -> tuple[np.ndarray, np.ndarray]:
    return result.samples[f"{metric}.numerator"], result.samples[f"{metric}.denominator"]


def truths(case: Case, seed: int) -> dict[str, tuple[float, float]]:
    """Return the truth of each metric and its standard error, 0 where it is exact."""
    exact = case.exact(*built(case))
    found = {name: (value, 0.0) for name, value in exact.items()}
    missing = [name for name in case.metrics if name not in exact]
    if missing:
        result = simulated(case, seed, FIRST_STAGE * REFERENCE)
        found |= {name: (result[name].mean, result[name].standard_error) for name in missing}
    return found


def followed(x: np.ndarray, y: np.ndarray, wanted: Target) -> Estimate:
    """Read until the sequential rule is content."""
    count = FIRST_STAGE
    while True:
        e = ratio_interval(x[:count], y[:count])
        following = next_stage({"": e}, {"": wanted}, 1_000_000)
        if following == count:
            return e
        assert following <= x.size, "the pool is too small"
        count = following


def one_by_one(x: np.ndarray, y: np.ndarray, wanted: Target, intervals: int) -> list[Estimate]:
    """Apply the rule again and again, each time from where it stopped: what follows is independent of it."""
    found: list[Estimate] = []
    start = 0
    for _ in range(intervals):
        found.append(followed(x[start:], y[start:], wanted))
        start += found[-1].replications
    return found


def target(x: np.ndarray, y: np.ndarray, relative: bool) -> Target:
    """Return a target that takes about `USUAL` replications, to one digit."""
    whole = ratio_interval(x, y)
    width = whole.half_width * math.sqrt(whole.replications / USUAL)
    share = width / abs(whole.mean) if relative else width
    return Target(float(f"{share:.2g}"), relative)


def short_paths(case: Case, seed: int, intervals: int, truth: dict[str, tuple[float, float]]) -> list[Row]:
    """Judge intervals from a fixed number of replications, and from the sequential rule."""
    result = simulated(case, seed, intervals * POOL)
    rows = []
    for metric, relative in zip(case.metrics, (True, False), strict=True):
        x, y = pairs(result, metric)
        wanted = target(x, y, relative)
        cut = (side[: intervals * FIRST_STAGE].reshape(intervals, FIRST_STAGE) for side in (x, y))
        fixed = [ratio_interval(a, b) for a, b in zip(*cut, strict=True)]
        grown = one_by_one(x, y, wanted, intervals)
        rows.append(judged(case, metric, f"{FIRST_STAGE} replications", truth[metric], fixed))
        rows.append(judged(case, metric, f"sequential, {wanted}", truth[metric], grown))
    return rows


def long_paths(case: Case, seed: int, intervals: int, truth: dict[str, tuple[float, float]]) -> list[Row]:
    """Judge batch means of single paths."""
    system, _ = built(case)
    step_time = float(system.kernel.step_time(system.kernel.spec, system.params))
    length = round(case.long_horizon / BATCHES / step_time)
    horizon = BATCHES * length * step_time
    result = simulated(case, seed, intervals, horizon=horizon, record=Every(length))
    totals = {name: means * length for name, means in result.arrays.items()}
    share = np.asarray(length * step_time / case.horizon)
    both = sides(system.kernel, system.params, totals, np.asarray(float(length)), share)
    rows = []
    for metric in case.metrics:
        x, y = both[metric]
        found = [batch_means(a, b) for a, b in zip(x, y, strict=True)]
        rows.append(judged(case, metric, f"batch means, {BATCHES}", truth[metric], found))
    return rows


def judged(case: Case, metric: str, method: str, truth: tuple[float, float], found: list[Estimate]) -> Row:
    value, error = truth
    covered = sum(e.covers(value) for e in found)
    width = float(np.median([e.half_width / abs(e.mean) for e in found]))
    used = float(np.mean([e.replications for e in found]))
    return Row(case, metric, method, value, error, covered, len(found), width, used)


def measured(case: Case, intervals: int = INTERVALS, seed: int = 100) -> list[Row]:
    """Return every row of a case."""
    truth = truths(case, seed + 1)
    rows = short_paths(case, seed, intervals, truth) + long_paths(case, seed + 2, intervals, truth)
    return sorted(rows, key=lambda row: case.metrics.index(row.metric))


def table(rows: list[Row]) -> list[str]:
    lines = [
        "| family | metric | truth | interval | half-width | values | covered | deviations |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        truth = f"{row.truth:.5g} exact" if row.error == 0 else f"{row.truth:.5g} ± {row.error:.1g}"
        lines.append(
            f"| {row.case.family} | `{row.metric}` | {truth} | {row.method} | {100 * row.width:.2g} % "
            f"| {row.used:.0f} | {row.covered} of {row.intervals} | {row.deviation:+.1f} |"
        )
    return lines


def main() -> None:
    """Write the table to standard output."""
    clock, rows = time.process_time(), []
    for case in CASES:
        rows += measured(case)
        print(f"{case.family}: {time.process_time() - clock:.0f} CPU seconds so far", file=sys.stderr)
    worst = max(rows, key=lambda row: abs(row.deviation))
    print("# Do 95 % intervals cover in 95 % of cases?\n")
    print((__doc__ or "").partition("\n\n")[2].strip("\n") + "\n")
    print("\n".join(table(rows)) + "\n")
    odds = 100 * len(rows) * 0.001
    where = f"{worst.case.family}, `{worst.metric}`, {worst.method}"
    print(f"""\
`half-width`: the median, as a share of the mean. `values`: replications (on average) or batches behind an
interval. `deviations`: how many binomial standard deviations (6.9 of 1000) the number of covering intervals
is off; the largest is {worst.deviation:+.1f} ({where}).
Among {len(rows)} exact kinds of intervals one beyond 3.3 happens in {odds:.0f} % of tables; those of short
paths of one family are made from the same replications, and deviate together.
Made in {time.process_time() - clock:.0f} CPU seconds.

Means of short paths of a skewed quantity are skewed themselves, and their intervals cover less often: with
replications a third as long `jobs_per_server` was covered 927 times, and with a path a third as long the
batch means of `workload` 922 times.""")


if __name__ == "__main__":
    main()
