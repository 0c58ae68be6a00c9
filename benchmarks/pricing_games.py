"""Throughput of the games of the pricing family beside scipy, with the answers' errors beside the speed.

    XLA_FLAGS=--xla_cpu_multi_thread_eigen=false taskset -c 0 python benchmarks/pricing_games.py

Peers in the same run: scipy's vectorized root finder (elementwise.find_root, Chandrupatla) on the same
equation for all instances at once, scipy's brentq one by one, SLSQP on the same rates one by one. CPU
seconds of this process; compilation apart.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.models.pricing.games import dual, nash, regions, selection, utilities

COUNT = 100_000


def timed(run: Callable[[], Any], repeat: int = 5) -> tuple[Any, float]:
    """Return the answer and the CPU seconds of a run, the first one (compilation) left out."""
    jax.block_until_ready(run())
    start = time.process_time()
    answer = None
    for _ in range(repeat):
        answer = jax.block_until_ready(run())
    return answer, (time.process_time() - start) / repeat


def row(name: str, instances: int, seconds: float, error: float, what: str) -> dict[str, Any]:
    return {
        "name": name, "instances": instances, "cpu_seconds": round(seconds, 5),
        "instances_per_second": round(instances / seconds, 1), "error": float(error), "error_is": what,
    }  # fmt: skip


def instances(dtype: Any) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    p, mu = 10 ** rng.uniform(-1, 1, (2, COUNT)), 10 ** rng.uniform(-2, 0, (2, COUNT))
    w, c = 10 ** rng.uniform(0, 5, COUNT), 10 ** rng.uniform(2, 3.3, (2, COUNT))
    return tuple(x.astype(dtype) for x in (p, w, c, mu))


def exact_first(p: Any, w: Any, c: Any, mu: Any) -> np.ndarray:
    """(5.5) without cancellation, in extended precision."""
    p, w, c, mu = (np.asarray(x, np.longdouble) for x in (p, w, c, mu))
    d = p[0] ** 2 * c[1] ** 3 / (2 * p[1] ** 3 * c[0] * mu[1] ** 2)
    return 2 * w**2 / (2 * w / mu[0] + d + np.sqrt(d * (d + 4 * w / mu[0])))


def pareto_rows(dtype: Any) -> list[dict[str, Any]]:
    both = utilities.join(utilities.proportional_fair(), utilities.minimal_potential_delay())
    utility = jax.tree.map(lambda x: jnp.asarray(x, dtype), both)
    arguments = instances(dtype)
    given = tuple(map(jnp.asarray, arguments))
    run = jax.jit(jax.vmap(lambda p, w, c, m: dual.pareto(utility, p, w, c, m), in_axes=-1, out_axes=-1))
    found, seconds = timed(lambda: run(*given))
    exact = exact_first(*arguments)
    error = np.max(np.abs(np.asarray(found.queues[0]) / exact - 1))
    return [row(f"Pareto point, Newton, {np.dtype(dtype).name}", COUNT, seconds, error, "relative, to (5.5)")]


def scipy_rows() -> list[dict[str, Any]]:
    from scipy.optimize import brentq, elementwise

    p, w, c, mu = instances(np.float64)
    a = np.log(p[0] ** 2 * mu[0] / c[0] * w)
    b = np.log(2 * p[1] ** 3 * mu[1] ** 2 / c[1] ** 3 * w**2)
    low, high = np.minimum(a, b) - 2 * np.log(2), np.minimum(a, b) + 1e-9

    def missing(t: Any, a: Any, b: Any) -> Any:
        return np.logaddexp(t - a, (t - b) / 2)

    limits = {"xatol": 1e-14, "xrtol": 0, "fatol": 1e-15}
    start = time.process_time()
    root = elementwise.find_root(missing, (low, high), args=(a, b), tolerances=limits).x
    seconds, exact = time.process_time() - start, exact_first(p, w, c, mu)
    error = np.max(np.abs(mu[0] * w * np.exp(root - a) / exact - 1))
    few = 2000
    start = time.process_time()
    one = [brentq(missing, low[k], high[k], args=(a[k], b[k]), xtol=1e-14) for k in range(few)]
    single = time.process_time() - start
    off = np.max(np.abs((mu[0] * w)[:few] * np.exp(np.array(one) - a[:few]) / exact[:few] - 1))
    return [
        row("  scipy elementwise.find_root", COUNT, seconds, error, "relative, to (5.5)"),
        row("  scipy brentq, one by one", few, single, off, "relative, to (5.5)"),
    ]


def nash_rows() -> list[dict[str, Any]]:
    from scipy.optimize import minimize

    kinds = (utilities.proportional_fair(), utilities.minimal_potential_delay(), utilities.fair(1.0, 2.0))
    utility = utilities.join(*kinds)
    box = regions.sum_and_box(2000.0, [1500.0, 1200.0, 900.0])
    corners = regions.as_polytope(box)
    many = 20_000
    few = 50
    rng = np.random.default_rng(0)
    x = 10 ** rng.uniform(-2, 5, (many, 3))
    # SLSQP goes astray where weights differ by many powers of ten; the first ones are tame for its sake
    x[:few] = 10 ** rng.uniform(2.5, 3.0, (few, 3)) / np.array([100, 1, 1])
    x = jnp.asarray(x)
    answers, rows = {}, []
    for name, region in (("bisection, sum-and-box", box), ("interior point, 4 facets", corners)):
        run = jax.jit(jax.vmap(lambda v, r=region: nash.equilibrium(utility, r, v)))
        found, seconds = timed(lambda run=run: run(x))
        answers[name] = np.asarray(found.rates)
        kkt = np.max(found.kkt)
        rows.append(row(f"Nash rates, {name}", many, seconds, kkt, "largest relative KKT violation"))
    a, b = np.asarray(corners.facets), np.asarray(corners.bounds)
    k, n, d = (np.asarray(getattr(utility, f)) for f in ("coefficient", "order", "decay"))
    start, worst = time.process_time(), 0.0
    for j in range(few):
        weight = k * np.asarray(x[j]) ** n
        weight = weight / np.max(weight / 500**d)

        def cost(c: np.ndarray, weight: np.ndarray = weight) -> float:
            flat = d == 1
            power = np.where(flat, 2.0, d)
            return -float(np.sum(weight * np.where(flat, np.log(c), c ** (1 - power) / (1 - power))))

        inside = {"type": "ineq", "fun": lambda c: b - a @ c, "jac": lambda c: -a}
        peer = minimize(
            cost, np.full(3, 300.0), jac=lambda c, weight=weight: -weight / c**d, method="SLSQP",
            bounds=[(1e-9, None)] * 3, constraints=inside, options={"ftol": 1e-15, "maxiter": 500},
        )  # fmt: skip
        worst = max(worst, float(np.max(np.abs(peer.x - answers["bisection, sum-and-box"][j]))) / 2000)
    seconds = time.process_time() - start
    return [*rows, row("  scipy SLSQP, one by one", few, seconds, worst, "difference from bisection / total")]


def selection_rows() -> list[dict[str, Any]]:
    many, users, size = 2000, 12, 4
    rng = np.random.default_rng(1)
    kinds = [utilities.proportional_fair(), utilities.minimal_potential_delay()]
    utility = utilities.join(*(kinds[j % 2] for j in range(users)))
    prices, workload = rng.uniform(0.5, 4, (many, users)), 10 ** rng.uniform(2, 4, many)
    rates, mu = 10 ** rng.uniform(1.3, 3.3, (many, users)), rng.uniform(0.05, 0.1, (many, users))
    given = (prices, workload, rates, mu)
    rows, costs = [], {}
    for method in ("enumeration", "lagrangian"):
        pick = lambda p, w, c, m, k=method: selection.select(utility, p, w, c, m, size=size, method=k)  # noqa: E731
        run = jax.jit(jax.vmap(pick))
        found, seconds = timed(lambda run=run: run(*map(jnp.asarray, given)), repeat=2)
        costs[method] = np.asarray(found.log_cost)
        excess = np.max(np.expm1(costs[method] - costs["enumeration"]))
        rows.append(row(f"4 of 12 users, {method}", many, seconds, excess, "largest relative excess of cost"))
    return rows


def main() -> None:
    rows = pareto_rows(np.float32)
    with jax.enable_x64(True):
        rows += pareto_rows(np.float64) + scipy_rows() + nash_rows() + selection_rows()
    for entry in rows:
        print(json.dumps(entry))


if __name__ == "__main__":
    main()
