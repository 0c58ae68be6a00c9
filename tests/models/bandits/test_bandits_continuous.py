from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.continuous import continuous_envelope, continuous_index, markov_rate_index
from jaxsim.models.bandits.theory.deterministic import deterministic_index
from jaxsim.models.bandits.theory.prices import capacity_prices, continuous_prices


def test_index_of_a_rising_then_falling_reward_by_hand():
    # Z(s) = s up to 1, then falls to 0 at 2 and stays: from 0 on, stop at tau in (1, 2) where Z(tau) = nu(0).
    # Without discount: tau^2-4tau+2 = -2 (1/2 + ...)... solved: (-t^2/2 + 2t - 1) / t = 2 - t  =>  t = sqrt 2
    nu = continuous_index((0, 1, 2), (0, 1, 0), discount_rate=1e-7)
    assert abs(float(nu) - (2 - np.sqrt(2))) < 1e-6
    # A fine discrete sequence has the same index
    step = 1 / 4000
    z = np.interp((np.arange(8000) + 0.5) * step, (0, 1, 2), (0, 1, 0))
    fine = deterministic_index(z, float(np.exp(-0.7 * step))).indices
    ours = continuous_index((0, 1, 2), (0, 1, 0), discount_rate=0.7, at=(0, 0.5, 1.5))
    np.testing.assert_allclose(ours, fine[[0, 2000, 6000]], atol=2e-4)


def test_falling_rewards_are_their_own_index_and_capacity_rescales_time():
    levels = np.linspace(0, 4, 9)
    np.testing.assert_allclose(
        continuous_index((0, 1, 3), (5, 2, -1), discount_rate=0.3, at=levels),
        np.interp(levels, (0, 1, 3), (5, 2, -1)), atol=1e-13,
    )  # fmt: skip
    slow = continuous_index((0, 1, 2, 5), (0, 3, 1, 4), discount_rate=0.2, at=levels)
    fast = continuous_index((0, 1, 2, 5), (0, 3, 1, 4), discount_rate=0.4, capacity=2, at=levels)
    np.testing.assert_allclose(slow, fast, rtol=1e-13)


def test_a_reward_that_stays_high_is_never_left():
    # Z jumps up over [0, 1] from 0 to 1, stays: nu(0) = alpha int e^{-alpha s} Z = (1 - e^{-alpha}) / alpha
    alpha = 0.8
    nu = continuous_index((0, 1), (0, 1), discount_rate=alpha)
    np.testing.assert_allclose(nu, (1 - np.exp(-alpha)) / alpha, rtol=1e-12)


def test_envelope_dominates_and_meets_the_reward():
    grid = np.linspace(0, 6, 3001)
    loads, rewards, alpha = (0, 1, 2, 4, 6), (1, 3, 0.5, 2, 0), 0.3
    z, bar = (
        np.interp(grid, loads, rewards),
        continuous_envelope(loads, rewards, discount_rate=alpha, at=grid),
    )
    assert np.all(np.diff(bar) <= 1e-12)
    weight = np.exp(-alpha * grid)
    surplus = np.concatenate([[0], np.cumsum(((bar - z) * weight)[1:] + ((bar - z) * weight)[:-1])]) * 0.001
    assert surplus.min() > -1e-6
    falling = np.r_[np.diff(bar) < -1e-9, False]
    np.testing.assert_allclose(surplus[falling], 0, atol=2e-5)


def test_markov_rates_approach_the_index_of_brownian_motion():
    """Reward x + drifted Brownian motion: nu(x) = x + (sqrt(mu^2 + 2 a s^2) + mu) / (2 a), the mean maximum
    over an exponential time of rate a (Karatzas 1984); lattice of spacing h, error O(h)."""
    mu, s, a, h = -0.3, 1.0, 0.5, 0.06
    x = np.arange(-12, 12 + h / 2, h)
    up, down = s * s / (2 * h * h) + mu / (2 * h), s * s / (2 * h * h) - mu / (2 * h)
    q = np.diag(np.full(len(x) - 1, up), 1) + np.diag(np.full(len(x) - 1, down), -1)
    q -= np.diag(q.sum(1))
    nu = markov_rate_index(x, q, discount_rate=a)
    # On the lattice the maximum is geometric: E max = h / (1/theta - 1), theta the chance of one more record
    theta = ((up + down + a) - np.sqrt((up + down + a) ** 2 - 4 * up * down)) / (2 * down)
    middle = len(x) // 2
    np.testing.assert_allclose(nu[middle], h / (1 / theta - 1), atol=1e-6)
    assert abs(nu[middle] - (np.sqrt(mu**2 + 2 * a * s * s) + mu) / (2 * a)) < h


def test_rate_index_of_two_states_by_hand():
    # 0 earns 0 and moves to 1 at rate 2; 1 earns 1 for ever: nu(0) = 2 / (2 + a)
    nu = markov_rate_index((0, 1), ((-2, 2), (0, 0)), discount_rate=0.5, capacity=1)
    np.testing.assert_allclose(nu, (2 / 2.5, 1), rtol=1e-14)


def value_with_capacity(curves, alpha, pace):
    """Discounted value when the merged decreasing rent curve is served at speed pace(t), on a fine grid."""
    t = np.linspace(0, 60, 600_001)
    speed = pace(t)
    served = np.concatenate([[0], np.cumsum((speed[1:] + speed[:-1]) / 2)]) * t[1]
    y = np.exp(-alpha * t) * speed * np.interp(served, *curves)
    return np.sum((y[1:] + y[:-1]) / 2) * t[1]


def test_the_multiplier_is_the_value_of_capacity():
    """d value / d capacity on [t, t + dt] = e^{-alpha t} lambda(t) dt, not e^{-alpha t} rent(t) dt."""
    alpha = 0.5
    prices = continuous_prices((0, 2, 4), ((4, 1, 0), (3, 0, 0)), discount_rate=alpha, cells=4000)
    # Both rewards fall, so they are their own envelopes: merge by inverting x_1(v) + x_2(v)
    v = np.linspace(4, 0, 4001)
    load = np.interp(-v, (-4, -1, 0), (0, 2, 4)) + np.interp(-v, (-3, 0), (0, 2))
    merged = np.append(load, load[-1] + 100), np.append(v, 0)
    flat = value_with_capacity(merged, alpha, lambda t: np.ones_like(t))
    assert abs(prices.value - flat) < 1e-4
    at, width, more = 1.0, 0.05, 0.02
    bumped = value_with_capacity(
        merged, alpha, lambda t: 1 + more * ((t >= at - width / 2) & (t <= at + width / 2))
    )
    slope = (bumped - flat) / (more * width)
    multiplier = np.exp(-alpha * at) * np.interp(at, prices.times, prices.multipliers)
    rent = np.exp(-alpha * at) * np.interp(at, prices.times, prices.rents)
    assert abs(slope - multiplier) < 0.01 * multiplier
    assert abs(slope - rent) > 0.2 * multiplier


def test_discrete_multiplier_is_the_value_of_one_more_slot():
    sequences, beta = ((3, 1, 4, 1, 5, 9, 2, 6), (5, 4, 4, 2)), 0.9
    prices = capacity_prices(sequences, beta)
    weight, rents = beta**prices.times, prices.rents
    for t in range(len(rents)):
        # A second slot at t + 1: the packets from t + 2 on are sent one slot earlier
        twice = weight[: t + 1] @ rents[: t + 1] + weight[t:-1] @ rents[t + 1 :]
        gain = twice - weight @ rents
        # ... which beta^t nu*(t+1), ... all gain; the packet that fills the freed last slot is worth 0
        expected = prices.multipliers[t] - (1 - beta) * weight[t] * rents[t]
        np.testing.assert_allclose(gain, expected / beta, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"loads": (1, 2), "rewards": (0, 1), "discount_rate": 1}, "loads"),
        ({"loads": (0, 2), "rewards": (0, 1, 2), "discount_rate": 1}, "rewards"),
        ({"loads": (0, 2), "rewards": (0, 1), "discount_rate": 0}, "discount_rate"),
        ({"loads": (0, 2), "rewards": (0, 1), "discount_rate": 1, "at": -1}, "at"),
    ],
)
def test_bad_input_is_refused(values, field):
    with pytest.raises(InvalidInput, match=field):
        continuous_index(**values)


def test_a_matrix_that_is_no_generator_is_refused():
    with pytest.raises(InvalidInput, match="generator"):
        markov_rate_index((0, 1), ((-2, 1), (0, 0)), discount_rate=1)
