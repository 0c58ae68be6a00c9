"""Diffusion, packets and games of the pricing family, beside C++, numba and scipy.

A path-step is one step of length 0.04 of figure 11, from empty: the exactly reflected workload, the game's
queues and prices, constant prices beside them, the costs of both, all observables. A packet event is a batch,
a packet that leaves or a jump of the environment, at heavy-traffic scale 10; neither has null events.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness.ours import repeats_of, simulated, solved
from benchmarks.harness.peers import package, program
from benchmarks.harness.rows import Case, Row
from benchmarks.peers import pricing_numba
from jaxsim.models.pricing import catalogue, system
from jaxsim.models.pricing.games import dual, nash, regions, utilities
from jaxsim.models.pricing.theory import brownian

STEP = 0.04
ANSWERS = {"workload": "workload", "cost_difference": "cost_difference", "queue_2": "queue_2"}


def cases(quick: bool) -> Iterator[Case]:
    """All of the suite."""
    yield diffusion(512 if quick else 4096, 2048, quick)
    yield packets(128 if quick else 1024, quick)
    yield pareto(quick)
    yield equilibria(quick)
    for replications in (1, 64) if quick else (1, 8, 64, 512, 4096, 32_768):
        yield diffusion_point(replications, quick)
    for replications in (1, 64) if quick else (1, 8, 64, 512, 4096):
        yield packets_point(replications, quick)


def exact_workload(steps: int) -> float:
    """Mean workload over the steps, from empty."""
    at = STEP * np.arange(1, steps + 1)
    means = [brownian.workload_mean(t, -34.0, 107000.0)[0] for t in at[:: max(1, steps // 256)]]
    return float(np.mean(means))


def diffusion_row(replications: int, steps: int, repeats: int, **keys: Any) -> Row:
    """The kernel with the paper's policy."""
    s = system(**keys)
    return simulated(
        s, catalogue.game(s), ANSWERS, replications=replications, horizon=STEP * steps, repeats=repeats
    )


def diffusion(replications: int, steps: int, quick: bool) -> Case:
    """Path-steps beside the same loop in C++ and numba."""
    repeats, paths = repeats_of(quick), 1024

    def numba_call(seed: int) -> tuple[float, dict[str, Any]]:
        found = pricing_numba.averages(paths, steps, seed)
        return float(paths * steps), {name: found[name] for name in ANSWERS}

    rows = (
        diffusion_row(replications, steps, repeats),
        diffusion_row(replications, steps, repeats, scheme="projected_euler"),
        program("pricing", lambda seed: ["diffusion", 2048, steps, seed], "C++ scalar", repeats),
        package("numba", numba_call, "numba", repeats),
    )
    return Case(
        f"game beside constant prices, {replications} paths of {steps} steps", "path-step", _named(rows),
        {"workload": exact_workload(steps)}, tolerance=1.0, replications=replications,
    )  # fmt: skip


def _named(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The second row is another scheme, which is biased: its answers are not held against the exact ones."""
    euler = dataclasses.replace(
        rows[1], who="jaxsim, projected Euler", answers={}, note="biased, as in the paper"
    )
    return (rows[0], euler, *rows[2:])


def packets(replications: int, quick: bool) -> Case:
    """Events of the queueing system itself under constant prices."""
    repeats, steps = repeats_of(quick), 16_384
    rows = (
        packets_row(replications, steps, repeats),
        program("pricing", lambda seed: ["packets", 512, steps, seed], "C++ scalar", repeats),
    )
    title = f"packets at scale 10, constant prices, {replications} paths of {steps} events"
    return Case(title, "event", rows, tolerance=0.5, replications=replications)


def packets_row(replications: int, steps: int, repeats: int) -> Row:
    """The packet kernel."""
    s = system(model="queue")
    length = float(s.kernel.step_time(s.kernel.spec, s.params))
    return simulated(
        s, catalogue.constant(s), {"workload": "workload", "events": "events"}, replications=replications,
        horizon=length * steps, repeats=repeats,
    )  # fmt: skip


def instances(count: int, dtype: Any) -> tuple[np.ndarray, ...]:
    """Prices, workloads, capacities and service rates over many orders of magnitude."""
    rng = np.random.default_rng(0)
    p, mu = 10 ** rng.uniform(-1, 1, (2, count)), 10 ** rng.uniform(-2, 0, (2, count))
    w, c = 10 ** rng.uniform(0, 5, count), 10 ** rng.uniform(2, 3.3, (2, count))
    return tuple(x.astype(dtype) for x in (p, w, c, mu))


def exact_first(p: Any, w: Any, c: Any, mu: Any) -> np.ndarray:
    """(5.5) without cancellation, in extended precision."""
    p, w, c, mu = (np.asarray(x, np.longdouble) for x in (p, w, c, mu))
    d = p[0] ** 2 * c[1] ** 3 / (2 * p[1] ** 3 * c[0] * mu[1] ** 2)
    return 2 * w**2 / (2 * w / mu[0] + d + np.sqrt(d * (d + 4 * w / mu[0])))


def pareto(quick: bool) -> Case:
    """Pareto points of random instances, beside scipy's vectorized root finder on the same equation."""
    count, repeats, rows = 20_000 if quick else 100_000, repeats_of(quick), []
    both = utilities.join(utilities.proportional_fair(), utilities.minimal_potential_delay())
    for dtype in (np.float64, np.float32):
        given = instances(count, dtype)
        with jax.enable_x64(dtype is np.float64):
            utility = jax.tree.map(lambda x, d=dtype: jnp.asarray(x, d), both)
            solve = lambda p, w, c, m, u=utility: dual.pareto(u, p, w, c, m)  # noqa: E731
            run = jax.jit(jax.vmap(solve, in_axes=-1, out_axes=-1))
            arrays = tuple(map(jnp.asarray, given))
            exact = exact_first(*given)

            def error(found: Any, exact: np.ndarray = exact) -> dict[str, float]:
                return {"relative error": float(np.max(np.abs(np.asarray(found.queues[0]) / exact - 1)))}

            who = f"jaxsim, {np.dtype(dtype).name}"
            rows.append(solved(lambda _, r=run, a=arrays: r(*a), count, error, repeats=repeats, who=who)[0])
    rows.append(package("scipy", lambda _: find_root(count), "scipy find_root", 3))
    title = f"Pareto points, {count} instances (float32 judged by 1e-5)"
    return Case(title, "instance", tuple(rows), {"relative error": 0.0}, tolerance=1e-5, replications=count)


def find_root(count: int) -> tuple[float, dict[str, float]]:
    """`scipy.optimize.elementwise.find_root` for all instances at once."""
    from scipy.optimize import elementwise

    p, w, c, mu = instances(count, np.float64)
    a = np.log(p[0] ** 2 * mu[0] / c[0] * w)
    b = np.log(2 * p[1] ** 3 * mu[1] ** 2 / c[1] ** 3 * w**2)
    low, high = np.minimum(a, b) - 2 * np.log(2), np.minimum(a, b) + 1e-9

    def missing(t: Any, a: Any, b: Any) -> Any:
        return np.logaddexp(t - a, (t - b) / 2)

    limits = {"xatol": 1e-14, "xrtol": 0, "fatol": 1e-15}
    root = elementwise.find_root(missing, (low, high), args=(a, b), tolerances=limits).x
    error = np.max(np.abs(mu[0] * w * np.exp(root - a) / exact_first(p, w, c, mu) - 1))
    return float(count), {"relative error": float(error)}


def equilibria(quick: bool) -> Case:
    """Nash rates of three users, beside SLSQP one by one."""
    kinds = (utilities.proportional_fair(), utilities.minimal_potential_delay(), utilities.fair(1.0, 2.0))
    utility, few, many = utilities.join(*kinds), 30, 2000 if quick else 20_000
    box = regions.sum_and_box(2000.0, [1500.0, 1200.0, 900.0])
    corners = regions.as_polytope(box)
    rng = np.random.default_rng(0)
    x = 10 ** rng.uniform(-2, 5, (many, 3))
    # SLSQP goes astray where weights differ by many powers of ten; the first ones are tame for its sake.
    x[:few] = 10 ** rng.uniform(2.5, 3.0, (few, 3)) / np.array([100, 1, 1])
    rows, rates = [], np.zeros((many, 3))
    with jax.enable_x64(True):
        given = jnp.asarray(x)
        for who, region in (("jaxsim, bisection", box), ("jaxsim, interior point", corners)):
            run = jax.jit(jax.vmap(lambda v, r=region: nash.equilibrium(utility, r, v)))
            kkt = lambda f: {"KKT violation": float(np.max(f.kkt))}  # noqa: E731
            row, found = solved(lambda _, r=run: r(given), many, kkt, repeats=repeats_of(quick), who=who)
            rows.append(row)
            rates = np.asarray(found.rates)
        facets, bounds = np.asarray(corners.facets), np.asarray(corners.bounds)
    k, n, d = (np.asarray(getattr(utility, name)) for name in ("coefficient", "order", "decay"))
    weights = k * x[:few] ** n

    def call(_: int) -> tuple[float, dict[str, float]]:
        return float(few), {"difference": slsqp(weights, d, facets, bounds, rates)}

    rows.append(package("scipy", call, "scipy SLSQP", 3))
    return Case(
        "Nash rates of three users, float64", "instance", tuple(rows),
        {"KKT violation": 0.0, "difference": 0.0}, tolerance=1e-5, replications=many,
    )  # fmt: skip


def slsqp(
    weights: np.ndarray, d: np.ndarray, facets: np.ndarray, bounds: np.ndarray, ours: np.ndarray
) -> float:
    """Largest difference of scipy's rates from ours, as a share of the capacity."""
    from scipy.optimize import minimize

    worst = 0.0
    for j, raw in enumerate(weights):
        weight = raw / np.max(raw / 500**d)

        def cost(c: np.ndarray, weight: np.ndarray = weight) -> float:
            flat = d == 1
            power = np.where(flat, 2.0, d)
            return -float(np.sum(weight * np.where(flat, np.log(c), c ** (1 - power) / (1 - power))))

        found = minimize(
            cost, np.full(len(d), 300.0), jac=lambda c, weight=weight: -weight / c**d, method="SLSQP",
            bounds=[(1e-9, None)] * len(d), options={"ftol": 1e-15, "maxiter": 500},
            constraints={"type": "ineq", "fun": lambda c: bounds - facets @ c, "jac": lambda c: -facets},
        )  # fmt: skip
        worst = max(worst, float(np.max(np.abs(found.x - ours[j]))) / 2000)
    return worst


def diffusion_point(replications: int, quick: bool) -> Case:
    """One point of a curve of path-steps."""
    steps = int(np.clip((2e6 if quick else 2e7) / replications, 512, 65_536))
    row = diffusion_row(replications, steps, 3)
    return Case(
        f"{replications} paths", "path-step", (row,), {"workload": exact_workload(steps)}, tolerance=3.0,
        sweep="path-steps/replications", replications=replications,
    )  # fmt: skip


def packets_point(replications: int, quick: bool) -> Case:
    """One point of a curve of packet events."""
    steps = int(np.clip((1e6 if quick else 8e6) / replications, 512, 65_536))
    row = packets_row(replications, steps, 3)
    sweep = "packet events/replications"
    return Case(f"{replications} paths", "event", (row,), sweep=sweep, replications=replications)
