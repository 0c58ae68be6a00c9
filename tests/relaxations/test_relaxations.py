"""Each relaxation against what it relaxes: exact laws, and a bias of the order that is stated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.random import Stream
from jaxsim.relaxations import Choice, Gate, leave_one_out, with_score

X = np.linspace(-12.0, 12.0, 240_001)


def soft_mean(temperature, shift=0.5):
    """E sigmoid((Z + shift) / t) for Z standard normal, by quadrature."""
    density = np.exp(-((X - shift) ** 2) / 2) / np.sqrt(2 * np.pi)
    with np.errstate(over="ignore"):
        gate = 1 / (1 + np.exp(-X / temperature))
    return np.trapezoid(gate * density, X)


@pytest.mark.parametrize("temperature", [0.4, 0.2, 0.1])
def test_bias_of_the_soft_gate_is_the_stated_one(temperature):
    # The density of Z + 1/2 at 0 is phi(1/2), its derivative there phi(1/2) / 2; the hard mean is Phi(1/2).
    hard = 0.6914624612740131
    slope = np.exp(-1 / 8) / np.sqrt(2 * np.pi) / 2
    stated = -slope * temperature**2 * np.pi**2 / 6
    # The next term is of order t^4: E L^4 = 7 pi^4 / 15 and |f'''| <= 1.4, so |rest| < 2.7 t^4.
    assert abs(soft_mean(temperature) - hard - stated) < 2.7 * temperature**4
    assert abs(stated) > 5 * abs(soft_mean(temperature) - hard - stated) or temperature > 0.3


def test_gates_agree_on_values_and_derivatives():
    x = jnp.asarray([-0.3, -1e-6, 0.0, 0.2, 4.0])
    hard, soft, straight = (Gate(0.5, kind) for kind in ("hard", "soft", "straight_through"))
    np.testing.assert_array_equal(hard(x), [0, 0, 0, 1, 1])
    np.testing.assert_allclose(soft(x), 1 / (1 + np.exp(-np.asarray(x) / 0.5)), rtol=1e-6)
    np.testing.assert_allclose(straight(x), hard(x), atol=1e-7)
    slopes = [jax.vmap(jax.grad(gate))(x) for gate in (hard, soft, straight)]
    np.testing.assert_array_equal(slopes[0], np.zeros(5))
    s = np.asarray(soft(x), np.float64)
    np.testing.assert_allclose(slopes[1], s * (1 - s) / 0.5, rtol=1e-5)
    np.testing.assert_array_equal(slopes[1], slopes[2])


def test_temperature_is_traced():
    traces = []

    @jax.jit
    def value(gate, x):
        traces.append(1)
        return gate(x)

    for temperature in (1.0, 0.5, 0.25):
        value(Gate(temperature, "soft"), jnp.float32(0.1))
    assert len(traces) == 1


def test_hard_choices_follow_softmax():
    logits = jnp.asarray([0.3, -1.0, 1.2, 0.0])
    n = 200_000
    words = random.key(3).pair(Stream.POLICY, jnp.arange(4 * n, dtype=jnp.uint32))[0].reshape(n, 4)
    picked = np.asarray(jax.jit(Choice())(jnp.broadcast_to(logits, (n, 4)), words))
    np.testing.assert_array_equal(picked.sum(axis=1), 1)
    p = np.asarray(jax.nn.softmax(logits), np.float64)
    # Four cells at 4.5 standard errors: false alarms in 3 of 100 000 seeds.
    assert np.all(np.abs(picked.mean(axis=0) - p) < 4.5 * np.sqrt(p * (1 - p) / n))


def test_soft_choices_lie_on_the_simplex_and_straight_through_ones_are_the_hard_ones():
    logits = jnp.asarray([[0.3, -1.0, 1.2], [0.0, 0.0, 5.0]])
    words = random.key(5).pair(Stream.POLICY, jnp.arange(6, dtype=jnp.uint32))[0].reshape(2, 3)
    soft, hard = Choice(0.5, "soft")(logits, words), Choice()(logits, words)
    np.testing.assert_allclose(soft.sum(axis=-1), 1, rtol=1e-6)
    assert np.all(np.argmax(soft, -1) == np.argmax(hard, -1))
    straight = Choice(0.5, "straight_through")
    np.testing.assert_allclose(straight(logits, words), hard, atol=1e-6)
    weights = jnp.asarray([1.0, 2.0, 5.0])
    for gate in (Choice(0.5, "soft"), straight):
        slope = jax.grad(lambda x, g=gate: jnp.sum(g(x, words) @ weights))(logits)
        expected = jax.grad(lambda x: jnp.sum(Choice(0.5, "soft")(x, words) @ weights))(logits)
        np.testing.assert_allclose(slope, expected, rtol=1e-6)


def test_score_is_unbiased_for_a_coin_and_the_baseline_only_changes_the_variance():
    # value = heads * (2 + p), heads with chance p: E = p (2 + p), derivative 2 + 2 p.
    p = 0.3
    uniform = np.asarray(random.key(1).pair(Stream.POLICY, jnp.arange(100_000, dtype=jnp.uint32))[0]) / 2**32
    heads = jnp.asarray(uniform < p, jnp.float32)

    def slopes(baseline):
        def one(x, heads, b):
            chance = jnp.where(heads > 0, jnp.log(x), jnp.log1p(-x))
            return with_score(heads * (2 + x), chance, b)

        b = baseline(heads * (2 + p))
        return np.asarray(jax.vmap(jax.grad(one), (None, 0, 0))(p, heads, b), np.float64)

    plain, better = slopes(jnp.zeros_like), slopes(leave_one_out)
    for found in (plain, better):
        assert abs(found.mean() - (2 + 2 * p)) < 4 * found.std() / np.sqrt(found.size)
    assert better.std() < plain.std()
