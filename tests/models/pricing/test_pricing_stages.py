"""The four stages of a service: laws with exactly the mean and variability asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.core.random import Stream, key
from jaxsim.models.pricing import stages

COUNT = 200_000


def test_sampled_stages_have_their_moments_and_add_up():
    """Within 5 standard errors: a false alarm in about one of 10^5 runs of 10 comparisons."""
    made = stages.stages([1.0, 2.0, 5.0, 0.5], [0.0, 0.25, 6.0, 1.0])
    draw = jax.jit(
        jax.vmap(lambda n: made.sample(key(3).replication(n).words(Stream.SERVICES, stages.WORDS)))
    )
    times = np.asarray(draw(np.arange(COUNT)), np.float64)
    assert np.all(times[:, 0] == 1.0) and np.all(times >= 0)
    total = times.sum(axis=1)
    variances = np.asarray(made.means**2 * made.scvs, np.float64)
    assert np.all(times[:, 1] >= 2.0 * 0.5), "a constant part is missing"
    columns = [*zip(times[:, 1:].T, made.means[1:], variances[1:], strict=True)]
    columns.append((total, made.mean, made.scv * made.mean**2))
    for sample, mean, variance in columns:
        assert abs(sample.mean() - float(mean)) < 5 * sample.std() / COUNT**0.5
        squares = (sample - float(mean)) ** 2
        assert abs(squares.mean() - float(variance)) < 5 * squares.std() / COUNT**0.5


def test_moments_by_stage_are_reported_apart():
    answer = stages.problem(means=[1, 2, 5, 2], scvs=[1, 4, 30, 1])
    assert answer["mean"] == 10 and answer["mu"] == 0.1
    assert answer["packet_scv"] == pytest.approx((1 + 16 + 750 + 4) / 100)
    assert answer["share_of_variance"]["policy"] == pytest.approx(750 / 771)
    assert answer["work"] == {"registration": 10, "security": 20, "policy": 50, "payment": 20}
    for bad in ({"means": [1, 2]}, {"means": [0, 0, 0, 0]}, {"scvs": [1, 1, -1, 1]}, {"load": 0}):
        with pytest.raises(InvalidInput):
            stages.problem(**bad)


def test_work_goes_to_the_stages_in_order():
    parts = np.array([1.0, 2.0, 5.0, 2.0], np.float32)
    for before, after, work in ((10.0, 0.0, parts), (9.5, 6.0, [0.5, 2, 1, 0]), (1.5, 1.0, [0, 0, 0, 0.5])):
        np.testing.assert_allclose(
            stages.done(jnp.asarray(parts), jnp.float32(before), jnp.float32(after)), work, rtol=1e-6
        )
