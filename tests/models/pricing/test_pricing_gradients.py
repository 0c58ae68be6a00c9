"""Pathwise gradients through the reflected diffusion: exact, and differences under the same noise."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.errors import InvalidInput
from jaxsim.engine import rollout
from jaxsim.models.pricing import catalogue
from jaxsim.models.pricing.schedule import Bounded, Schedule
from jaxsim.models.pricing.system import system


def test_the_stationary_mean_has_its_exact_derivative_with_respect_to_the_drift():
    """E W = sigma^2 / (2 |b|), so dE W / d theta_1 = sigma^2 / (2 b^2) / mu_1 = 462.8 for sigma^2 = 107000.

    After 10 relaxation times the start is forgotten (e^-10). Within 4 standard errors over 2000 paths, a
    false alarm in one of 16 000 seeds; the interval is about 5 % wide.
    """
    here = system(reference="none", time_step=20.0, initial_workload=1573.5)
    policy = catalogue.constant(here)
    users = here.params.users

    def last(theta, number):
        params = dataclasses.replace(here.params, users=dataclasses.replace(users, theta=theta))
        state, _, _ = rollout(here.kernel, policy, params, random.key(4).replication(number), steps=100)
        return state.sides[0].workload

    first = jnp.zeros_like(users.theta).at[0, 0].set(1)
    one = lambda n: jax.jvp(lambda t: last(t, n), (users.theta,), (first,))  # noqa: E731
    value, slope = map(np.asarray, jax.jit(jax.vmap(one))(jnp.arange(2000)))
    for found, exact in ((value, 107000 / 68), (slope, 107000 / (2 * 34**2) / 0.1)):
        error = found.std(ddof=1) / len(found) ** 0.5
        assert abs(found.mean() - exact) < 4 * error
        assert error < 0.05 * exact


def test_gradients_in_the_price_function_equal_differences_under_the_same_noise():
    here = system(reference="none", time_step=2.0, initial_workload=1500.0, upper_prices=(9.0, 3.0))
    point = {"level": jnp.array([-1.0, -0.5]), "slope": jnp.array([0.3, -0.4])}

    @jax.jit
    def mean_cost(p):
        run = functools.partial(rollout, here.kernel, Schedule(p["level"], p["slope"]), here.params, steps=40)
        return jnp.mean(jax.vmap(lambda n: run(random.key(1).replication(n))[1]["cost"])(jnp.arange(64)))

    slopes, step = jax.jit(jax.grad(mean_cost))(point), 0.02
    for name in point:
        kick = jnp.array([0.0, step])
        high, low = (mean_cost(point | {name: point[name] + s * kick}) for s in (1, -1))
        difference = float(high - low) / (2 * step)
        np.testing.assert_allclose(slopes[name][1], difference, rtol=5e-3, err_msg=name)


def test_bounded_policies_charge_within_the_bounds_and_schedules_end_at_them():
    here = system(reference="none", upper_prices=(9.0, 3.0), initial_workload=100.0)
    for policy in (Bounded(catalogue.arbitrary(here)), Schedule(jnp.array([40.0, 40.0]), jnp.zeros(2))):
        _, means, _ = jax.jit(lambda p: rollout(here.kernel, p, here.params, random.key(0), steps=3))(policy)
        assert 0.64 <= float(means["price_1"]) <= 9 and 0.8 <= float(means["price_2"]) <= 3
    assert float(means["price_1"]) == 9 and float(means["price_2"]) == 3


def test_the_schedule_by_name_needs_no_upper_bound_and_takes_the_initial_price_for_it():
    """At level 0 without slope prices are halfway between the lower bounds and 9, 3."""
    here = system(reference="none", time_step=1.0)
    halfway = catalogue.schedule(here, level=0.0, slope=0.0)
    _, means, _ = jax.jit(lambda p: rollout(here.kernel, p, here.params, random.key(0), steps=3))(halfway)
    np.testing.assert_allclose(
        [means["price_1"], means["price_2"]], [(9 + 0.64) / 2, (3 + 0.8) / 2], rtol=1e-6
    )
    with pytest.raises(InvalidInput, match="model"):
        catalogue.schedule(system(model="queue"))
