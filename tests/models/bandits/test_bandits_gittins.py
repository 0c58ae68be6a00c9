from __future__ import annotations

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.blocked import eliminate_blocked
from jaxsim.models.bandits.theory.elimination import eliminate
from jaxsim.models.bandits.theory.gittins import gittins_derivatives, gittins_index, index_of

CYCLE = ((0, 1, 0), (0, 0, 1), (1, 0, 0))


def random_arm(rng, n, sparse=False):
    p = rng.dirichlet(np.full(n, 0.3 if sparse else 1.0), n)
    if sparse:
        p = np.where(p < 0.15, 0, p)
        p /= p.sum(1, keepdims=True)
    return rng.normal(size=n), p


def restart_oracle(r, p, beta):
    """Katehakis and Veinott: (1 - beta) times the value in i of the problem that may restart in i."""
    n = len(r)
    out = np.empty(n)
    for i in range(n):
        restart = np.zeros(n, bool)
        while True:  # policy iteration
            move = np.where(restart[:, None], p[i], p)
            value = np.linalg.solve(np.eye(n) - beta * move, np.where(restart, r[i], r))
            better = r[i] + beta * p[i] @ value > r + beta * p @ value + 1e-12
            if np.array_equal(better, restart):
                break
            restart = better
        out[i] = (1 - beta) * value[i]
    return out


def test_the_arm_of_five_states():
    rng = np.random.default_rng(5)
    p, r = rng.dirichlet(np.ones(5), 5), rng.random(5)
    expected = (0.89544824, 0.87733918, 0.55342086, 0.80919093, 0.57789756)
    np.testing.assert_allclose(gittins_index(r, p, 0.9), expected, atol=5e-9)
    stationary = np.linalg.lstsq(np.vstack([p.T - np.eye(5), np.ones(5)]), np.eye(6)[5])[0] @ r
    assert abs(stationary - 0.61327328) < 5e-9
    assert abs(gittins_index(r, p, 1).min() - stationary) < 1e-14


def test_the_cycle_at_every_discount():
    # From 0 the best is to go on until 9 is earned: 9 b^2 / (1 + b + b^2); from 1: 9 b / (1 + b)
    for discount, tolerance in (
        (Fraction(9, 10), 1e-14),
        (1 - Fraction(1, 10**6), 1e-12),
        (Fraction(1), 1e-14),
    ):
        exact = [float(x) for x in cycle_index(np.array(discount, object))]
        np.testing.assert_allclose(
            gittins_index((0, 0, 9), CYCLE, float(discount)), exact, rtol=0, atol=tolerance
        )
    np.testing.assert_allclose(
        gittins_index((0, 0, 9), CYCLE, 0.9), (2.6900369004, 4.2631578947, 9), atol=5e-11
    )
    np.testing.assert_allclose(gittins_index((0, 0, 9), CYCLE, 1), (3, 4.5, 9), rtol=1e-15)


def cycle_index(b):
    return np.stack([9 * b * b / (1 + b + b * b), 9 * b / (1 + b), 9 + 0 * b], axis=-1)


def test_single_precision_keeps_its_digits_near_one():
    """At 1 - 1e-6 within 5e-7, which is one unit in the last place of the 4.5; 1.5 units at any discount."""
    rewards, move = jnp.asarray((0, 0, 9), jnp.float32), jnp.asarray(CYCLE, jnp.float32)
    stop = np.append(1e-6, 10 ** -np.random.default_rng(9).uniform(1, 7, 500)).astype(np.float32)
    found = jax.jit(jax.vmap(lambda s: eliminate(rewards, move, s).indices))(jnp.asarray(stop))
    assert found.dtype == jnp.float32
    error = np.abs(np.asarray(found, float) - cycle_index(1 - stop.astype(float)))
    assert error[0].max() < 5e-7
    assert error.max() < 1.5 * np.spacing(np.float32(4.5))


def test_single_precision_loses_nothing_to_the_discount():
    """Random arms of seven states: a few units of 2^-24 of the largest reward, at .9 as at 1 - 1e-6.

    The rows are multiples of 2^-12, so that both precisions solve the same arm.
    """
    rng = np.random.default_rng(10)
    p = rng.multinomial(2**12, rng.dirichlet(np.full(7, 0.3), (100, 7))) / 2**12
    r = rng.normal(size=(100, 7)).astype(np.float32)
    solve = jax.jit(jax.vmap(lambda x, y, s: eliminate(x, y, s).indices, (0, 0, None)))
    for stop in np.float32([0.1, 1e-6]):
        single = np.asarray(solve(jnp.asarray(r), jnp.asarray(p, jnp.float32), stop), float)
        exact = gittins_index(r, p, 1 - float(stop))
        assert np.max(np.abs(single - exact) / np.abs(r).max(1, keepdims=True)) < 4 * 2**-24


def test_no_future_leaves_the_rewards():
    assert gittins_index((3.0, -1, 9), CYCLE, 0).tolist() == [3, -1, 9]


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999])
def test_index_equals_the_restart_problem(beta):
    rng = np.random.default_rng(3)
    for trial in range(10):
        r, p = random_arm(rng, 6, sparse=trial % 2 == 1)
        np.testing.assert_allclose(gittins_index(r, p, beta), restart_oracle(r, p, beta), atol=1e-10)


def test_average_reward_is_the_limit_also_with_closed_classes():
    rng = np.random.default_rng(4)
    for trial in range(20):
        r, p = random_arm(rng, 6, sparse=True)
        if trial % 2:  # two closed classes {0, 1} and {2}, the rest transient
            p[:3] = 0
            p[0, 1] = p[1, 0] = p[2, 2] = 1
        near = gittins_index(r, p, 1 - 1e-9)
        np.testing.assert_allclose(gittins_index(r, p, 1), near, atol=2e-6)


def test_many_arms_equal_one_by_one():
    rng = np.random.default_rng(6)
    r, p = rng.normal(size=(3, 100, 7)), rng.dirichlet(np.ones(7), (3, 100, 7))
    together = gittins_index(r, p, 0.95)
    assert together.shape == (3, 100, 7)
    np.testing.assert_allclose(together[1, 42], gittins_index(r[1, 42], p[1, 42], 0.95), rtol=1e-14)


@pytest.mark.parametrize("beta", [0.99, 1.0])
def test_blocked_equals_plain(beta):
    rng = np.random.default_rng(7)
    n = 700  # a blocked stage, a compaction and the last stage
    r, p = rng.normal(size=n), rng.dirichlet(np.full(n, 0.01), n)
    p[0] = 0
    p[0, 0] = 1  # absorbing: a zero pivot at discount 1
    with jax.enable_x64(True):
        plain = np.asarray(jax.jit(eliminate)(jnp.asarray(r), jnp.asarray(p), jnp.asarray(1 - beta)).indices)
    np.testing.assert_allclose(eliminate_blocked(r, p, 1 - beta), plain, atol=1e-12)
    np.testing.assert_allclose(gittins_index(r, p, beta), plain, atol=1e-12)


def test_derivatives_against_finite_differences():
    rng = np.random.default_rng(8)
    r, p = random_arm(rng, 5)
    exact, h = gittins_derivatives(r, p, 0.9), 1e-6
    for _ in range(5):
        dr = rng.normal(size=5)
        dp = rng.normal(size=(5, 5))
        dp -= dp.mean(1, keepdims=True)
        slope = (
            gittins_index(r + h * dr, p + h * dp, 0.9 + h) - gittins_index(r - h * dr, p - h * dp, 0.9 - h)
        ) / (2 * h)
        ours = exact.rewards @ dr + np.einsum("ijk,jk->i", exact.transitions, dp) + exact.discount
        np.testing.assert_allclose(ours, slope, atol=1e-8)


def test_derivatives_through_jax_and_by_hand():
    # Cycle: index of 0 is 9 b^2/(1 + b + b^2), so d/dr = (1, b, b^2)/(1 + b + b^2)
    b = 0.9
    share = np.array([1, b, b * b]) / (1 + b + b * b)
    with jax.enable_x64(True):

        def of(r, p, s):
            return index_of(r, p, s)[0]

        args = jnp.asarray((0.0, 0, 9)), jnp.asarray(CYCLE, float), jnp.asarray(1 - b)
        by_r, by_p, by_stop = (np.asarray(g) for g in jax.jit(jax.grad(of, argnums=(0, 1, 2)))(*args))
    np.testing.assert_allclose(by_r, share, rtol=1e-14)

    def closed(b):
        return 9 * b * b / (1 + b + b * b)

    np.testing.assert_allclose(-by_stop, (closed(b + 1e-6) - closed(b - 1e-6)) / 2e-6, rtol=1e-8)
    np.testing.assert_allclose(by_p, gittins_derivatives((0, 0, 9), CYCLE, b).transitions[0], atol=1e-14)


@pytest.mark.parametrize(
    ("r", "p", "beta", "field"),
    [
        ((0, 1), ((1, 0), (0.5, 0.4)), 0.9, "transitions"),
        ((0, 1, 2), ((1, 0), (0, 1)), 0.9, "transitions"),
        ((0, np.inf), ((1, 0), (0, 1)), 0.9, "rewards"),
        (0.5, ((1.0,),), 0.9, "rewards"),
        ((0, 1), ((1, 0), (0, 1)), 1.1, "discount"),
    ],
)
def test_bad_input_is_refused(r, p, beta, field):
    with pytest.raises(InvalidInput, match=field):
        gittins_index(r, p, beta)


def test_derivatives_refuse_the_average_criterion():
    with pytest.raises(InvalidInput, match="discount"):
        gittins_derivatives((0, 0, 9), CYCLE, 1)
