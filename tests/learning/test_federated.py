"""Federated averaging on least squares, where every step can be written down."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.learning.federated import central, federated

CENTERS = jnp.array([1.0, 2.0, 6.0])


def distance(x, key, client):
    """Half the squared distance to the client's center: a gradient step of rate a moves a (c - x)."""
    return 0.5 * (x - CENTERS[client]) ** 2


@pytest.mark.parametrize("local", [1, 4])
def test_rounds_are_those_written_by_hand(local):
    weights = np.array([0.5, 0.3, 0.2])
    run = federated(
        distance, jnp.float32(0), clients=3, rounds=5, local_steps=local, batch=2, optimizer=optax.sgd(0.1),
        weights=weights,
    )  # fmt: skip
    x, kept = 0.0, 0.9**local
    for _ in range(5):
        x = float(weights @ (np.asarray(CENTERS) * (1 - kept) + x * kept))
    assert float(run.parameters) == pytest.approx(x, rel=1e-5)
    assert run.losses.shape == (5, 3, local)
    assert run.losses[0, 2, 0] == pytest.approx(18)


def test_central_training_reaches_the_mean_of_the_clients():
    run = central(distance, jnp.float32(0), clients=3, steps=400, batch=64, optimizer=optax.sgd(0.02), seed=1)
    # stationary deviation: rate / 2 times the variance 14/3 of a center, over a batch of 64
    assert float(run.parameters) == pytest.approx(3, abs=5 * np.sqrt(0.01 * 14 / 3 / 64))


def test_every_step_has_fresh_samples_and_a_seed_repeats_them():
    def number(x, key, client):
        return x * 0 + (key.k0 >> 8).astype(jnp.float32)

    options = {"clients": 2, "rounds": 3, "local_steps": 2, "batch": 1}
    first, again = (federated(number, jnp.float32(0), **options).losses for _ in range(2))
    assert np.array_equal(first, again)
    assert len(np.unique(first)) == first.size == 12


@pytest.mark.parametrize(
    "bad", [{"clients": 0}, {"rounds": 1.5}, {"weights": [0.5, 0.4]}, {"weights": [1.0]}]
)
def test_bad_input_is_refused(bad):
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        federated(distance, jnp.float32(0), **{"clients": 2, **bad})
