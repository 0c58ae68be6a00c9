"""Throughput of the mechanisms family beside peers, with the answer's correctness beside its speed.

    XLA_FLAGS=--xla_cpu_multi_thread_eigen=false taskset -c 0 python benchmarks/mechanisms.py

Peers in the same run: scipy's SLSQP on the same economies, HiGHS on the same linear programs (both one by
one, as their users would), scipy's linear_sum_assignment on the same matchings. CPU seconds of this
process; compilation apart.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.engine import simulate
from jaxsim.models.mechanisms import policies, power
from jaxsim.models.mechanisms.linear import solve_linear
from jaxsim.models.mechanisms.matching import match_users
from jaxsim.models.mechanisms.price import solve_economies
from jaxsim.models.mechanisms.system import system
from jaxsim.models.mechanisms.utilities import Logarithmic


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return the second run's answer, its CPU seconds, and the extra seconds of the first (compilation)."""
    start = time.process_time()
    jax.block_until_ready(run())
    middle = time.process_time()
    answer = jax.block_until_ready(run())
    end = time.process_time()
    return answer, end - middle, (middle - start) - (end - middle)


def row(
    name: str, instances: int, seconds: float, compile_seconds: float, error: float, what: str
) -> dict[str, Any]:
    return {
        "name": name, "instances": instances, "cpu_seconds": round(seconds, 4),
        "instances_per_second": round(instances / seconds, 1), "compile_seconds": round(compile_seconds, 2),
        "error": float(error), "error_is": what,
    }  # fmt: skip


def economies(count: int, divisions: int, kinds: int) -> tuple[Logarithmic, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (count, divisions, 1)
    utility = Logarithmic(5 * (0.5 + rng.random(shape)), 0.5 + rng.random(shape))
    return utility, 0.2 + rng.random((*shape, kinds)), divisions * (0.5 + rng.random((count, kinds)))


def price_rows() -> list[dict[str, Any]]:
    from scipy.optimize import minimize

    rows = []
    for count, divisions, kinds in ((4000, 10, 3), (1000, 100, 10), (100, 1000, 10)):
        given = economies(count, divisions, kinds)
        for precision in ("float64", "float32"):
            found, run, compiling = timed(lambda g=given, p=precision: solve_economies(*g, precision=p))
            label = f"price mechanism N={divisions} K={kinds} {precision}"
            rows.append(row(label, count, run, compiling, np.max(found.residual), "largest KKT residual"))
    utility, uses, supplies = economies(4000, 10, 3)
    ours = solve_economies(utility, uses, supplies)
    start, gap = time.process_time(), 0.0
    for i in range(20):
        w, d, a = utility.weight[i, :, 0], utility.scale[i, :, 0], uses[i, :, 0]
        bound = {"type": "ineq", "fun": lambda x, a=a, i=i: supplies[i] - x @ a, "jac": lambda x, a=a: -a.T}
        value = lambda x, w=w, d=d: -np.sum(w * np.log1p(x / d))  # noqa: E731
        slope = lambda x, w=w, d=d: -w / (d + x)  # noqa: E731
        peer = minimize(value, np.full(10, 0.1), jac=slope, bounds=[(0, None)] * 10, constraints=[bound],
                        method="SLSQP", options={"ftol": 1e-12, "maxiter": 500})  # fmt: skip
        gap = max(gap, abs(-peer.fun - ours.welfare[i]))
    spent = time.process_time() - start
    return [*rows, row("scipy SLSQP N=10 K=3", 20, spent, 0.0, gap, "largest welfare difference from ours")]


def linear_rows() -> list[dict[str, Any]]:
    from scipy.optimize import linprog

    rng = np.random.default_rng(1)
    c, a, b = rng.random((2000, 20, 1)), rng.random((2000, 20, 1, 5)), 0.5 + rng.random((2000, 5))
    solve = jax.jit(jax.vmap(solve_linear))
    with jax.enable_x64(True):
        given = tuple(map(jnp.asarray, (c, a, b)))
        found, run, compiling = timed(lambda: solve(*given))
        found = jax.device_get(found)
    start = time.process_time()
    peers = [linprog(-c[i, :, 0], A_ub=a[i, :, 0].T, b_ub=b[i], method="highs").fun for i in range(50)]
    spent = time.process_time() - start
    gap = np.max(np.abs(found.value[:50] + np.array(peers)))
    ours = row(
        "linear program N=20 K=5", 2000, run, compiling, np.max(found.residual), "largest KKT residual"
    )
    return [ours, row("HiGHS N=20 K=5", 50, spent, 0.0, gap, "largest difference from ours")]


def power_row() -> dict[str, Any]:
    markets = power.random_markets(64)
    found, run, compiling = timed(lambda: power.compare_many(markets))
    gap = np.max(np.abs(found["priority_service"]["welfare"] - found["two_stage"]["welfare"]))
    return row(
        "ten schemes on a random market, N=4 K=3", 64, run, compiling, gap, "menu's distance from the optimum"
    )


def matching_rows() -> list[dict[str, Any]]:
    from scipy.optimize import linear_sum_assignment

    values = np.random.default_rng(2).random((60, 50))
    found, run, compiling = timed(lambda: match_users(values))
    start = time.process_time()
    picked = linear_sum_assignment(-values)
    spent = max(time.process_time() - start, 1e-6)
    gap = abs(float(found.value) - values[picked].sum())
    ours = row(
        "matching with rents, N=60 T=50", 1, run, compiling, found.residual, "violation of (5.2), (5.3)"
    )
    return [ours, row("scipy linear_sum_assignment (no prices)", 1, spent, 0.0, gap, "difference from ours")]


def kernel_row() -> dict[str, Any]:
    here = system()
    rule = policies.adaptive(here)
    found, run, compiling = timed(
        lambda: simulate(here.kernel, rule, here.params, replications=512, horizon=1000.0, seed=0)
    )
    error = found.estimates["abandoned"].mean
    return row(
        "tatonnement rounds, N=10 K=3", 512_000, run, compiling, error, "share of economies not cleared"
    )


def main() -> None:
    for entry in (*price_rows(), *linear_rows(), power_row(), *matching_rows(), kernel_row()):
        print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main()
