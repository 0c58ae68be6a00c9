"""The four stages of a service: laws with exactly the mean and variability asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.core.random import Stream, key
from jaxsim.engine import simulate
from jaxsim.models.pricing import catalogue, stages, system
from jaxsim.models.pricing.packets import scaled_arrivals

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


def test_each_user_may_have_stages_of_its_own():
    """Work per unit of time at a stage is sum_j lambda_j m_j / mu_j times that stage's share of user j."""
    means = [[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 3.0, 1.0]]
    here = system(
        model="queue",
        packets="stages",
        scale=2.0,
        theta=[-6.0, -4.0],
        stage_means=means,
        stage_scvs=[1.0] * 4,
    )
    np.testing.assert_allclose(here.params.users.packet_scv, [1 / 4, 10 / 16], rtol=1e-6)
    found = simulate(
        here.kernel, catalogue.constant(here), here.params, horizon=20.0, replications=256, seed=3
    )
    arrivals = np.asarray(scaled_arrivals(here.params))[0]
    load = arrivals * np.asarray(here.params.users.batch_mean[0] / here.params.users.mu)
    for k, name in enumerate(stages.NAMES):
        exact = sum(load[j] * means[j][k] / 4 for j in range(2))
        work = found[f"work_{name}"]
        assert abs(work.mean - exact) < 4 * work.standard_error and work.standard_error < 0.02 * exact
    for bad in ([[1, 1, 1, 1]] * 3, [1, 1], [[1, 1, 1, 1], [0, 0, 0, 0]]):
        with pytest.raises(InvalidInput, match="stage_means"):
            system(stage_means=bad)


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
