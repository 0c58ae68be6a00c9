"""Indices of arms and plays of the index rule, beside C++, markovianbandit-pkg and exact values.

An index is judged by the definition: at a few states, the linear solve of the continuation set that the
indices give. Peers are judged by their largest difference from jaxsim on the same arms.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness.ours import repeats_of, simulated, solved
from benchmarks.harness.peers import package, program
from benchmarks.harness.rows import Answer, Case, Row
from jaxsim.models.bandits import policies
from jaxsim.models.bandits.system import system
from jaxsim.models.bandits.theory.elimination import eliminate
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.joint import joint_value

BETA = 0.9
ERROR = {"largest error": 0.0}


def cases(quick: bool) -> Iterator[Case]:
    """All of the suite."""
    yield indices(1000 if quick else 10_000, 20, quick)
    yield indices(1, 300 if quick else 3000, quick)
    yield cycle(quick)
    yield plays(100, 1024 if quick else 4096, quick)
    for arms in (1, 64) if quick else (1, 8, 64, 512, 4096, 100_000):
        yield solve_point(arms, 20, "20 states/replications", quick)
    for states in (10, 30) if quick else (10, 30, 100, 300, 1000):
        yield solve_point(max(1, 10**6 // states**3), states, "elimination/size", quick)
    for arms in (10, 100) if quick else (10, 100, 1000, 10_000):
        yield play_point(arms, 256, "plays/size", quick)
    for replications in (1, 64) if quick else (1, 8, 64, 512, 4096):
        yield play_point(100, replications, "plays of 100 arms/replications", quick)


def arms_of(arms: int, states: int) -> tuple[np.ndarray, np.ndarray]:
    """Rewards and transitions of random arms."""
    rng = np.random.default_rng(0)
    return rng.random((arms, states)), rng.dirichlet(np.ones(states), (arms, states))


def by_definition(r: np.ndarray, p: np.ndarray, nu: np.ndarray, state: int) -> float:
    """Index of a state as the ratio of its two expectations, continuing where the index is higher."""
    inside = np.flatnonzero((nu > nu[state]) | (np.arange(len(nu)) == state))
    where = int(np.flatnonzero(inside == state)[0])
    kept = np.eye(len(inside)) - BETA * p[np.ix_(inside, inside)]
    both = np.linalg.solve(kept, np.column_stack([r[inside], np.ones(len(inside))]))[where]
    return float(both[0] / both[1])


def error_of(r: np.ndarray, p: np.ndarray, nu: np.ndarray) -> dict[str, float]:
    """Largest error over a few states of a few arms."""
    worst = 0.0
    for arm in range(min(10, len(nu))):
        ranked = np.argsort(-nu[arm])
        for state in ranked[np.array([0, len(ranked) // 10, len(ranked) // 2])]:
            worst = max(worst, abs(by_definition(r[arm], p[arm], nu[arm], int(state)) - nu[arm, state]))
    return {"largest error": worst}


def solve_row(r: np.ndarray, p: np.ndarray, repeats: int) -> tuple[Row, np.ndarray]:
    """Time the public call, validation included."""
    given = (r[0], p[0]) if len(r) == 1 else (r, p)
    shape = r.shape
    operations = shape[1] ** 3 * 2 / 3  # a multiply and an add for each pair of states left
    row, found = solved(
        lambda _: gittins_index(*given, BETA), len(r),
        lambda nu: error_of(r, p, np.asarray(nu).reshape(shape)), repeats=repeats, operations=operations,
        bytes_each=8.0 * shape[1] ** 2, working_set=8.0 * min(len(r), 128) * shape[1] ** 2,
    )  # fmt: skip
    return row, np.asarray(found).reshape(shape)


def indices(arms: int, states: int, quick: bool) -> Case:
    """All indices of many small arms or of one large one."""
    r, p = arms_of(arms, states)
    row, ours = solve_row(r, p, 3)
    one = arms == 1
    rows = [row, compiled_peer(r, p, ours, 1 if one else repeats_of(quick)), package_peer(r, p, ours, one)]
    title = f"Gittins indices, {arms} arms of {states} states, float64"
    return Case(title, "arm", tuple(rows), ERROR, tolerance=1e-9, size=states, replications=arms)


def compiled_peer(r: np.ndarray, p: np.ndarray, ours: np.ndarray, repeats: int) -> Row:
    """Elimination in C++: rank-one updates of the states left."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "arms", Path(folder) / "indices"
        head = np.array([*r.shape, 1 - BETA], float)
        np.concatenate([head, r.ravel(), p.ravel()]).tofile(given)
        row = program("bandits", lambda _: ["indices", given, out], "C++ elimination", repeats)
        if row.rate is None:
            return row
        gap = np.abs(np.fromfile(out).reshape(ours.shape) - ours).max()
    return dataclasses.replace(row, answers={"largest error": Answer(float(gap))})


def package_peer(r: np.ndarray, p: np.ndarray, ours: np.ndarray, one: bool) -> Row:
    """markovianbandit-pkg, arm by arm; the first call, which compiles, sees a small arm."""
    small = arms_of(1, 20)
    many = 1 if one else min(1000, len(r))

    def call(seed: int) -> tuple[float, dict[str, float]]:
        import markovianbandit  # type: ignore[import-not-found]

        rewards, moves = (r[:many], p[:many]) if seed else small
        make = markovianbandit.rested_bandit_from_P1_R1
        found = [make(b, a).gittins_indices(BETA) for a, b in zip(rewards, moves, strict=True)]
        gap = np.abs(np.asarray(found) - ours[:many]).max() if seed else 0.0
        return float(many), {"largest error": float(gap)}

    return package("markovianbandit", call, "markovianbandit-pkg", 1 if one else 3)


def cycle(quick: bool) -> Case:
    """The cycle (0, 0, 9) at discount 1 - 1e-6: b, 9 b^2 / (1 + b + b^2), 9 b / (1 + b), 9."""
    b, move = 1 - 1e-6, np.roll(np.eye(3), 1, axis=1)
    exact = np.array([9 * b * b / (1 + b + b * b), 9 * b / (1 + b), 9.0])
    rows = []
    for dtype, who in ((np.float64, "jaxsim, float64"), (np.float32, "jaxsim, float32")):
        with jax.enable_x64(dtype is np.float64):
            arm = jnp.asarray([0, 0, 9], dtype), jnp.asarray(move, dtype), jnp.asarray(1e-6, dtype)
            run = jax.jit(lambda r, p, s: eliminate(r, p, s).indices)
            error = lambda x: {"largest error": float(np.abs(np.asarray(x, float) / exact - 1).max())}  # noqa: E731
            rows.append(
                solved(lambda _, a=arm, f=run: f(*a), 1, error, repeats=repeats_of(quick), who=who)[0]
            )
    return Case(
        "cycle (0, 0, 9) at discount 1 - 1e-6 (relative errors)", "arm", tuple(rows), ERROR, tolerance=5e-7
    )


def bandit_of(arms: int, discount: float = 0.99) -> tuple[Any, np.ndarray, np.ndarray]:
    """Many copies of one random arm of 20 states."""
    rng = np.random.default_rng(2)
    p, r = rng.dirichlet(np.full(20, 0.3), 20), rng.random(20)
    return system(rewards=r.tolist(), transitions=p.tolist(), arms=arms, discount=discount), r, p


def play_row(arms: int, replications: int, horizon: int, repeats: int) -> Row:
    """Plays of the index rule through `simulate`; a play is one slot of one replication."""
    bandit, _, _ = bandit_of(arms)
    return simulated(
        bandit, policies.index(bandit), {"discounted_reward": "discounted_reward"}, replications=replications,
        horizon=float(horizon), repeats=repeats,
    )  # fmt: skip


def plays(arms: int, replications: int, quick: bool) -> Case:
    """The index rule beside a heap in C++, and the exact value of Whittle's integral."""
    _, r, p = bandit_of(arms)
    horizon, repeats = 1600, repeats_of(quick)
    row = play_row(arms, replications, horizon, repeats)
    nu = np.asarray(gittins_index(r, p, 0.99))
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "arm"
        np.concatenate([[len(r)], r, nu, p.ravel()]).tofile(given)
        words = lambda seed: ["plays", given, 512, horizon, arms, 0.99, seed]  # noqa: E731
        peer = program("bandits", words, "C++ heap", repeats)
    exact = {"discounted_reward": float(joint_value([(r, p)] * arms, 0.99, [0] * arms))}
    title = f"index rule on {arms} arms of 20 states, {replications} replications"
    return Case(title, "play", (row, peer), exact, tolerance=1e-4, size=arms, replications=replications)


def solve_point(arms: int, states: int, sweep: str, quick: bool) -> Case:
    """One point of a curve of the elimination; against states per multiply-add, n^3 / 3."""
    r, p = arms_of(arms, states)
    row, _ = solve_row(r, p, 3)
    unit = "arm"
    if sweep.endswith("size"):
        each = states**3 / 3
        row, unit = (
            dataclasses.replace(row, rate=(row.rate or 0.0) * each, operations=2.0, bytes=24 / states),
            "multiply-add",
        )
    return Case(
        f"{arms} arms of {states} states", unit, (row,), ERROR, tolerance=1e-9, sweep=sweep, size=states,
        replications=arms,
    )  # fmt: skip


def play_point(arms: int, replications: int, sweep: str, quick: bool) -> Case:
    """One point of a curve of plays."""
    horizon = int(np.clip((2e5 if quick else 4e6) / replications, 100, 50_000))
    row = play_row(arms, replications, horizon, 3)
    return Case(
        f"{arms} arms, {replications} replications", "play", (row,), sweep=sweep, size=arms,
        replications=replications,
    )  # fmt: skip
