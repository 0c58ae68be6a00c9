"""Every estimator against an exact derivative, and the descent against a known optimum."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import toy

from jaxsim.core import random, samplers
from jaxsim.core.errors import InvalidInput
from jaxsim.core.random import Stream
from jaxsim.engine import rollout
from jaxsim.learning import (
    SPSA,
    CommonNumbers,
    Exact,
    Interval,
    Ordered,
    Pathwise,
    Positive,
    Sample,
    Score,
    Simplex,
    path_objective,
    tune,
)

AT = {"rate": jnp.float32(1.5), "chance": jnp.float32(0.4)}
# value = (rate X - chance)^2 + 3 heads, X exponential, heads with chance `chance`:
# E = 2 rate^2 - 2 rate chance + chance^2 + 3 chance.
EXACT = {"rate": 4 * 1.5 - 2 * 0.4, "chance": -2 * 1.5 + 2 * 0.4 + 3}


def noisy(tuned, key):
    first, second = key.pair(Stream.EVENTS)
    heads = samplers.uniform(second) < tuned["chance"]
    smooth = (tuned["rate"] * samplers.exponential(first) - tuned["chance"]) ** 2
    log_chance = jnp.where(heads, jnp.log(tuned["chance"]), jnp.log1p(-tuned["chance"]))
    return Sample(smooth + 3.0 * heads, log_chance)


ESTIMATORS = [Score(20_000), CommonNumbers(0.05, 20_000), SPSA(0.05, 40_000)]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_estimators_agree_with_the_exact_derivative_within_their_own_errors(estimator):
    found = jax.jit(lambda x: estimator(noisy, x, random.key(2), 0))(AT)
    for name, exact in EXACT.items():
        error = float(found.gradient_error[name])
        # The objective is quadratic: central differences have no bias. Six checks at 4 standard errors.
        assert 0 < error < 0.5
        assert abs(float(found.gradient[name]) - exact) < 4 * error, name
    value = 2 * 1.5**2 - 2 * 1.5 * 0.4 + 0.4**2 + 3 * 0.4
    # A difference reports the mean of both sides, which is off by step^2 times the curvatures / 2.
    assert abs(float(found.value) - value) < 4 * float(found.value_error) + 0.05**2 * (4 / 2 + 2 / 2) + 1e-3


def test_pathwise_misses_exactly_the_jump():
    found = jax.jit(lambda x: Pathwise(20_000)(noisy, x, random.key(2), 0))(AT)
    assert abs(float(found.gradient["rate"]) - EXACT["rate"]) < 4 * float(found.gradient_error["rate"])
    blind = EXACT["chance"] - 3  # what the jump contributes is not seen
    assert abs(float(found.gradient["chance"]) - blind) < 4 * float(found.gradient_error["chance"])


def test_estimators_depend_on_replication_numbers_only():
    half = [jax.jit(lambda n: Pathwise(8)(noisy, AT, random.key(2), n))(first) for first in (0, 8)]
    whole = jax.jit(lambda n: Pathwise(16)(noisy, AT, random.key(2), n))(0)
    np.testing.assert_allclose(np.mean([float(h.value) for h in half]), float(whole.value), rtol=1e-5)


def test_tune_finds_a_known_optimum_and_says_how_sure_it_is():
    # E (rate X - 2)^2 = 2 rate^2 - 4 rate + 4, X exponential of mean 1: least at rate 1, where it is 2.
    def objective(rate, key):
        return (rate * samplers.exponential(key.pair(Stream.EVENTS)[0]) - 2.0) ** 2

    seen = []
    found = tune(
        objective, 3.0, gradient=Pathwise(256), constraint=Positive(), steps=200, seed=4,
        progress=lambda done, value: seen.append(done),
    )  # fmt: skip
    # In log(rate) the slope of a path has standard deviation 32^.5 at the optimum and the curvature is 4, so
    # the average of 100 steps of 256 paths has standard error 32^.5 / 16 / 10 / 4 = .009; 4 of them.
    assert abs(float(found.tuned) - 1.0) < 0.036
    assert abs(found.value.mean - 2.0) < 4 * found.value.standard_error
    assert found.gain.mean - found.gain.half_width > 0
    assert found.settled and seen[-1] == 200 and found.points.shape == (200,)
    again = tune(objective, 3.0, gradient=Pathwise(256), constraint=Positive(), steps=200, seed=4)
    assert float(again.tuned) == float(found.tuned)
    early = tune(objective, 3.0, gradient=Pathwise(256), constraint=Positive(), steps=16, seed=4)
    assert not early.settled


def test_exact_gradients_with_an_optimizer_of_ones_own_need_no_replications():
    target = jnp.asarray([0.2, 0.5, 0.3])
    found = tune(
        lambda p, key: jnp.sum(p * jnp.log(p / target)), jnp.ones(3) / 3, gradient=Exact(),
        constraint=Simplex(), optimizer=optax.sgd(1.0), steps=200, judges=2,
    )  # fmt: skip
    np.testing.assert_allclose(found.tuned, target, atol=1e-4)


def test_schedules_do_not_recompile():
    traces = []

    def objective(x, key):
        traces.append(1)
        return (x - 1.0) ** 2

    tune(
        objective,
        0.0,
        gradient=Exact(),
        steps=100,
        judges=2,
        optimizer=optax.adam(optax.linear_schedule(0.1, 0.01, 100)),
    )
    before = len(traces)
    assert before <= 4  # the descent (value and gradient), its shape, the judge
    tune(objective, 0.5, gradient=Exact(), steps=100, judges=2, optimizer=optax.adam(0.1))
    assert len(traces) <= 2 * before


@pytest.mark.parametrize(
    ("constraint", "value"),
    [
        (Interval(), [0.1, 0.9]),
        (Interval(-2.0, 5.0), [0.0]),
        (Positive(), [1e-3, 40.0]),
        (Simplex(), [[0.1, 0.2, 0.7]]),
        (Ordered(), [0.5, 0.6, 2.0]),
    ],
)
def test_constraints_invert(constraint, value):
    np.testing.assert_allclose(constraint.to(constraint.of(value)), value, rtol=2e-5, atol=1e-6)


def test_bad_input_is_refused_in_one_line():
    def objective(x, key):
        return x

    with pytest.raises(InvalidInput, match="start"):
        tune(objective, 1.5, constraint=Interval(), steps=10)
    with pytest.raises(InvalidInput, match="steps"):
        tune(objective, 0.5, steps=2)
    with pytest.raises(InvalidInput, match="metric"):
        path_objective(toy.kernel(), "no_such", steps=3, place=lambda x: (x, None))


def test_the_backward_pass_keeps_blocks_not_paths():
    """Memory of a reverse pass over 100 000 steps stays near that of one block of 4096."""
    kernel = toy.kernel()

    def bytes_of(steps):
        def loss(params):
            key = random.key(0).replication(0)
            return rollout(kernel, None, params, key, steps=steps)[1]["smooth"]

        compiled = jax.jit(jax.grad(loss)).lower(toy.params()).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert bytes_of(100_000) < 3 * bytes_of(4096)
