"""Greedy assignment against the maximum over all joint assignments, one random instance per state."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest

from jaxsim.models.actors.assignment import (
    assignment_value,
    greedy_by_increment,
    greedy_by_value,
    in_order,
)
from jaxsim.models.actors.conditions import Verdict, certify, signs_hold
from jaxsim.models.actors.exhaustive import best_assignment, joint_assignments
from jaxsim.models.actors.laws import Additive, HeadCount, PowerSpeed, trailing
from jaxsim.models.actors.model import Local

INSTANCES = 4000


def local_of(speeds: Any, allowed: Any, caps: Any, law: Any) -> Local:
    """One assignment problem per state; the transitions do not matter."""
    states, _actors, actions = allowed.shape
    one = np.zeros((states, actions, 1))
    empty = np.zeros((states, 0))
    return Local(
        speeds, np.ones((states, actions)), allowed, caps.astype(np.int32), one.astype(np.int32), one + 1,
        one, empty, empty.astype(np.int32), np.zeros(states), law,
    )  # fmt: skip


def compare(
    local: Local, values: np.ndarray, *, idle: bool
) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray]:
    """Greedy and exhaustive values ``[states]``, the certificate and whether the signs hold."""
    proof = certify(local)
    joint = joint_assignments(local.speeds.shape[1], values.shape[1])
    with jax.enable_x64(True):
        out = both(local, proof.order.T, values.T, joint, idle=idle, by_increment=proof.by_increment)
    greedy, best, signs = map(np.asarray, out)
    return greedy, best, proof, signs


@partial(jax.jit, static_argnames=("idle", "by_increment"))
def both(
    local: Local, order: Any, m: Any, joint: Any, *, idle: bool, by_increment: bool
) -> tuple[Any, Any, Any]:
    back = trailing(local)
    speeds, allowed = in_order(order, back.speeds, back.allowed)
    if by_increment:
        chosen = greedy_by_increment(back.law, speeds, allowed, back.caps, m, idle=idle)
    else:
        chosen = greedy_by_value(speeds, allowed, back.caps, m, idle=idle)
    best, _ = best_assignment(back.law, speeds, allowed, back.caps, m, joint, idle=idle)
    return assignment_value(back.law, speeds, chosen, m), best, signs_hold(chosen, m, idle=idle)


def draw(rng: np.random.Generator, kind: str, actors: int = 3, actions: int = 3) -> tuple[Local, np.ndarray]:
    """Random instances that satisfy the conditions of the named corollary."""
    size = INSTANCES
    speeds = rng.uniform(0.1, 2.0, (size, actors))
    values = rng.normal(size=(size, actions))
    nested = rng.integers(1, actions + 1, (size, actors))  # A_i = a random order's first actions
    rank = np.argsort(rng.random((size, actions)), axis=1)
    speeds = -np.sort(-speeds, axis=1)
    allowed = rank[:, None, :] < np.sort(nested, axis=1)[:, :, None]
    caps = rng.integers(0, actors + 1, (size, actions))
    law: Any = Additive()
    if kind == "3.1":
        allowed = rng.random((size, actors, actions)) < 0.6
        caps = allowed.sum(1) + rng.integers(0, 2, (size, actions))
    if kind in ("3.3", "3.1 team"):
        caps = np.full((size, actions), actors)
        allowed = np.ones_like(allowed) if kind == "3.1 team" else rng.random(allowed.shape) < 0.5
    if kind == "3.4":
        allowed = np.broadcast_to(allowed[:, :1], allowed.shape).copy()
        caps = np.broadcast_to(rng.integers(1, actors + 1, (size, 1)), caps.shape).copy()
        law = PowerSpeed(rng.uniform(1.0, 3.0, size))
        values = np.abs(values)
    if kind == "3.5":
        steps = -np.sort(-rng.uniform(0, 1, (size, actors)), axis=1)
        law = HeadCount(np.concatenate([np.zeros((size, 1)), np.cumsum(steps, axis=1)], axis=1))
        speeds = rng.uniform(0.1, 2, (size, actors))
        values = np.abs(values)
    if kind == "3.5 equal speeds":
        law = PowerSpeed(rng.uniform(0.2, 1.0, size))
        speeds = np.broadcast_to(speeds[:, :1], speeds.shape).copy()
        values = np.abs(values)
    shuffle = np.argsort(rng.random((size, actors)), axis=1)  # the declared order must not matter
    speeds = np.take_along_axis(speeds, shuffle, 1)
    allowed = np.take_along_axis(allowed, shuffle[:, :, None], 1)
    return local_of(speeds, allowed, caps, law), values


@pytest.mark.parametrize("idle", [True, False])
@pytest.mark.parametrize("kind", ["3.1", "3.1 team", "3.2", "3.3", "3.4", "3.5", "3.5 equal speeds"])
def test_greedy_is_the_maximum_in_every_instance_of_a_corollary(kind: str, idle: bool) -> None:
    rng = np.random.default_rng(sum(map(ord, kind)))
    for actors, actions in ((3, 3), (4, 2)):
        local, values = draw(rng, kind, actors, actions)
        greedy, best, proof, signs = compare(local, values, idle=idle)
        assert proof.holds.all() and (signs.all() or not proof.signs)
        feasible = best > -np.inf
        assert idle is False or feasible.all()
        assert feasible.sum() > INSTANCES / 4
        np.testing.assert_allclose(greedy[feasible], best[feasible], atol=1e-12)


@pytest.mark.parametrize("kind", ["3.4", "3.5"])
def test_negative_values_do_no_harm_when_everybody_may_idle(kind: str) -> None:
    local, values = draw(np.random.default_rng(5), kind)
    values = values * np.random.default_rng(6).choice([-1, 1], values.shape)
    greedy, best, proof, signs = compare(local, values, idle=True)
    assert proof.holds.all() and signs.all()
    np.testing.assert_allclose(greedy, best, atol=1e-12)


@pytest.mark.parametrize("kind", ["3.4", "3.5"])
def test_negative_values_without_idling_are_detected(kind: str) -> None:
    local, values = draw(np.random.default_rng(7), kind)
    values = values * np.random.default_rng(8).choice([-1, 1], values.shape)
    greedy, best, _, signs = compare(local, values, idle=False)
    feasible = best > -np.inf
    wrong = feasible & (greedy < best - 1e-9)
    assert wrong.sum() > 20  # the printed corollaries are wrong without the correction
    assert not np.any(wrong & signs)  # and every such instance is seen


def test_reversed_nesting_is_detected() -> None:
    local, values = draw(np.random.default_rng(9), "3.2")
    speeds = -np.sort(np.asarray(local.speeds), axis=1)[:, ::-1]
    size = np.argsort(local.allowed.sum(2), axis=1)
    allowed = np.take_along_axis(local.allowed, size[:, ::-1, None], 1)  # the fastest may do most
    reversed_ = local_of(-speeds, allowed, np.asarray(local.caps), Additive())
    greedy, best, proof, _ = compare(reversed_, values, idle=True)
    wrong = greedy < best - 1e-9
    assert wrong.sum() > 100
    assert np.all(proof.verdict[wrong] == Verdict.NOT_NESTED)


def test_concave_rates_with_unequal_speeds_are_detected() -> None:
    local, values = draw(np.random.default_rng(10), "3.2")
    curved = local_of(
        local.speeds, local.allowed, np.asarray(local.caps), PowerSpeed(np.full(INSTANCES, 0.5))
    )
    greedy, best, proof, _ = compare(curved, np.abs(values), idle=True)
    wrong = greedy < best - 1e-9
    assert wrong.sum() > 50
    assert np.all(proof.verdict[wrong] == Verdict.UNEQUAL_SPEEDS)


def one(
    law: Any, speeds: Any, values: Any, caps: Any, allowed: Any = None, *, idle: bool
) -> tuple[float, float, int]:
    """Greedy value, maximum and verdict of a single instance."""
    n, k = len(speeds), len(values)
    sets = np.ones((1, n, k), bool) if allowed is None else np.array([allowed], bool)
    local = local_of(np.array([speeds], float), sets, np.array([caps]), law)
    greedy, best, proof, signs = compare(local, np.array([values], float), idle=idle)
    verdict = int(proof.verdict[0])
    return (
        float(greedy[0]),
        float(best[0]),
        verdict if signs[0] or verdict < 0 else int(Verdict.NEGATIVE_VALUE),
    )


def test_counterexample_convex_with_negative_values() -> None:
    # rho = x^2, caps 2: 4*5 + 4*(-1) = 16 against 4*5 - 1 - 1 = 18.
    out = one(PowerSpeed(np.array([2.0])), [1] * 4, [5, -1, -1], [2, 2, 2], idle=False)
    assert out == (16.0, 18.0, Verdict.NEGATIVE_VALUE)
    assert one(PowerSpeed(np.array([2.0])), [1] * 4, [5, -1, -1], [2, 2, 2], idle=True)[:2] == (20.0, 20.0)


def test_counterexample_concave_with_negative_values() -> None:
    # rho = sqrt: (-1 - 1.05) sqrt 2 against -1.05 sqrt 4.
    table = HeadCount(np.sqrt(np.arange(5.0))[None])
    greedy, best, verdict = one(table, [1] * 4, [-1, -1.05], [2, 4], idle=False)
    assert greedy == pytest.approx(-2.05 * np.sqrt(2), abs=1e-12) == pytest.approx(-2.8991, abs=5e-5)
    assert best == pytest.approx(-2.1, abs=1e-12)
    assert verdict == Verdict.NEGATIVE_VALUE


def test_counterexample_reversed_nesting() -> None:
    # The fast actor takes 10 and leaves nothing to the slow one: 20 against 2*9 + 1*10 = 28.
    sets = [[True, True], [True, False]]
    assert one(Additive(), [2, 1], [10, 9], [1, 1], sets, idle=True) == (20.0, 28.0, Verdict.NOT_NESTED)
