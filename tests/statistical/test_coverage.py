"""95 % intervals must cover the known value in 95 % of 1000 simulations, for one metric of each kernel.

The number of intervals that cover is binomial; a deviation of 4 standard deviations (27.6 of 1000) has
probability 6e-5, once, because the seeds are fixed.
"""

import numpy as np
import pytest
from intervals_cover import CASES, measured
from scipy.linalg import expm

import jaxsim
from jaxsim.statistics import ratio_interval

INTERVALS = 1000


def own_queue_drops(delay, horizon=50.0, buffer=5, rates=(0.9, 0.6), service=1.0):
    """Return the exact mean drops of an M/M/1/B queue whose rate switches between epochs, from empty.

    Adding a counter of drops to the chain's generator gives the mean drops of an epoch by start state: the
    last column of exp(delay * [[Q, r], [0, 0]]), where r is the arrival rate in the full state.
    """
    stay = np.array([[0.8, 0.2], [0.5, 0.5]])  # from the high rate, from the low rate
    epochs = int(np.ceil(horizon / delay - 1e-9))
    moves, drops = [], []
    for rate in rates:
        q = np.zeros((buffer + 2, buffer + 2))
        for z in range(buffer + 1):
            if z < buffer:
                q[z, z + 1] = rate
            if z > 0:
                q[z, z - 1] = service
            q[z, z] = -q[z].sum()
        q[buffer, buffer + 1] = rate
        p = expm(delay * q)
        moves.append(p[: buffer + 1, : buffer + 1])
        drops.append(p[: buffer + 1, buffer + 1])
    law = np.zeros((2, buffer + 1))
    law[:, 0] = 0.5
    total = 0.0
    for _ in range(epochs):
        total += sum(law[k] @ drops[k] for k in range(2))
        law = stay.T @ np.stack([law[k] @ moves[k] for k in range(2)])
    return total * horizon / (epochs * delay)


def hits(family, policy, metric, exact, replications, run, **keys):
    """Return how many of 1000 intervals, each from so many fresh replications, cover the exact value.

    Ten seeds give a hundred groups of replications each; groups share nothing, as different seeds do not.
    """
    system = jaxsim.system(family, **keys)
    chosen = jaxsim.policy(policy, system)
    count = 0
    for seed in range(10):
        total = replications * INTERVALS // 10
        result = jaxsim.simulate(system.kernel, chosen, system.params, seed=seed, replications=total, **run)
        sides = (result.samples[f"{metric}.{side}"] for side in ("numerator", "denominator"))
        groups = zip(*(side.reshape(-1, replications) for side in sides), strict=True)
        count += sum(ratio_interval(x, y).covers(exact) for x, y in groups)
    return count


def promised(count):
    return abs(count - 0.95 * INTERVALS) < 4 * np.sqrt(INTERVALS * 0.95 * 0.05)


@pytest.mark.parametrize(
    ("delay", "printed"), [(1, 3.4258), (2, 3.4731), (3, 3.5096), (5, 3.5144), (7, 3.5732), (10, 3.4620)]
)
def test_oracle_agrees_with_published_values(delay, printed):
    # Computed elsewhere, once, by another program, to four decimals.
    assert own_queue_drops(delay) == pytest.approx(printed, abs=6e-5)


def test_balancing_intervals_cover():
    exact = own_queue_drops(5.0)
    keys = {"topology": "cycle", "nodes": 10, "delay": 5}
    assert promised(hits("balancing", "own", "drops_per_node", exact, 100, {}, **keys))


def test_pooling_intervals_cover():
    # Without cooperation each server is an M/M/1 queue: mean rho / (1 - rho) = 1. Relaxation time
    # 1 / (1 - sqrt(rho))^2 = 12, so a warm-up of 100 leaves nothing of the start.
    run = {"horizon": 100.0, "warmup": 100.0}
    assert promised(
        hits("pooling", "independent", "jobs_per_server", 1.0, 40, run, servers=5, arrival_rate=0.5)
    )


@pytest.mark.parametrize("delay", [1, 2, 5, 10])
def test_own_queue_drops_agree_with_the_matrix_exponential(delay):
    system = jaxsim.system("balancing", topology="torus", side=10, delay=delay)
    result = jaxsim.simulate(system.kernel, jaxsim.policy("own", system), system.params, replications=2000)
    estimate = result["drops_per_node"]
    # 3 standard errors in four cases: false alarm 1 %, once, because the seed is fixed.
    assert abs(estimate.mean - own_queue_drops(float(delay))) < 3 * estimate.standard_error


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.family)
def test_two_metrics_of_every_family_are_covered(case):
    # Fixed, sequential and batch means, 1000 intervals each, within 4 binomial standard deviations.
    rows = measured(case)
    assert len(rows) == 6
    assert all(abs(row.deviation) < 4 for row in rows), [(r.metric, r.method, r.covered) for r in rows]
