import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import alias, random, samplers
from jaxsim.core.random import Stream


def laws(outcomes, rows=20):
    """Random laws, sparse and even, with zeros and a point mass among them."""
    p = np.random.default_rng(outcomes).dirichlet(np.full(outcomes, 0.3), rows)
    p[0] = 1 / outcomes
    p[1] = np.eye(outcomes)[-1]
    p[2, : outcomes // 2] = 0
    return p / p.sum(-1, keepdims=True)


def implied(keep, other, columns):
    """Return the law that a table of equal columns samples from."""
    return (keep + np.bincount(other, weights=1 - keep, minlength=columns)) / columns


@pytest.mark.parametrize("outcomes", [1, 2, 3, 7, 36, 300])
def test_packed_tables_hold_their_laws_and_never_an_impossible_outcome(outcomes):
    p = laws(outcomes)
    k = alias.bits(outcomes)
    cells = np.asarray(jax.jit(alias.packed)(jnp.asarray(p, jnp.float32))).reshape(len(p), 1 << k)
    keep, other = (cells >> k) / 2.0 ** (32 - k), cells & ((1 << k) - 1)
    # A full column's threshold lacks one unit and points to itself: nothing is lost.
    for row in range(len(p)):
        found = implied(keep[row], other[row], 1 << k)
        np.testing.assert_allclose(found[:outcomes], p[row], atol=1e-6)
        assert not np.any(found[:outcomes][p[row] == 0])
        assert not np.any(found[outcomes:])


@pytest.mark.parametrize("outcomes", [1, 2, 7, 5000])
def test_wide_tables_hold_their_law(outcomes):
    for p in laws(outcomes, rows=4):
        thresholds, other = map(np.asarray, alias.wide(jnp.asarray(p, jnp.float32)))
        found = implied(thresholds / 2.0**32, other, outcomes)
        np.testing.assert_allclose(found, p, atol=1e-6)


def chi_square(drawn, p):
    """Return (X^2 - df) / sqrt(2 df), about standard normal: beyond 5 once in a million, the seed fixed."""
    expected = p * drawn.size
    statistic = np.sum((np.bincount(drawn, minlength=p.size) - expected) ** 2 / expected)
    return (statistic - (p.size - 1)) / np.sqrt(2 * (p.size - 1))


def test_samples_follow_the_law():
    p = np.array([0.5, 0.25, 0.125, 0.0625, 0.0625])
    single = jnp.asarray(p, jnp.float32)
    n = 1 << 18
    first, second = random.key(11).replication(0).pair(Stream.EVENTS, jnp.arange(n, dtype=jnp.uint32))
    rows = alias.packed(jnp.stack([single[::-1], single]))
    drawn = alias.sample_packed(rows, jnp.ones(n, jnp.int32), alias.bits(5), first)
    assert abs(chi_square(np.asarray(drawn), p)) < 5
    assert abs(chi_square(np.asarray(alias.sample_wide(*alias.wide(single), first, second)), p)) < 5
    by_cdf = samplers.by_cdf(jnp.broadcast_to(jnp.cumsum(single), (n, 5)), samplers.uniform(first))
    assert abs(chi_square(np.asarray(by_cdf), p)) < 5
