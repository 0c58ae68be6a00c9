from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.dynamic import optimal_joint
from jaxsim.models.bandits.theory.superprocess import (
    dominant_process,
    dominates,
    local_laws,
    optimal_controlled,
    pension_value,
    select,
)

BETA = 0.8


def random_process(rng, n=3):
    return rng.normal(size=n), rng.dirichlet(np.ones(n), n), int(rng.integers(n))


def with_pension(process, a):
    """The same value from the two-arm dynamic program with a known arm."""
    r, p, start = process
    return optimal_joint([(r, p), ([a], [[1.0]])], BETA).value[start, 0]


def test_pension_value_equals_the_dynamic_program():
    rng = np.random.default_rng(41)
    for _ in range(5):
        process = random_process(rng)
        pensions = np.append(rng.normal(size=5) * 2, (-30, 30))
        exact = [with_pension(process, a) for a in pensions]
        np.testing.assert_allclose(pension_value(process, BETA, pensions), exact, atol=1e-10)


def test_domination_is_decided_by_the_kinks():
    rng = np.random.default_rng(42)
    seen = set()
    for _ in range(40):
        x, y = random_process(rng), random_process(rng)
        grid = np.linspace(-6, 6, 4001)
        gap = pension_value(x, BETA, grid) - pension_value(y, BETA, grid)
        verdict = dominates(x, y, BETA)
        assert verdict.dominates == bool(np.all(gap >= -1e-9))
        assert verdict.margin <= gap.min() + 1e-9
        seen.add(verdict.dominates)
    assert seen == {True, False}


def test_domination_carries_over_to_pairs():
    """Lemma 6.4.3: if X dominates Y then V*(X, Z) >= V*(Y, Z) for every independent Z."""
    rng = np.random.default_rng(43)
    checked = 0
    for _ in range(30):
        x, y, z = (random_process(rng) for _ in range(3))
        if dominates(x, y, BETA).dominates:
            with_x = optimal_joint([x[:2], z[:2]], BETA).value[x[2], z[2]]
            assert with_x >= optimal_joint([y[:2], z[:2]], BETA).value[y[2], z[2]] - 1e-10
            checked += 1
    assert checked > 5


# Earn at once, or 5 after one empty step; then nothing.
QUICK = ((2.0, 0.0, 0.0), ((0, 0, 1), (0, 0, 1), (0, 0, 1)), 0)
SLOW = ((0.0, 5.0, 0.0), ((0, 1, 0), (0, 0, 1), (0, 0, 1)), 0)


def test_where_none_dominates_the_choice_depends_on_the_others():
    quick = ((3.0, 0.0, 0.0), *QUICK[1:])
    assert dominant_process([quick, SLOW], BETA) is None
    # Pension 0: quick is worth 3, slow .8 x 5 = 4. Pension 2.9: quick 3 + 4 x 2.9 = 14.6, slow 4 + 3.2 x 2.9
    # = 13.28 for slow, which is less even than retiring at once (14.5): neither dominates.
    poor, rich = (([0.0], [[1.0]], 0), ([2.9], [[1.0]], 0))
    assert select([[quick, SLOW], [poor]], BETA).chosen == (1, 0)
    choice = select([[quick, SLOW], [rich]], BETA)
    assert choice.chosen == (0, 0)
    assert choice.dominant == (None, 0)
    assert "no process dominates in superprocess 0" in choice.statement


def test_the_dominant_process_is_chosen_alone():
    better = ((4.0, 0.0, 0.0), *QUICK[1:])
    choice = select([[QUICK, better], [SLOW]], BETA)
    assert choice.chosen == (1, 0)
    assert choice.dominant == (1, 0)
    assert "dominant process" in choice.statement
    exact = optimal_joint([better[:2], SLOW[:2]], BETA).value[0, 0]
    assert abs(choice.value - exact) < 1e-10


def test_controlled_machines():
    """The joint program is never below the best choice of fixed laws, and equals it under domination."""
    rng = np.random.default_rng(44)
    equal = above = 0
    for _ in range(12):
        machines = [(rng.random((2, 2)), rng.dirichlet(np.ones(2), (2, 2))) for _ in range(2)]
        joint, plays = optimal_controlled(machines, BETA)
        laws = [local_laws(r, p, 0) for r, p in machines]
        choice = select(laws, BETA)
        gain = joint.value[0, 0] - choice.value
        assert gain > -1e-10
        if None not in choice.dominant:
            assert abs(gain) < 1e-10
            equal += 1
        above += gain > 1e-8
        assert plays.shape == (4, 2)
    assert equal > 0


def test_bad_superprocesses_are_refused():
    with pytest.raises(InvalidInput, match="superprocesses"):
        select([[]], BETA)
    with pytest.raises(InvalidInput, match="rewards"):
        local_laws((1, 2), ((1, 0), (0, 1)), 0)
