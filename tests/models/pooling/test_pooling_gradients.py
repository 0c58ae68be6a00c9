"""Derivatives in phi through the simulation, against exact transient and stationary laws."""

from __future__ import annotations

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.validation import InvalidInput
from jaxsim.engine import rollout
from jaxsim.learning import CommonNumbers, Pathwise, Score, path_objective
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.relaxed import relaxed
from jaxsim.models.pooling.score import scored
from jaxsim.models.pooling.theory import fluid
from jaxsim.models.pooling.theory import transient as transient_law

RATE, CAP, STEPS = 0.6, 3, 48


def tuned(s, log_chance=None, steps=STEPS):
    def place(phi):
        return replace(s.params, token_probability=phi), policies.fluid(jnp.float32(RATE), phi)

    return path_objective(s.kernel, "jobs_per_server", steps=steps, place=place, log_chance=log_chance)


def transient(phi, steps=STEPS, longest=50):
    """E of the mean own queue after each of the steps, from no jobs and one token, by powers of the chain."""
    threshold, _ = fluid.on_piece(RATE, phi, 1)
    jumps = np.zeros((longest + 1, CAP + 1, longest + 1, CAP + 1))
    arrival, unit = RATE / (1 + RATE), 1 / (1 + RATE)
    for q in range(longest + 1):
        for s in range(CAP + 1):
            ask = min(1.0, max(0.0, q + 1 - threshold)) if s else 0.0
            jumps[q, s, q, max(s - 1, 0)] += arrival * ask
            jumps[q, s, min(q + 1, longest), s] += arrival * (1 - ask)
            earn = phi if q == 0 and s < CAP else 0.0
            jumps[q, s, max(q - 1, 0), s] += unit * (1 - earn)
            if earn:
                jumps[q, s, q, s + 1] += unit * earn
    chain = jumps.reshape((longest + 1) * (CAP + 1), -1)
    law, total = np.eye(1, len(chain), 1)[0], 0.0
    queue = np.repeat(np.arange(longest + 1), CAP + 1)
    for _ in range(steps):
        law = law @ chain
        total += law @ queue
    return total / steps


def test_the_transient_law_is_that_of_the_chain():
    start = jnp.zeros((transient_law.ROWS, CAP + 1)).at[0, 1].set(1.0)
    value, slope = transient_law.slope(RATE, jnp.float32(0.45), start, k=1, steps=STEPS)
    assert float(value) == pytest.approx(transient(0.45), rel=1e-5)
    assert float(slope) == pytest.approx((transient(0.451) - transient(0.449)) / 0.002, rel=1e-3)


def one_server():
    return system(servers=1, arrival_rate=RATE, token_probability=0.45, token_cap=CAP, initial_tokens=1)


def test_score_and_common_numbers_against_the_exact_transient_law():
    value = transient(0.45)
    slope = (transient(0.451) - transient(0.449)) / 0.002
    s = one_server()
    estimators = {
        "score": (Score(20_000), tuned(scored(s), "log_chance")),
        "common": (CommonNumbers(0.02, 20_000), tuned(s)),
    }
    for name, (estimator, objective) in estimators.items():
        found = jax.jit(functools.partial(estimator, objective))(jnp.float32(0.45), random.key(3))
        # 4 standard errors: a false alarm in 6e-5 of the comparisons. The difference's bias, the error of
        # the exact central difference of the same width, is added.
        bias = abs((transient(0.47) - transient(0.43)) / 0.04 - slope) if name == "common" else 0.0
        assert abs(float(found.value) - value) < 4 * float(found.value_error) + bias
        assert abs(float(found.gradient) - slope) < 4 * float(found.gradient_error) + bias
        # Neither estimate may be idle: the derivative is seen.
        assert abs(slope) > 2 * float(found.gradient_error)


def test_hard_gates_take_the_kernel_s_own_path():
    s = system(servers=5, arrival_rate=0.8, token_probability=0.7, token_cap=20)
    hard = relaxed(s, kind="hard")
    key, policy = random.key(3).replication(0), policies.fmfe(s)
    state, means, _ = jax.jit(lambda: rollout(s.kernel, policy, s.params, key, steps=500))()
    same, ours, _ = jax.jit(lambda: rollout(hard.kernel, policy, hard.params, key, steps=500))()
    for name, ours_ in ours.items():
        assert float(ours_) == pytest.approx(float(means[name]), rel=1e-6), name
    assert float(jnp.sum(same.queue)) == int(state.jobs) and float(same.pool) == int(state.pool)


def test_soft_and_straight_through_gates_differ_from_hard_ones_as_they_say():
    s, value, found = one_server(), transient(0.45), {}
    exact = (transient(0.451) - transient(0.449)) / 0.002
    for kind in ("straight_through", "soft"):
        base = relaxed(s, kind=kind)

        @jax.jit
        def estimate(temperature, base=base):
            gate = replace(base.params.gate, temperature=temperature)
            objective = tuned(replace(base, params=replace(base.params, gate=gate)))
            return Pathwise(4000)(objective, jnp.float32(0.45), random.key(5))

        for temperature in (0.3, 0.1):
            found[kind, temperature] = estimate(jnp.float32(temperature))
    through = found["straight_through", 0.3]
    assert abs(float(through.value) - value) < 4 * float(through.value_error)
    # No promise is made for the derivative but that there is one; here it has the sign and the order.
    assert 0.3 < float(through.gradient) / exact < 3
    # A soft value comes nearer to the hard one as the temperature falls.
    bias = [abs(float(found["soft", t].value) - value) for t in (0.3, 0.1)]
    assert bias[1] < bias[0]


@pytest.mark.parametrize("rho", [0.3, 0.7, 0.8, 0.95])
def test_the_traced_policy_is_the_best_response(rho):
    grid = np.array([0.02, 0.1, 0.333, 0.5, 0.7, 0.86, 0.99])
    found = jax.jit(policies.fluid)(jnp.float32(rho), jnp.asarray(grid, jnp.float32))
    for i, phi in enumerate(grid):
        exact = fluid.best_response(rho, float(phi))
        assert float(found.threshold[i]) == pytest.approx(exact.threshold, abs=2e-4)
        assert float(found.offer[i]) == pytest.approx(exact.offer, rel=1e-6)


def test_gates_and_scores_refuse_unlimited_tokens():
    s = system(servers=2, tokens="unlimited")
    for build in (relaxed, scored):
        with pytest.raises(InvalidInput, match=r"^tokens"):
            build(s)
