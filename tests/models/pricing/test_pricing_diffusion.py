"""The diffusion kernel against exact laws.

Statistical tests have fixed seeds and allow 4 standard errors (one false alarm in 16 000).
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxsim.core.errors import InvalidInput
from jaxsim.core.random import key
from jaxsim.engine import FinalState, rollout, simulate
from jaxsim.models.pricing import catalogue, paths, system
from jaxsim.models.pricing.reflection import drop, faces, oblique
from jaxsim.models.pricing.theory import brownian, comparison, euler, regimes

B, V = -34.0, 107000.0


def run(policy=catalogue.game, *, horizon, replications, seed=1, warmup=0.0, **keys):
    s = system(**keys)
    return simulate(
        s.kernel,
        policy(s),
        s.params,
        horizon=horizon,
        warmup=warmup,
        replications=replications,
        seed=seed,
        record=FinalState(),
    )


def close(estimate, exact):
    assert abs(estimate.mean - exact) <= 4 * estimate.standard_error


@pytest.mark.parametrize("steps", [1, 5])
def test_reflected_step_of_any_size_has_the_exact_law(steps):
    final = run(horizon=50.0, replications=20_000, time_step=50.0 / steps).arrays["sides.0.workload"]
    law = stats.kstest(final, lambda w: np.asarray(brownian.cdf(w, 50.0, B, V)))
    assert law.pvalue > 1e-4
    error = final.std(ddof=1) / np.sqrt(len(final))
    assert abs(final.mean() - 1157.345) <= 4 * error


def test_projected_euler_has_spitzers_mean():
    final = run(horizon=50.0, replications=20_000, time_step=2.0, scheme="projected_euler")
    w = final.arrays["sides.0.workload"]
    assert abs(w.mean() - euler.mean(2.0, 25, B, V)) <= 4 * w.std(ddof=1) / np.sqrt(len(w))
    assert euler.mean(2.0, 25, B, V) < 1157.345 - 200


@pytest.mark.parametrize("crossing", ["split", "matrix"])
def test_two_regimes_reach_the_stationary_mean(crossing):
    """Scaled arrivals and theta give B = (-68, 10), sigma^2 = (64200, 171200)."""
    theta = [[-2.0, -2.4], [10.0 / 34.0, 12.0 / 34.0]]
    rates = np.array([[0.6], [1.6]]) * np.array([10 / 3, 5.0])
    generator = [[-0.05, 0.05], [0.1, -0.1]]
    step = 2.0 if crossing == "split" else 0.1
    found = run(
        horizon=400.0,
        warmup=1000.0,
        replications=600,
        time_step=step,
        crossing=crossing,
        theta=theta,
        arrival_rate=rates.tolist(),
        generator=generator,
        reference="none",
    )
    close(found["workload"], regimes.stationary_mean([-68.0, 10.0], [64200.0, 171200.0], generator))


def test_cost_difference_of_figure_11_is_the_exact_one():
    """Few long steps: the exact scheme needs no small ones; prices are at their bounds from the first on."""
    s = system(time_step=50.0)
    exact = comparison.differences(s.kernel.spec, s.params, 200.0)

    @jax.jit
    @jax.vmap
    def last(number):
        start = key(3).replication(number)
        context = s.kernel.prepare(s.kernel.spec, s.params, catalogue.game(s))
        state = s.kernel.init(start, s.kernel.spec, context)
        for step in range(4):
            draws = s.kernel.draw(start.at(step), s.kernel.spec, catalogue.game(s))
            state, seen = s.kernel.step(draws, s.kernel.spec, context, catalogue.game(s), state)
        return seen["cost_difference"], seen["price_1"]

    difference, price = last(jnp.arange(40_000))
    difference = np.asarray(difference, np.float64)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    assert abs(difference.mean() - exact.constant) <= 4 * error
    np.testing.assert_allclose(price, 0.64, rtol=1e-6)


def test_figure_5_difference_is_exactly_zero():
    equal = {"initial_prices": 1.0, "lower_prices": 1.0, "upper_prices": 1.0}
    found = run(horizon=20.0, replications=50, users=3, time_step=0.4, **equal)
    assert found["cost_difference"].mean == 0.0 and found["cost_difference"].half_width == 0.0


def test_pair_of_users_1_and_3_is_never_selected_and_ties_go_to_the_first():
    s = system(users=3, time_step=1.0)
    record = paths.decisions(s, catalogue.game(s), steps=200)
    assert np.array_equal(np.unique(record.selected, axis=0), [[True, True, False]])
    dearer = system(users=3, time_step=1.0, lower_prices=[0.6, 0.7, 0.49])
    record = paths.decisions(dearer, catalogue.game(dearer), steps=200)
    # Where little is held the pairs' costs are equal to rounding.
    much = np.asarray(record.workload) > 200
    assert np.array_equal(np.unique(np.asarray(record.selected)[much], axis=0), [[False, True, True]])


def test_recorded_decisions_are_the_simulated_path():
    s = system(time_step=1.0, generator=[[-0.3, 0.3], [0.6, -0.6]])
    final = simulate(
        s.kernel, catalogue.game(s), s.params, horizon=30.0, replications=3, seed=9, record=FinalState()
    )
    record = paths.decisions(s, catalogue.game(s), seed=9, replication=2, steps=30)
    assert float(record.workload[-1]) == pytest.approx(final.arrays["sides.0.workload"][2], rel=1e-5)
    assert int(record.regime[-1]) == final.arrays["regime"][2]
    np.testing.assert_allclose(record.workload, (record.queues / s.params.users.mu).sum(axis=1), rtol=1e-5)


def test_the_same_workload_beside_any_reference():
    finals = [
        run(horizon=20.0, replications=4, time_step=1.0, reference=name).arrays["sides.0.workload"]
        for name in ("none", "constant", "2d-queue")
    ]
    np.testing.assert_allclose(finals[1], finals[0], rtol=1e-6)
    np.testing.assert_allclose(finals[2], finals[0], rtol=1e-5)


def test_oblique_push_is_complementary_and_normal_reflection_is_coordinatewise():
    draw = np.random.default_rng(0)
    matrix = jnp.asarray([[1.0, -1.0, 0.2], [-0.25, 1.0, -0.3], [0.1, -0.4, 1.0]], jnp.float32)
    x, d, e = (
        tuple(jnp.asarray(v, jnp.float32))
        for v in (
            draw.exponential(1, (3, 2000)),
            draw.normal(0, 1, (3, 2000)),
            draw.exponential(1, (3, 2000)),
        )
    )
    fall = tuple(jax.vmap(drop, (0, None, 0))(a, 1.0, b) for a, b in zip(d, e, strict=True))
    z, y = (np.stack(v) for v in oblique(faces(matrix), matrix, x, d, fall))
    low = np.stack(x) - np.stack(fall) + np.asarray(matrix) @ y
    assert y.min() >= 0 and z.min() >= 0 and low.min() > -1e-5
    assert np.abs(low * y).max() < 1e-4
    eye = jnp.eye(3)
    z, _ = oblique(faces(eye), eye, x, d, fall)
    apart = [jnp.maximum(a, f) + b for a, b, f in zip(x, d, fall, strict=True)]
    np.testing.assert_allclose(z, apart, atol=1e-5)


def test_normally_reflected_queues_are_one_dimensional():
    """With R = I the 2D-queue's coordinates are reflected by themselves: E Q_j is exact at any step."""
    s = system(time_step=25.0, reference="none")
    policy = catalogue.two_dimensional(s, matrix=[[1.0, 0.0], [0.0, 1.0]])
    found = simulate(
        s.kernel, policy, s.params, horizon=50.0, replications=20_000, seed=4, record=FinalState()
    )
    for j, (theta, gamma) in enumerate(((-1.0, 230.0), (-1.2, 210.0))):
        q = found.arrays[f"sides.0.queues.{j}"]
        exact, _ = brownian.workload_mean(50.0, theta, gamma)
        assert abs(q.mean() - exact) <= 4 * q.std(ddof=1) / np.sqrt(len(q))


def objective(s, policy, name, number, steps):
    def value(params):
        _, means, _ = rollout(s.kernel, policy, params, key(5).replication(number), steps=steps)
        return means[name]

    return value


def test_pathwise_gradient_of_the_workload_has_the_exact_mean():
    """One exact step of length 50: d E W / d theta_1 = (d E W / d b) / mu_1."""
    s = system(time_step=50.0, reference="none")
    policy = catalogue.game(s)

    @jax.jit
    @jax.vmap
    def slopes(number):
        return jax.grad(objective(s, policy, "workload", number, 1))(s.params).users.theta[0, 0]

    found = np.asarray(slopes(jnp.arange(20_000)), np.float64)
    _, slope = brownian.workload_mean(50.0, B, V)
    assert abs(found.mean() - 10.0 * slope) <= 4 * found.std(ddof=1) / np.sqrt(len(found))


def test_pathwise_gradients_equal_differences_under_common_random_numbers():
    """Drifts, capacities, bounds and rates, away from kinks: bounds off the curve (kappa^2, kappa)."""
    s = system(time_step=5.0, lower_prices=[0.9, 0.8], initial_prices=[9.0, 3.0], reference="none")
    policy, numbers = catalogue.arbitrary(s), jnp.arange(64)

    @jax.jit
    def mean_cost(params):
        return jnp.mean(jax.vmap(lambda n: objective(s, policy, "cost", n, 8)(params))(numbers))

    gradients = jax.jit(jax.grad(mean_cost))(s.params).users
    for field in ("theta", "rate", "lower_prices", "arrival_rate"):
        leaf = getattr(s.params.users, field)
        step = 2e-2 * jnp.abs(leaf)

        def moved(sign, field=field, leaf=leaf, step=step):
            users = dataclasses.replace(s.params.users, **{field: leaf + sign * step})
            return float(mean_cost(dataclasses.replace(s.params, users=users)))

        along = float(jnp.sum(getattr(gradients, field) * step))
        assert along == pytest.approx((moved(1.0) - moved(-1.0)) / 2, rel=5e-3), field


def test_gradient_in_the_price_function():
    s = system(time_step=5.0, reference="none")
    policy = catalogue.arbitrary(s)

    @jax.jit
    def cost(gain):
        _, means, _ = rollout(
            s.kernel, dataclasses.replace(policy, gain=gain), s.params, key(5).replication(0), steps=2
        )
        return means["cost"]

    value, slope = jax.value_and_grad(cost)(policy.gain)
    # The cost is a polynomial in the gains; a central difference of it is right to second order.
    difference = (cost(policy.gain * 1.01) - cost(policy.gain * 0.99)) / 0.02
    assert float(slope @ policy.gain) == pytest.approx(float(difference), rel=1e-3) and value > 0


def test_bad_input_is_refused_in_one_line():
    for keys, field in (
        ({"users": 1}, "users"),
        ({"users": 9}, "pricing.select"),
        ({"kinds": "linear"}, "kinds"),
        ({"generator": [[-1.0, 0.5], [1.0, -1.0]]}, "generator"),
        ({"lower_prices": 20.0}, "initial_prices"),
        ({"theta": [1.0, 2.0, 3.0]}, "theta"),
        ({"reference": "fixed"}, "reference"),
        ({"users": 3, "reference": "2d-queue"}, "users"),
    ):
        with pytest.raises(InvalidInput, match=field):
            system(**keys)
