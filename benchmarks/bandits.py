"""Speed of indices and of simulated plays, with the error against exact values printed beside.

    taskset -c 0 python benchmarks/bandits.py [--large 3000] [--arms 100] [--replications 4096]

Three measurements on one thread, CPU seconds, best of a few calls after the first (which compiles):

1. Gittins indices of 10 000 arms of 20 states, in double and in single precision;
2. all indices of one arm of 3000 states in double precision (blocked elimination), checked on a few states
   against the definition: a linear solve with the continuation set that the indices give;
3. plays per second of the index rule with 100 arms of 20 states, and the simulated value against the exact
   one of Whittle's integral over the 100 arms.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.engine import simulate
from jaxsim.models.bandits import policies
from jaxsim.models.bandits.system import system
from jaxsim.models.bandits.theory.elimination import eliminate
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.joint import joint_value

BETA = 0.9


def timed(function: Callable[[], Any], repeats: int = 5) -> tuple[float, float, Any]:
    """CPU seconds of the first call, the least of the others, and the last result."""
    start = time.process_time()
    out = function()
    first, times = time.process_time() - start, []
    for _ in range(repeats):
        start = time.process_time()
        out = function()
        times.append(time.process_time() - start)
    return first, min(times), out


def by_definition(r: np.ndarray, p: np.ndarray, nu: np.ndarray, state: int) -> float:
    """Index of a state as the ratio of its two expectations, continuing where the index is higher."""
    inside = np.flatnonzero((nu > nu[state]) | (np.arange(len(nu)) == state))
    where = int(np.flatnonzero(inside == state)[0])
    kept = np.eye(len(inside)) - BETA * p[np.ix_(inside, inside)]
    both = np.linalg.solve(kept, np.column_stack([r[inside], np.ones(len(inside))]))[where]
    return float(both[0] / both[1])


def small_arms(arms: int = 10_000, states: int = 20) -> None:
    """Measurement 1."""
    rng = np.random.default_rng(0)
    p, r = rng.dirichlet(np.ones(states), (arms, states)), rng.random((arms, states))
    first, best, double = timed(lambda: gittins_index(r, p, BETA))
    worst = max(
        abs(by_definition(r[i], p[i], double[i], s) - double[i, s]) for i in range(20) for s in range(5)
    )
    print(
        f"{arms} arms of {states} states, public call, float64: {best:.3f} s (first {first:.2f}), "
        f"error {worst:.1e}"
    )
    for dtype in (np.float64, np.float32):
        with jax.enable_x64(dtype is np.float64):
            tables = jnp.asarray(r, dtype), jnp.asarray(p, dtype)
            one = jax.jit(
                lambda a, b, s: jax.lax.map(
                    lambda x: eliminate(x[0], x[1], s).indices, (a, b), batch_size=128
                )
            )
            stop = jnp.asarray(1 - BETA, dtype)
            first, best, found = timed(lambda run=one, t=tables, s=stop: run(*t, s).block_until_ready())
        error = np.abs(np.asarray(found, float) - double).max()
        print(f"  elimination alone, {dtype.__name__}: {best:.3f} s, difference {error:.1e}")


def large_arm(states: int) -> None:
    """Measurement 2."""
    rng = np.random.default_rng(1)
    p, r = rng.dirichlet(np.ones(states), states), rng.random(states)
    first, best, nu = timed(lambda: gittins_index(r, p, BETA), repeats=3)
    checked = np.argsort(-nu)[[0, states // 10, states // 2, states - 1]]
    error = max(abs(by_definition(r, p, nu, int(s)) - nu[s]) for s in checked)
    print(f"one arm of {states} states, float64: {best:.2f} s (first {first:.1f}), error {error:.1e}")


def plays(arms: int, replications: int, states: int = 20) -> None:
    """Measurement 3."""
    rng = np.random.default_rng(2)
    p, r = rng.dirichlet(np.full(states, 0.3), states), rng.random(states)
    bandit = system(rewards=r.tolist(), transitions=p.tolist(), arms=arms, discount=0.99)
    policy = policies.index(bandit)
    exact = joint_value([(r, p)] * arms, 0.99, [0] * arms)

    def run() -> Any:
        device = tuple(jax.local_devices()[:1])
        return simulate(
            bandit.kernel, policy, bandit.params, replications=replications, horizon=1600, devices=device
        )

    _, best, result = timed(run, repeats=3)
    found = result.estimates["discounted_reward"]
    speed = result.timing["steps_per_second"]
    whole = replications * 1600 / best / 1e6
    print(
        f"index rule, {arms} arms: {speed / 1e6:.1f} million plays/s, {whole:.1f} per CPU second "
        f"of the whole call; value {found.mean:.5f} +- {found.half_width:.5f}, exact {exact:.5f}"
    )


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", type=int, default=3000)
    parser.add_argument("--arms", type=int, default=100)
    parser.add_argument("--replications", type=int, default=4096)
    options = parser.parse_args()
    small_arms()
    large_arm(options.large)
    plays(options.arms, options.replications)


if __name__ == "__main__":
    main()
