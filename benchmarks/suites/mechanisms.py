"""Price mechanisms, linear programs, matchings and rounds of price adjustment, beside scipy and HiGHS.

Peers solve the same instances one by one, as their users would. Answers are optimality residuals of ours, and
the largest difference of the values from ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness.ours import repeats_of, simulated, solved
from benchmarks.harness.peers import package
from benchmarks.harness.rows import Case
from jaxsim.models.mechanisms import policies
from jaxsim.models.mechanisms.linear import solve_linear
from jaxsim.models.mechanisms.matching import match_users
from jaxsim.models.mechanisms.price import solve_economies
from jaxsim.models.mechanisms.system import system
from jaxsim.models.mechanisms.utilities import Logarithmic

NO_ERROR = {"residual": 0.0, "difference": 0.0}


def cases(quick: bool) -> Iterator[Case]:
    """All of the suite."""
    yield economies(400 if quick else 4000, 10, 3, quick)
    yield programs(200 if quick else 2000, quick)
    yield matching(quick)
    yield rounds(10, 512, quick, "")
    for divisions in (10,) if quick else (10, 100, 1000):
        yield economies(max(20, 10_000 // divisions), divisions, 10, True, "prices of 10 resources/size")
    for count in (1, 64) if quick else (1, 8, 64, 512, 4096):
        yield economies(count, 10, 3, True, "prices, 10 divisions/replications")
    for divisions in (10, 100) if quick else (10, 100, 1000):
        yield rounds(divisions, 64, True, "price adjustment/size")
    for replications in (1, 64) if quick else (1, 8, 64, 512, 4096):
        yield rounds(10, replications, True, "price adjustment, 10 divisions/replications")


def random_economies(count: int, divisions: int, kinds: int) -> tuple[Logarithmic, np.ndarray, np.ndarray]:
    """Logarithmic utilities, uses and supplies."""
    rng = np.random.default_rng(0)
    shape = (count, divisions, 1)
    utility = Logarithmic(5 * (0.5 + rng.random(shape)), 0.5 + rng.random(shape))
    return utility, 0.2 + rng.random((*shape, kinds)), divisions * (0.5 + rng.random((count, kinds)))


def economies(count: int, divisions: int, kinds: int, quick: bool, sweep: str = "") -> Case:
    """Prices that clear an economy, by duality; SLSQP maximizes welfare one by one."""
    given = random_economies(count, divisions, kinds)
    row, found = solved(
        lambda _: solve_economies(*given), float(count), lambda f: {"residual": float(np.max(f.residual))},
        repeats=3 if sweep else repeats_of(quick),
    )  # fmt: skip
    rows = (row,) if sweep else (row, package("scipy", slsqp(given, found), "scipy SLSQP", 3))
    # Against the size the cost of a division is shown: an economy has that many.
    unit = "economy"
    if sweep.endswith("size"):
        rows, unit = ((_times(row, divisions)),), "division"
    title = f"price equilibria, {count} economies of {divisions} divisions, {kinds} resources, float64"
    return Case(title, unit, rows, NO_ERROR, tolerance=1e-6, sweep=sweep, size=divisions, replications=count)


def _times(row: Any, factor: int) -> Any:
    return dataclasses.replace(row, rate=row.rate * factor)


def slsqp(given: Any, ours: Any, few: int = 20) -> Any:
    """Scipy's SLSQP on the first economies."""
    utility, uses, supplies = given

    def call(seed: int) -> tuple[float, dict[str, float]]:
        from scipy.optimize import minimize

        gap = 0.0
        for i in range(few):
            w, d, a = utility.weight[i, :, 0], utility.scale[i, :, 0], uses[i, :, 0]
            bound = {
                "type": "ineq",
                "fun": lambda x, a=a, i=i: supplies[i] - x @ a,
                "jac": lambda x, a=a: -a.T,
            }
            found = minimize(
                lambda x, w=w, d=d: -np.sum(w * np.log1p(x / d)), np.full(len(w), 0.1),
                jac=lambda x, w=w, d=d: -w / (d + x), bounds=[(0, None)] * len(w), constraints=[bound],
                method="SLSQP", options={"ftol": 1e-12, "maxiter": 500},
            )  # fmt: skip
            gap = max(gap, abs(-found.fun - float(ours.welfare[i])))
        return float(few), {"difference": gap}

    return call


def programs(count: int, quick: bool) -> Case:
    """Linear programs with 20 divisions and 5 resources."""
    rng = np.random.default_rng(1)
    c, a, b = rng.random((count, 20, 1)), rng.random((count, 20, 1, 5)), 0.5 + rng.random((count, 5))
    solve = jax.jit(jax.vmap(solve_linear))
    with jax.enable_x64(True):
        given = tuple(map(jnp.asarray, (c, a, b)))
        row, found = solved(
            lambda _: solve(*given), float(count), lambda f: {"residual": float(jnp.max(f.residual))},
            repeats=repeats_of(quick),
        )  # fmt: skip
        values = np.asarray(found.value)

    def call(seed: int) -> tuple[float, dict[str, float]]:
        from scipy.optimize import linprog

        few = 50
        peers = [linprog(-c[i, :, 0], A_ub=a[i, :, 0].T, b_ub=b[i], method="highs").fun for i in range(few)]
        return float(few), {"difference": float(np.max(np.abs(values[:few] + np.array(peers))))}

    rows = (row, package("scipy", call, "HiGHS (scipy)", 3))
    title = f"linear programs, {count} of 20 divisions and 5 resources, float64"
    return Case(title, "program", rows, NO_ERROR, tolerance=1e-6, size=20, replications=count)


def matching(quick: bool) -> Case:
    """One assignment of 60 users to 50 places with its prices; scipy's has no prices."""
    values = np.random.default_rng(2).random((60, 50))
    row, found = solved(
        lambda _: match_users(values),
        1.0,
        lambda f: {"residual": float(f.residual)},
        repeats=repeats_of(quick),
    )
    best = float(found.value)

    def call(seed: int) -> tuple[float, dict[str, float]]:
        from scipy.optimize import linear_sum_assignment

        many = 100
        picked = [linear_sum_assignment(-values) for _ in range(many)][-1]
        return float(many), {"difference": abs(best - float(values[picked].sum()))}

    rows = (row, package("scipy", call, "scipy, without prices", 3))
    return Case("matching with rents, 60 users, 50 places", "matching", rows, NO_ERROR, tolerance=1e-8)


def rounds(divisions: int, replications: int, quick: bool, sweep: str) -> Case:
    """Rounds of price adjustment over random economies."""
    here = system(divisions=divisions)
    horizon = float(np.clip((2e5 if quick else 2e6) / replications / divisions * 10, 100, 20_000))
    row = simulated(
        here, policies.adaptive(here), {"share not cleared": "abandoned"}, replications=replications,
        horizon=horizon, nodes=divisions, repeats=3 if sweep else repeats_of(quick),
    )  # fmt: skip
    known = {} if sweep else {"share not cleared": 0.0}
    title = f"price adjustment, {divisions} divisions, 3 resources, {replications} replications"
    return Case(
        title, "division and round", (row,), known, sweep=sweep, size=divisions, replications=replications,
    )  # fmt: skip
