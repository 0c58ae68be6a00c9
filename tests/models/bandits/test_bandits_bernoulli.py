from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.bernoulli import bernoulli_index


def known_arm_oracle(a, b, beta, depth):
    """Bisection on the reward of a known arm: play once and then choose the better, `depth` plays ahead."""
    low, high = a / (a + b), 1.0
    for _ in range(40):
        known = (low + high) / 2
        value = np.maximum((a + np.arange(depth + 1)) / (a + b + depth), known) / (1 - beta)
        for played in range(depth - 1, -1, -1):
            p = (a + np.arange(played + 1)) / (a + b + played)
            play = p * (1 + beta * value[1:]) + (1 - p) * beta * value[:-1]
            value = np.maximum(play, known / (1 - beta)) if played else play
        low, high = (known, high) if value[0] > known / (1 - beta) else (low, known)
    return low


def test_a_published_value_at_99():
    # Gittins (1989), tables of the Bernoulli index: .8699; five digits and more here
    assert abs(float(bernoulli_index(1, 1, 0.99, tolerance=1e-6).middle) - 0.8698600) < 1e-6


@pytest.mark.parametrize("size", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_a_whole_table_against_a_bisection(size):
    a, b = np.meshgrid(np.arange(1, size + 1), np.arange(1, size + 1), indexing="ij")
    table = bernoulli_index(a, b, 0.9)
    assert np.all(table.lower <= table.upper)
    assert np.all(table.upper - table.lower <= 1e-7)
    # beta^160 / (1 - beta) = 5e-7 bounds what the oracle leaves out
    oracle = np.vectorize(lambda x, y: known_arm_oracle(x, y, 0.9, 160))(a, b)
    np.testing.assert_allclose(table.middle, oracle, atol=1e-6)
    assert abs(table.middle[0, 0] - 0.7028892) < 1e-7
    published = (0.7029, 0.5001, 0.3796, 0.3021, 0.2488)[:size]
    np.testing.assert_allclose(table.middle[0, :5], published, atol=5e-5)


@pytest.mark.slow
def test_a_table_at_99_against_a_bisection():
    a, b = np.meshgrid([1, 2, 5], [1, 3, 10], indexing="ij")
    table = bernoulli_index(a, b, 0.99)
    assert np.all(table.upper - table.lower <= 1e-7)
    # After 2000 plays the oracle leaves out .99^2000 / .01 = 2e-7 at most
    oracle = np.vectorize(lambda x, y: known_arm_oracle(x, y, 0.99, 2000))(a, b)
    np.testing.assert_allclose(table.middle, oracle, atol=1e-6)


def test_brackets_enclose_at_every_depth():
    rough = bernoulli_index(2.5, 0.7, 0.95, tolerance=1e-2)
    fine = bernoulli_index(2.5, 0.7, 0.95, tolerance=1e-9)
    assert rough.depth < fine.depth
    assert rough.lower <= fine.lower <= fine.upper <= rough.upper


def test_no_future_leaves_the_mean():
    bracket = bernoulli_index(np.array([1.0, 3.0]), 2.0, 0.0)
    np.testing.assert_allclose(bracket.middle, (1 / 3, 0.6), atol=1e-15)


@pytest.mark.parametrize(
    ("values", "field"), [((0, 1, 0.9), "successes"), ((1, -1, 0.9), "failures"), ((1, 1, 1.0), "discount")]
)
def test_bad_input_is_refused(values, field):
    with pytest.raises(InvalidInput, match=field):
        bernoulli_index(*values)
