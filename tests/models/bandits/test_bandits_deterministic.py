from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.deterministic import block_ends, deterministic_index


def brute_force(z, beta):
    """(6.1), (6.2): every stopping time of every load level; the most immediate maximizer."""
    n = len(z)
    nu, stop = np.empty(n), np.empty(n, int)
    for start in range(n):
        weight = beta ** np.arange(n - start)
        rate = np.cumsum(weight * z[start:]) / np.cumsum(weight)
        nu[start], stop[start] = rate.max(), start + 1 + int(np.argmax(rate > rate.max() - 1e-13))
    return nu, stop


def test_the_two_worked_sequences():
    # Rates by hand: 31/8, 28/7, 27/6 -> max of (4, 5/2, ..., 4.5, 4.75 from the fourth), ...
    out = deterministic_index((3, 1, 4, 1, 5, 9, 2, 6), 1)
    np.testing.assert_allclose(out.indices, (3.875, 4, 4.75, 5, 7, 9, 4, 6), rtol=1e-15)
    np.testing.assert_allclose(out.envelope, np.full(8, 3.875), rtol=1e-15)
    assert block_ends(out.stop) == [8]
    # (-1 + 2.7)/1.9 = .8947368, (-5 + .9)/1.9 = -2.1578947
    out = deterministic_index((2, -1, 3, -5, 1), 0.9)
    np.testing.assert_allclose(out.indices, (2, 1.7 / 1.9, 3, -4.1 / 1.9, 1), rtol=1e-15)
    assert block_ends(out.stop) == [1, 3, 5]


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 1.0])
def test_index_and_stopping_times_equal_brute_force(beta):
    rng = np.random.default_rng(1)
    for _ in range(50):
        z = rng.normal(size=12)
        out = deterministic_index(z, beta)
        nu, stop = brute_force(z, beta)
        np.testing.assert_allclose(out.indices, nu, atol=1e-13)
        np.testing.assert_array_equal(out.stop, stop)


@pytest.mark.parametrize("beta", [0.5, 0.95, 1.0])
def test_properties_of_the_envelope(beta):
    """Lemma 6.2.1: nonincreasing, earns at least as much at every level, the same at the chain tau_k."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=12)
    out = deterministic_index(z, beta)
    weight = beta ** np.arange(12)
    assert np.all(np.diff(out.envelope) <= 0)
    surplus = np.cumsum(weight * (out.envelope - z))
    assert np.all(surplus > -1e-13)
    np.testing.assert_allclose(surplus[np.array(block_ends(out.stop)) - 1], 0, atol=1e-13)


def test_long_sequences_do_not_underflow():
    # beta^5000 = 5e-1076 is 0 in double precision; the last rates are still right
    z = np.zeros(5000)
    z[-1] = 1.0
    out = deterministic_index(z, 0.5)
    np.testing.assert_allclose(out.indices[-3:], (0.25 / 1.75, 0.5 / 1.5, 1), rtol=1e-15)


@pytest.mark.parametrize("bad", [[], [1.0, np.nan], [[1.0, 2.0]], "text"])
def test_bad_sequences_are_refused(bad):
    with pytest.raises(InvalidInput, match="rewards"):
        deterministic_index(bad, 0.9)
