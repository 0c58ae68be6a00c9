"""The score function with every baseline, and smoothed, on a walk whose derivative is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random, samplers
from jaxsim.core.errors import InvalidInput
from jaxsim.core.random import Stream
from jaxsim.learning import Annealed, Conditional, Relaxed, Sample, Score, tune
from jaxsim.relaxations import balls, cone, leave_one_out_line

STEPS = 4
LEFT = np.arange(STEPS, 0, -1.0)
COUNT = 4000


def walk(p, key):
    """Height s_t counts heads (chance p); the cost of step t is s_t e_t, e exponential: E = 10 p."""
    words = key.words(Stream.EVENTS, 2 * STEPS)
    heads = (samplers.uniform(words[:STEPS]) < p).astype(jnp.float32)
    weight = samplers.exponential(words[STEPS:])
    height = jnp.cumsum(heads)
    to_go = jnp.cumsum((height * weight)[::-1])[::-1]
    before = height - heads

    def forecast(head):  # mean cost to go after this outcome, the later heads coming with chance p
        later = jax.lax.stop_gradient(p) * LEFT * (LEFT - 1) / 2
        return LEFT * (before + head) + later

    return Sample(
        to_go[0],
        jnp.where(heads > 0, jnp.log(p), jnp.log1p(-p)),
        to_go,
        baseline=LEFT * before,
        exogenous=jnp.cumsum(weight[::-1])[::-1],
        critic=forecast(heads),
        smooth=jnp.sum(p * forecast(1.0) + (1 - p) * forecast(0.0)),
    )


def slope(estimator, objective=walk):
    found = jax.jit(lambda: estimator(objective, jnp.float32(0.3), random.key(3)))()
    return float(found.gradient), float(found.gradient_error)


def test_every_baseline_is_unbiased_and_the_better_ones_are_quieter():
    errors = {}
    for name in ("none", "path", "leave_one_out", "exogenous"):
        mean, errors[name] = slope(Score(COUNT, name))
        assert abs(mean - 10) < 4 * errors[name], name  # five such checks: false alarms in 3e-4 of seeds
    mean, errors["conditional"] = slope(Conditional(COUNT))
    assert abs(mean - 10) < 4 * errors["conditional"]
    assert errors["leave_one_out"] < 0.9 * errors["none"]
    assert max(errors["exogenous"], errors["path"]) < 0.9 * errors["leave_one_out"]
    assert errors["conditional"] < errors["path"]


def test_costs_to_go_are_quieter_than_whole_paths():
    whole, error = slope(Score(COUNT), lambda p, key: walk(p, key)._replace(to_go=None))
    assert abs(whole - 10) < 4 * error
    assert slope(Score(COUNT))[1] < 0.9 * error


def test_what_an_objective_does_not_offer_is_refused():
    def bare(p, key):
        return Sample(p, jnp.log(p))

    for estimator in (Score(4, "path"), Score(4, "exogenous"), Conditional(4)):
        with pytest.raises(InvalidInput, match=r"baseline|gradient"):
            estimator(bare, jnp.float32(0.3), random.key(0))


def test_the_line_of_the_others_leaves_the_own_value_out():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 7))
    ours = np.asarray(leave_one_out_line(jnp.asarray(y), jnp.asarray(x)))
    for i in range(7):
        others = np.arange(7) != i
        fit = np.polyfit(x[others], y[others], 1)
        assert abs(ours[i] - np.polyval(fit, x[i])) < 1e-4


def test_the_cone_holds_later_costs_within_reach():
    rings = tuple(map(jnp.asarray, balls([[(j + 1) % 9, (j - 1) % 9] for j in range(9)], 2)))
    costs = np.random.default_rng(0).normal(size=(5, 9)).astype(np.float32)
    for memory in (1, 3, 10):
        ours = np.asarray(jax.jit(functools.partial(cone, rings=rings))(costs, memory=memory))
        want = np.zeros_like(costs)
        for t, j, lag in np.ndindex(5, 9, 4):
            far = min(lag + 1, 2)
            if lag + 1 <= memory and t + lag + 1 < 5:
                want[t, j] += sum(costs[t + lag + 1, (j + k) % 9] for k in range(-far, far + 1))
        np.testing.assert_allclose(ours, want, atol=1e-4)


def gate(p, key, relaxation):
    """Heads by a gate: E of the hard value is p^2 + p (heads, and heads x p)."""
    heads = relaxation.gate(p - samplers.uniform(key.pair(Stream.EVENTS)[0]))
    return heads * (1 + p)


@pytest.mark.parametrize("kind", ["soft", "straight_through"])
def test_relaxed_gradients_have_the_stated_bias(kind):
    # Soft: the mean gate is t [log(1 + e^(p/t)) - log(1 + e^((p-1)/t))], p up to e^(-p/t) terms: no bias at
    # t = .02 beyond 1e-6, its value being linear in the gate; straight-through likewise.
    mean, error = slope(Relaxed(0.02, kind, 20_000), gate)
    assert abs(mean - (1 + 2 * 0.3)) < 4 * error + 1e-5
    assert Relaxed(0.02, kind).bias.kind == ("order" if kind == "soft" else "open")


def test_a_schedule_of_temperatures_is_traced_once():
    traces = []

    def objective(p, key, relaxation=None):
        traces.append(1)
        heads = relaxation.gate(p - 0.5) if relaxation is not None else p
        return (heads - 0.4) ** 2

    cooling = Annealed(Relaxed(1.0, "soft", 2), 1.0, 0.1, 80)
    tune(objective, 0.9, gradient=cooling, steps=100, judges=2)
    before = len(traces)
    tune(objective, 0.9, gradient=Annealed(Relaxed(1.0, "soft", 2), 0.5, 0.2, 60), steps=100, judges=2)
    assert len(traces) == before <= 4
    at = [float(cooling.at(n).temperature) for n in (0, 40, 80, 1000)]
    np.testing.assert_allclose(at, [1.0, 10**-0.5, 0.1, 0.1], rtol=1e-5)
