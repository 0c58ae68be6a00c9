import math

import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.statistics import all_pairs, with_the_best

NAMES = "abcde"


def systems(rng, means, count=40):
    """Correlated systems, as common random numbers make them, of unequal noise."""
    common = rng.normal(size=count)
    noise = [0.3 + 0.2 * i for i in range(len(means))]
    values = (m + common + s * rng.normal(size=count) for m, s in zip(means, noise, strict=True))
    return {n: (v, np.ones(count)) for n, v in zip(NAMES, values, strict=False)}


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("means", [(0.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.1, 0.2, 0.3, 0.4)])
def test_all_intervals_hold_together(better, means):
    sign = 1 if better == "higher" else -1
    truth = {
        n: m - sign * max(sign * x for j, x in enumerate(means) if j != i)
        for i, (n, m) in enumerate(zip(NAMES, means, strict=True))
    }
    rng, hold = np.random.default_rng(1), 0
    for _ in range(100):
        found = with_the_best(systems(rng, means), better)
        hold += all(low <= truth[n] <= high for n, (low, high) in found.intervals.items())
        assert all(low <= 0 <= high for low, high in found.intervals.values())
    # At least 95 % by Bonferroni, so at most the binomial error below: false alarm 1e-4 each, seeds fixed.
    assert hold >= 95 - 3.7 * math.sqrt(100 * 0.05 * 0.95)


def test_a_clear_best_is_named_and_a_wrong_one_rarely():
    rng, found = np.random.default_rng(2), []
    for _ in range(100):
        found.append(with_the_best(systems(rng, (0.0, 0.8, 0.1, 0.0, -0.2)), "higher").best)
    assert found.count("b") > 75
    assert set(found) <= {"b", None} or 100 - found.count("b") - found.count(None) <= 6
    close = with_the_best(systems(rng, (0.0, 0.0)), "higher")
    assert close.best is None and set(close.candidates) == {"a", "b"}


def test_equal_systems_are_all_candidates_and_one_alone_is_refused():
    same = systems(np.random.default_rng(3), (0.0,))["a"]
    found = with_the_best({"a": same, "b": same}, "lower")
    assert found.candidates == ("a", "b") and found.best is None
    worse = (same[0] + 5 + np.random.default_rng(4).normal(size=40), same[1])
    assert with_the_best({"a": same, "b": same, "c": worse}, "lower").candidates == ("a", "b")
    for wrong in ({"a": same}, {}):
        with pytest.raises(InvalidInput, match="systems"):
            with_the_best(wrong, "lower")
    with pytest.raises(InvalidInput, match="better"):
        with_the_best({"a": same, "b": same}, "best")


def test_pairs_err_together_in_at_most_five_percent_and_holm_finds_more():
    rng, wrong, by_interval, by_holm = np.random.default_rng(4), 0, 0, 0
    for _ in range(20):
        none = all_pairs(systems(rng, (0.0, 0.0, 0.0, 0.0)))
        assert len(none) == 6
        wrong += any(p <= 0.05 for _, p in none.values())
        some = all_pairs(systems(rng, (0.0, 0.3, 0.6, 0.9)))
        by_interval += sum(not e.covers(0.0) for e, _ in some.values())
        by_holm += sum(p <= 0.05 for _, p in some.values())
    assert wrong <= 1 + 3.7 * math.sqrt(20 * 0.05 * 0.95)
    assert by_holm > by_interval > 0
