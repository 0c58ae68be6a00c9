"""Token probabilities for unequal servers: against central control, brute force, and equal servers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.pooling.theory import tuning, tuning_unequal

RATES, SPEEDS = (0.3, 0.5, 0.8, 1.0), (1.0, 1.0, 1.0, 2.0)


def test_a_probability_for_each_kind_reaches_central_control():
    k = tuning_unequal.kinds(RATES, SPEEDS, 25, None)
    found = tuning_unequal.tune_each(k)
    np.testing.assert_allclose(found.token_probability, k.utilization, atol=1e-9)
    rho = sum(RATES) / sum(SPEEDS)
    # No policy holds fewer jobs than one fast server would: the answer is optimal.
    assert found.jobs == pytest.approx(rho / (1 - rho), abs=1e-9)
    common = tuning_unequal.tune_common(k)
    assert common.token_probability[0] == pytest.approx(0.8) and common.jobs == pytest.approx(4.0)


def test_few_servers_are_better_off_with_less_than_the_highest_utilization():
    k = tuning_unequal.kinds((0.95, 0.5), 1.0, (1, 19), None)
    best = tuning_unequal.tune_common(k)
    grid = np.linspace(0.03, 0.999, 4000)
    brute = min(tuning_unequal.jobs(k, np.full(2, x))[0] for x in grid)
    assert best.jobs <= brute + 1e-12 and best.jobs == pytest.approx(brute, rel=1e-4)
    at_highest = tuning_unequal.jobs(k, np.full(2, 0.95))[0]
    assert at_highest == pytest.approx(19.0) and best.jobs < 0.3 * at_highest


@pytest.mark.slow
def test_under_a_cap_the_descent_agrees_with_brute_force():
    k = tuning_unequal.kinds((0.4, 0.8), (1.0, 1.0), (3, 2), 4)
    grid = np.linspace(0.1, 0.98, 45)
    brute = min(tuning_unequal.jobs(k, np.array(p))[0] for p in itertools.product(grid, grid))
    found = tuning_unequal.tune_each(k)
    # A grid of 45 x 45 misses the minimum by what a step of 0.02 costs.
    assert brute - 0.05 < found.jobs <= brute + 1e-9


@pytest.mark.slow
def test_equal_servers_are_a_special_case():
    k = tuning_unequal.kinds(0.8, 1.0, 100, 20)
    known = tuning.tune_chain(0.8, 100, 20, processing_cost=0.0)
    for found in (tuning_unequal.tune_common(k), tuning_unequal.tune_each(k)):
        assert found.token_probability[0] == pytest.approx(known.token_probability, abs=1e-6)
        assert found.jobs / 100 == pytest.approx(known.cost)


def test_bad_kinds_are_refused():
    with pytest.raises(InvalidInput, match=r"^arrival_rates"):
        tuning_unequal.kinds((0.5, 1.0), 1.0, 1, None)
    with pytest.raises(InvalidInput, match=r"^counts"):
        tuning_unequal.kinds(0.5, 1.0, 0, None)
