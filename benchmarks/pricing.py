"""Pricing: path-steps and events per second on one CPU thread, beside scalar C++ loops, with both answers.

    XLA_FLAGS=--xla_cpu_multi_thread_eigen=false taskset -c 0 python benchmarks/pricing.py

Times are CPU seconds, the best of several calls, compilation apart; the C++ loops are timed by their own CPU
clock. A path-step is one step of length 0.04 of figure 11: the reflected workload, the game's queues and
prices, the constant prices beside them, both costs, all observables. An event is a batch, a packet that
leaves or a jump of the environment, at heavy-traffic scale 10. ``--all-cores`` times 100 000 paths through
``simulate`` on every core by the wall clock.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random
from jaxsim.engine import batch, simulate
from jaxsim.engine.path import TOTALS
from jaxsim.engine.plan import Plan
from jaxsim.models.pricing import catalogue, system
from jaxsim.models.pricing.theory import brownian

PEER = Path(__file__).parent / "peers" / "pricing.cpp"


def measure(name: str, lanes: int, steps: int, repeats: int, **keys: Any) -> dict[str, float]:
    """Return speed and totals per step of the ordinary kernel under the engine's own loop, from empty."""
    s = system(**keys)
    policy = getattr(catalogue, name)(s)
    context = batch.prepare(s.kernel, s.params, policy)
    mesh = batch.mesh_of(Plan((jax.devices()[0],), 1, lanes, 1))
    numbers = jnp.arange(lanes, dtype=jnp.uint32)[None]
    best, totals = np.inf, None
    for _ in range(repeats + 1):
        paths = batch.begin(s.kernel, mesh, policy, context, random.key(1), numbers)
        jax.block_until_ready(paths)
        clock = time.process_time()
        paths, totals = batch.proceed(s.kernel, mesh, policy, context, paths, jnp.full(1, steps))
        jax.block_until_ready(paths)
        best = min(best, time.process_time() - clock)
    assert totals is not None
    found = {k: float(np.sum(v)) / (lanes * steps) for k, v in TOTALS.finalize(totals).items()}
    return {"per_second": lanes * steps / best, **found}


def peer(program: str, *words: Any) -> dict[str, float]:
    """Return the C++ loop's speed and answers."""
    done = subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    means = {name: mean for name, (mean, _) in found["answers"].items()}
    return {"per_second": found["work"] / found["seconds"], **means}


def show(label: str, row: dict[str, float], answers: tuple[str, ...]) -> None:
    """Print a line of the table."""
    told = {name: float(f"{row[name]:.5g}") for name in answers if name in row}
    print(f"{label:48s} {row['per_second'] / 1e6:7.1f} M/s   {told}")


def all_cores(paths: int, steps: int) -> None:
    """Print the wall-clock speed of ``simulate`` on all cores."""
    s = system()
    run = functools.partial(
        simulate, s.kernel, catalogue.game(s), s.params, replications=paths, horizon=0.04 * steps
    )
    run()
    clock, spent = time.perf_counter(), time.process_time()
    found = run()
    wall, spent = time.perf_counter() - clock, time.process_time() - spent
    speed, per_core = paths * steps / wall / 1e6, paths * steps / spent / 1e6
    print(f"simulate, {paths} paths x {steps} steps: {speed:.1f} M path-steps/s by the wall clock")
    devices, mean = len(jax.local_devices()), found["workload"].mean
    print(f"    on {devices} devices; {per_core:.1f} per CPU second; mean workload {mean:.2f}")


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description="Speed of the pricing kernels.")
    words.add_argument("--lanes", type=int, default=4096)
    words.add_argument("--steps", type=int, default=2048)
    words.add_argument("--repeats", type=int, default=3)
    words.add_argument("--all-cores", action="store_true")
    given = words.parse_args()
    if given.all_cores:
        jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
        all_cores(100_000, 5000)
        return
    lanes, steps, repeats = given.lanes, given.steps, given.repeats
    at = 0.04 * np.arange(1, steps + 1)
    exact = np.mean([brownian.workload_mean(t, -34.0, 107000.0)[0] for t in at[:: max(1, steps // 64)]])
    print(f"exact mean workload over the {steps} steps: about {exact:.1f}")
    wanted = ("workload", "cost_difference", "queue_2", "price_1", "events")
    show("diffusion, game beside constant prices", measure("game", lanes, steps, repeats), wanted)
    euler = measure("game", lanes, steps, repeats, scheme="projected_euler")
    show("the same, projected Euler", euler, wanted)
    compiler = shutil.which("g++") or shutil.which("clang++")
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "peer")
        if compiler is not None:
            subprocess.run(
                [compiler, "-O3", "-march=native", "-std=c++17", "-o", program, str(PEER)], check=True
            )
            show("C++ scalar, one thread", peer(program, "diffusion", 4096, steps, 1), wanted)
        for name in ("constant", "game"):
            row = measure(name, 1024, 8 * steps, repeats, model="queue")
            row |= {"workload": row["workload"] / row["duration"], "events": row["events"] / row["duration"]}
            show(f"packets, scale 10, policy {name}", row, ("workload", "events"))
        if compiler is not None:
            show("C++ scalar, one thread, one long path", peer(program, "packets", 10, 30_000_000, 1), wanted)


if __name__ == "__main__":
    main()
