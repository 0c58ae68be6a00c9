"""Pooling: events per second on one CPU thread, beside a scalar C++ loop, with both answers and the exact.

    XLA_FLAGS=--xla_cpu_multi_thread_eigen=false taskset -c 0 python benchmarks/pooling.py

Times are CPU seconds, the best of several calls, compilation apart. An event is an arrival or a unit of
capacity; *null* events are units that an idle server does not offer. The C++ loop is timed by its own CPU
clock. Warm-up is 400 units of time (a cap of 20 tokens relaxes in about 100).
"""

from __future__ import annotations

import argparse
import json
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
from jaxsim.engine import batch
from jaxsim.engine.path import TOTALS
from jaxsim.engine.plan import Plan
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.theory import chain
from jaxsim.models.pooling.theory.server_one import best_response_value

PEER = Path(__file__).parent / "peers" / "pooling_events.cpp"
RATE, PHI, CAP = 0.8, 0.7, 20


def measure(servers: int, replications: int, steps: int, repeats: int, **keys: Any) -> dict[str, float]:
    """Return speeds and answers of the ordinary kernel under the engine's own loop, one chunk of lanes."""
    s = system(servers=servers, arrival_rate=RATE, token_probability=PHI, token_cap=CAP, **keys)
    policy = policies.fmfe(s)
    context = batch.prepare(s.kernel, s.params, policy)
    mesh = batch.mesh_of(Plan((jax.devices()[0],), 1, replications, 1))
    numbers = jnp.arange(replications, dtype=jnp.uint32)[None]
    clock = time.perf_counter()
    paths = batch.begin(s.kernel, mesh, policy, context, random.key(1), numbers)
    paths, _ = batch.proceed(s.kernel, mesh, policy, context, paths, jnp.zeros(1, jnp.int32))
    jax.block_until_ready(paths)
    compiling = time.perf_counter() - clock
    warm = int(400 * servers * (1 + RATE) // steps) + 1
    best, sums = np.inf, dict[str, float]()
    for call in range(warm + repeats):
        clock = time.process_time()
        paths, totals = batch.proceed(s.kernel, mesh, policy, context, paths, jnp.full(1, steps))
        jax.block_until_ready(paths)
        best = min(best, time.process_time() - clock)
        if call >= warm:
            for name, value in TOTALS.finalize(totals).items():
                sums[name] = sums.get(name, 0.0) + float(value.sum())
    events = replications * steps * repeats
    rate = 1 + RATE
    # Units of capacity that are neither offered nor used for the own queue; what enters a queue leaves it.
    idle = 1 / rate - (sums["offers"] + (events * RATE / rate - sums["requests"])) / events
    return {
        "events_per_second": replications * steps / best,
        "null_share": idle,
        "compile_seconds": compiling,
        "jobs_per_server": sums["queued"] / events / servers,
        "pool_jobs": sums["pooled"] / events,
        "help_request_rate": sums["requests"] / events * rate,
        "help_offer_rate": sums["offers"] / events * rate,
        "token_boundary_probability": sums["at_bound"] / events / servers,
    }


def peer(servers: int, events: int) -> dict[str, float] | None:
    """Return the C++ loop's speed and answers, or None without a compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    s = system(servers=servers, arrival_rate=RATE, token_probability=PHI, token_cap=CAP)
    policy = policies.fmfe(s)
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "peer")
        subprocess.run([compiler, "-O3", "-march=native", "-o", program, str(PEER)], check=True)
        words = [servers, RATE, PHI, CAP, float(policy.threshold), float(policy.offer), events, 1]
        done = subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def figure_2_seconds() -> tuple[float, float]:
    """Return CPU seconds of the 27 instances of figure 2 together: with compilation, and warm."""
    lam, servers = (x.ravel() for x in np.meshgrid((0.7, 0.8, 0.9), np.arange(4, 21, 2), indexing="ij"))
    spent = []
    for _ in range(4):
        clock = time.process_time()
        float(best_response_value(lam, servers).gap.max())
        spent.append(time.process_time() - clock)
    return spent[0], min(spent[1:])


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description="Events per second of the pooling kernel.")
    words.add_argument("--servers", type=int, nargs="+", default=[10, 100, 1000])
    words.add_argument("--replications", type=int, default=256)
    words.add_argument("--steps", type=int, default=8192)
    words.add_argument("--repeats", type=int, default=8)
    given = words.parse_args()
    law = chain.server_law(RATE, PHI, CAP)
    exact = {
        "jobs_per_server": float(law.queue),
        "pool_jobs": PHI / (1 - PHI),
        "help_request_rate": float(law.requests),
        "help_offer_rate": float(law.offers),
        "token_boundary_probability": float(law.boundary),
    }
    print(f"exact (pool: limit for many servers): { ({k: round(v, 4) for k, v in exact.items()}) }")
    for servers in given.servers:
        rows = {
            "jaxsim": measure(servers, given.replications, given.steps, given.repeats),
            "jaxsim, exact waits": measure(
                servers, given.replications, given.steps, given.repeats, waits="exact"
            ),
            "C++ scalar": peer(servers, 20_000_000),
        }
        for name, row in rows.items():
            if row is None:
                print(f"N = {servers:5d}  {name:20s} no compiler found")
                continue
            speed, null = row["events_per_second"] / 1e6, row["null_share"]
            answers = {key: round(row[key], 4) for key in exact}
            compiled = f", compiled in {row['compile_seconds']:.1f} s" if "compile_seconds" in row else ""
            shares = f"{speed * (1 - null):.1f} real + {speed * null:.1f} null"
            print(f"N = {servers:5d}  {name:20s} {speed:6.1f} M events/s ({shares}){compiled}  {answers}")
    cold, warm = figure_2_seconds()
    print(f"figure 2, 27 instances together: {warm:.2f} s warm, {cold:.1f} s with compilation (CPU)")


if __name__ == "__main__":
    main()
