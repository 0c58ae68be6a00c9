"""Speed of indices and of simulated plays, with the error against exact values and a C++ peer beside.

    taskset -c 0 python benchmarks/bandits.py [--large 3000] [--arms 100] [--replications 4096]

Three measurements on one thread, CPU seconds, best of a few calls after the first (which compiles):

1. Gittins indices of 10 000 arms of 20 states, in double and in single precision;
2. all indices of one arm of 3000 states in double precision (blocked elimination), checked on a few states
   against the definition: a linear solve with the continuation set that the indices give;
3. plays per second of the index rule with 100 arms of 20 states, and the simulated value against the exact
   one of Whittle's integral over the 100 arms;

and the errors of the cycle (0, 0, 9) at discount 1 - 1e-6 in both precisions. The peer (`peers/bandits.cpp`)
runs on the same arms in the same call: plain elimination, and a binary heap of arms.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
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
SOURCE = Path(__file__).parent / "peers" / "bandits.cpp"


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


class Peer:
    """The C++ program, built once, or None of it where there is no compiler."""

    def __init__(self, folder: str):
        """Build in a folder."""
        self.folder, compiler = Path(folder), shutil.which("g++") or shutil.which("clang++")
        self.program = self.folder / "peer" if compiler else None
        if compiler:
            command = [compiler, "-O3", "-march=native", "-o", str(self.program), str(SOURCE)]
            subprocess.run(command, check=True)

    def run(self, mode: str, numbers: list[Any], *words: Any) -> dict[str, float] | None:
        """Return what the program prints, given a file of doubles."""
        if self.program is None:
            return None
        given = self.folder / "numbers"
        np.concatenate([np.ravel(x).astype(float) for x in numbers]).tofile(given)
        command = [str(self.program), mode, str(given), *map(str, words)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def indices(self, r: np.ndarray, p: np.ndarray, ours: np.ndarray) -> str:
        """Time the elimination of these arms; compare with our indices."""
        out = self.folder / "indices"
        shape = [r.shape[0], r.shape[1], 1 - BETA]
        found = self.run("indices", [shape, r, p], out)
        if found is None:
            return "C++: no compiler found"
        error = np.abs(np.fromfile(out).reshape(ours.shape) - ours).max()
        return f"C++ {found['seconds']:.3f} s, difference {error:.1e}"


def by_definition(r: np.ndarray, p: np.ndarray, nu: np.ndarray, state: int) -> float:
    """Index of a state as the ratio of its two expectations, continuing where the index is higher."""
    inside = np.flatnonzero((nu > nu[state]) | (np.arange(len(nu)) == state))
    where = int(np.flatnonzero(inside == state)[0])
    kept = np.eye(len(inside)) - BETA * p[np.ix_(inside, inside)]
    both = np.linalg.solve(kept, np.column_stack([r[inside], np.ones(len(inside))]))[where]
    return float(both[0] / both[1])


def small_arms(peer: Peer, arms: int = 10_000, states: int = 20) -> None:
    """Measurement 1."""
    rng = np.random.default_rng(0)
    p, r = rng.dirichlet(np.ones(states), (arms, states)), rng.random((arms, states))
    first, best, double = timed(lambda: gittins_index(r, p, BETA))
    worst = max(
        abs(by_definition(r[i], p[i], double[i], s) - double[i, s]) for i in range(20) for s in range(5)
    )
    print(
        f"{arms} arms of {states} states, public call with validation, float64: {best:.3f} s "
        f"(first {first:.2f}), error {worst:.1e}; {peer.indices(r, p, double)}"
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


def cycle() -> None:
    """Errors of (0, 0, 9) at 1 - 1e-6 against 9 b^2 / (1 + b + b^2), 9 b / (1 + b), 9."""
    b, move = 1 - 1e-6, np.roll(np.eye(3), 1, axis=1)
    exact = np.array([9 * b * b / (1 + b + b * b), 9 * b / (1 + b), 9.0])
    for dtype in (np.float64, np.float32):
        with jax.enable_x64(dtype is np.float64):
            arm = jnp.asarray([0, 0, 9], dtype), jnp.asarray(move, dtype), jnp.asarray(1e-6, dtype)
            error = np.abs(np.asarray(eliminate(*arm).indices, float) - exact).max()
        print(f"cycle (0, 0, 9) at discount 1 - 1e-6, {dtype.__name__}: error {error:.1e}")


def large_arm(peer: Peer, states: int) -> None:
    """Measurement 2."""
    rng = np.random.default_rng(1)
    p, r = rng.dirichlet(np.ones(states), states), rng.random(states)
    first, best, nu = timed(lambda: gittins_index(r, p, BETA), repeats=3)
    checked = np.argsort(-nu)[[0, states // 10, states // 2, states - 1]]
    error = max(abs(by_definition(r, p, nu, int(s)) - nu[s]) for s in checked)
    print(
        f"one arm of {states} states, float64: {best:.2f} s (first {first:.1f}), error {error:.1e}; "
        f"{peer.indices(r[None], p[None], nu[None])}"
    )


def plays(peer: Peer, arms: int, replications: int, states: int = 20, horizon: int = 1600) -> None:
    """Measurement 3."""
    rng = np.random.default_rng(2)
    p, r = rng.dirichlet(np.full(states, 0.3), states), rng.random(states)
    bandit = system(rewards=r.tolist(), transitions=p.tolist(), arms=arms, discount=0.99)
    policy = policies.index(bandit)
    exact = joint_value([(r, p)] * arms, 0.99, [0] * arms)

    def run() -> Any:
        device = tuple(jax.local_devices()[:1])
        return simulate(
            bandit.kernel, policy, bandit.params, replications=replications, horizon=horizon, devices=device
        )

    _, best, result = timed(run, repeats=3)
    found = result.estimates["discounted_reward"]
    speed = result.timing["steps_per_second"]
    whole = replications * horizon / best / 1e6
    numbers = [[states], r, gittins_index(r, p, 0.99), p]
    other = peer.run("plays", numbers, replications, horizon, arms, 0.99, 1)
    beside = (
        f"C++ heap {other['plays_per_second'] / 1e6:.1f}, value {other['value']:.5f}"
        if other
        else "C++: no compiler found"
    )
    print(
        f"index rule, {arms} arms: {speed / 1e6:.1f} million plays/s, {whole:.1f} per CPU second "
        f"of the whole call; value {found.mean:.5f} +- {found.half_width:.5f}, exact {exact:.5f}; {beside}"
    )


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", type=int, default=3000)
    parser.add_argument("--arms", type=int, default=100)
    parser.add_argument("--replications", type=int, default=4096)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(folder)
        small_arms(peer)
        cycle()
        large_arm(peer, options.large)
        plays(peer, options.arms, options.replications)


if __name__ == "__main__":
    main()
