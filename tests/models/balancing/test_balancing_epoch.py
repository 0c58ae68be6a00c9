"""The epoch's law against matrix exponentials, and the alias tables against the law."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from jaxsim.core import alias, random
from jaxsim.models.balancing import epoch


def exact(x: float, mu: float, buffer: int, delay: float, drops: int) -> np.ndarray:
    """P(drops, end | start) by the matrix exponential of the chain on (drops, state)."""
    states = buffer + 1
    q = np.zeros((states * (drops + 1),) * 2)
    for d in range(drops + 1):
        for z in range(states):
            i = d * states + z
            if z < buffer:
                q[i, i + 1] += x
            elif d < drops:
                q[i, i + states] += x
            if z > 0:
                q[i, i - 1] += mu
            q[i, i] -= q[i].sum()
    return expm(q * delay)[:states]


def law(x: float, mu: float, buffer: int, delay: float) -> tuple[np.ndarray, int]:
    arrivals, offered = epoch.poisson_cut(x * delay), epoch.poisson_cut(mu * delay)
    drops = epoch.largest_drops(x * delay, mu * delay, arrivals)
    laws = epoch.arrival_laws(jnp.float32(mu * delay), buffer, buffer + 1, arrivals, offered, drops)
    return np.asarray(epoch.mix(jnp.full((1, buffer + 1), x * delay, jnp.float32), laws))[0], drops


@pytest.mark.parametrize(
    ("x", "mu", "buffer", "delay"),
    [(0.9, 1.0, 5, 5.0), (2.7, 1.0, 5, 10.0), (0.0, 1.0, 2, 1.0), (1.0, 2.0, 20, 5.0), (1.3, 0.4, 1, 2.0)],
)
def test_joint_law_is_the_matrix_exponential(x: float, mu: float, buffer: int, delay: float) -> None:
    ours, drops = law(x, mu, buffer, delay)
    np.testing.assert_allclose(ours, exact(x, mu, buffer, delay, drops + 5)[:, : ours.shape[1]], atol=2e-6)
    assert float(epoch.cut_mass(jnp.asarray(ours))) < 2e-6


def test_poisson_probabilities_in_32_bits() -> None:
    for mean in (1e-3, 0.9, 30.0, 120.0):
        p = np.asarray(epoch.poisson(jnp.float32(mean), 300))
        n = np.arange(301)
        with np.errstate(divide="ignore"):
            exact_p = np.exp(
                n * np.log(mean) - mean - np.array([np.sum(np.log(np.arange(1, k + 1))) for k in n])
            )
        np.testing.assert_allclose(p, exact_p, rtol=2e-5, atol=1e-12)


def test_samples_follow_the_law() -> None:
    # 2**18 samples of each row against 8 cells: chi-square, 7 degrees of freedom, false alarm 1e-6.
    ours, _ = law(0.9, 1.0, 5, 1.0)
    count = 1 << 18
    bits = alias.bits(ours.shape[1])
    table = alias.packed(jnp.asarray(ours))
    for row in range(6):
        words = random.key(row).words(random.Stream.EVENTS, count)
        seen = np.bincount(
            np.asarray(alias.sample_packed(table, jnp.full(count, row), bits, words)), minlength=1 << bits
        )
        want = ours[row] / ours[row].sum() * count
        top = np.argsort(-want)[:7]
        cells = np.append(seen[top], count - seen[top].sum())
        expected = np.append(want[top], count - want[top].sum())
        assert np.sum((cells - expected) ** 2 / expected) < 42.0


def test_inverse_poisson_mean_and_variance() -> None:
    # 4 standard errors on mean (sd/sqrt n) and variance (about sqrt(2) mean/sqrt n): false alarm 6e-5 each.
    count, mean = 1 << 18, 7.3
    words = random.key(5).words(random.Stream.EVENTS, count)
    x = np.asarray(epoch.inverse_poisson(jnp.full(count, mean), 60, words), np.float64)
    assert abs(x.mean() - mean) < 4 * np.sqrt(mean / count)
    assert abs(x.var() - mean) < 4 * np.sqrt((2 * mean**2 + mean) / count)
