"""Simulation against solved values, stochastic dominance, gradients against exact derivatives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.errors import InvalidInput, UntrustworthyResult
from jaxsim.engine import simulate
from jaxsim.models.actors import discounted, policies, policy_value, total
from jaxsim.models.actors.applications.grid import c_mu_assignment, grid
from jaxsim.models.actors.applications.lines import own_station_assignment, two_stations
from jaxsim.models.actors.applications.scheduling import scheduling, sorted_assignment
from jaxsim.models.actors.applications.tandem import tandem
from jaxsim.models.actors.dominance import compare_samples, dominates
from jaxsim.models.actors.gradients import finite_value, mean_gain, score_gradient
from jaxsim.models.actors.model import Model, formulate
from jaxsim.models.actors.paths import benefits
from jaxsim.models.actors.system import system_of


def estimate(model: Model, policy: Any, metric: str, **choices: Any) -> tuple[float, float]:
    """Mean and standard error of a metric (95 % half-width / 1.97 at 400 replications)."""
    horizon = choices.pop("horizon", 200.0)
    system = system_of(model, **choices)
    result = simulate(system.kernel, policy, system.params, seed=3, replications=400, horizon=horizon)
    found = result.estimates[metric]
    return float(found.mean), float(found.half_width) / 1.966


def close(found: tuple[float, float], exact: float) -> None:
    """Within 3 standard errors: each such check fails by chance with probability 0.27 %."""
    assert abs(found[0] - exact) < 3 * found[1], (found, exact)


@pytest.mark.parametrize("clock", ["uniformized", "jump"])
def test_long_run_average_on_both_clocks(clock: str) -> None:
    line = two_stations()
    table = policies.table(line.model, own_station_assignment(2))
    exact = float(policy_value(line.model, own_station_assignment(2)))
    assert exact == pytest.approx(3.1702899, abs=5e-8)
    close(estimate(line.model, table, "reward_rate", clock=clock), exact)


@pytest.mark.slow
def test_the_jump_clock_has_no_null_events_and_the_other_has_the_right_share() -> None:
    line = tandem(size=8, arrival=0.5)
    chosen = policies.optimal(line.model)
    assert estimate(line.model, chosen, "event_share", clock="jump") == (1.0, 0.0)
    found = estimate(line.model, chosen, "event_share")
    assert found[0] < 1


@pytest.mark.slow
def test_policies_agree_with_their_exact_values() -> None:
    network = grid(size=12, arrivals=(0.3, 0.2))
    model = network.model
    rule = c_mu_assignment(network, (2.0, 1.0), (1.0, 1.5))
    exact = float(policy_value(model, rule))
    close(estimate(model, policies.c_mu(model), "net_benefit", horizon=500.0), exact)
    best = policies.optimal(model)
    known = float(policy_value(model, np.asarray(best.assignment)))
    close(estimate(model, best, "net_benefit", horizon=500.0), known)


@pytest.mark.slow
def test_distributed_control_is_optimal_where_the_corollaries_hold() -> None:
    line = tandem(size=8, arrival=0.5)
    model = line.model
    by_values = policies.distributed(model)
    best = policies.optimal(model)
    same = estimate(model, by_values, "net_benefit")[0]
    assert same == pytest.approx(estimate(model, best, "net_benefit")[0], rel=1e-5)  # the same paths


@pytest.mark.slow
def test_random_policies_agree_with_their_mixed_chain() -> None:
    line = tandem(size=5, arrival=0.5)
    soft = policies.softmax(line.model)
    with jax.enable_x64(True):
        exact = float(mean_gain(line.model.params, soft))
    close(estimate(line.model, soft, "net_benefit", horizon=400.0), exact)
    found = estimate(line.model, policies.RandomAssignment(), "net_benefit", horizon=400.0)
    assert found[0] < -1


@pytest.mark.parametrize("holding", ["mean", pytest.param("sampled", marks=pytest.mark.slow)])
def test_finite_horizon_and_discounted_totals(holding: str) -> None:
    model = small_model()
    rate = float(model.params.uniform_rate)
    table = policies.table(model, discounted(model, 0.5).assignment)
    exact = policy_value(model, np.asarray(table.assignment), criterion="discounted", rate=0.5)
    choices = {"criterion": "totals", "holding": holding, "discount_rate": 0.5}
    close(estimate(model, table, "discounted", horizon=400 / rate, **choices), float(exact[0]))
    with jax.enable_x64(True):
        value = float(finite_value(model.params, table, 400))
    close(estimate(model, table, "total", horizon=400 / rate, **choices), value)


def test_weiss_pinedo_simulated() -> None:
    model = scheduling()
    rule = sorted_assignment((1, 2, 3, 4, 5), (1, 0.6, 0.3), fastest_first=True)
    found = estimate(model, policies.table(model, rule), "total", criterion="totals", horizon=60.0)
    close(found, float(total(model).values[-1]))  # what is left after 60 units of time is below 1e-6


def test_infeasible_actions_are_reported() -> None:
    model = tandem(size=3).model
    bad = policies.Table(jnp.ones((16, 2), jnp.int32))  # station 2 even if it is empty
    system = system_of(model)
    with pytest.raises(UntrustworthyResult, match="INFEASIBLE_ACTION"):
        simulate(system.kernel, bad, system.params, replications=4, horizon=20.0)


def test_copies_race_like_one_fast_computer() -> None:
    # The first of exponential copies is exponential with the summed rate: a Kolmogorov-Smirnov distance of
    # 4000 samples beyond 0.0258 has probability 1 % (1.63 / sqrt n).
    rng = np.random.default_rng(1)
    first = np.sort((rng.exponential(size=(4000, 3)) / np.array([0.5, 0.3, 0.2])).min(1))
    ranks = np.arange(1, 4001) / 4000
    assert np.max(np.abs(1 - np.exp(-first) - ranks)) < 0.0258


def test_dominance_of_the_fastest_first_list() -> None:
    # Fastest first beats its reverse in the mean flow time (3.32 against 4.10) and, as the samples say, in
    # law.
    model = scheduling()
    good, bad = (
        policies.table(model, sorted_assignment((1, 2, 3, 4, 5), (1, 0.6, 0.3), fastest_first=f))
        for f in (True, False)
    )
    forward = dominates(model, good, bad, epochs=100, replications=1000, seed=4)
    backward = dominates(model, bad, good, epochs=100, replications=1000, seed=4)
    assert not forward.refuted(0.01)
    assert backward.refuted(0.01) and backward.guaranteed < 0.01
    assert forward.difference > 5 * forward.standard_error


@pytest.mark.slow
def test_dominance_under_equality_is_seldom_refuted() -> None:
    # Correlated normal pairs with equal margins: at level 5 %, 200 tests refute Binomial(200, .05) times,
    # more than 22 with probability 0.1 %.
    rng = np.random.default_rng(6)
    refuted = 0
    for seed in range(200):
        x = rng.normal(size=400)
        y = 0.8 * x + 0.6 * rng.normal(size=400)
        refuted += compare_samples(x, y, resamples=100, seed=seed).refuted(0.05)
    assert refuted <= 22
    shifted = compare_samples(x, y + 0.2, resamples=100)
    assert shifted.refuted(0.05)


def test_sampled_benefits_have_the_solved_mean() -> None:
    model = small_model()
    table = policies.table(model, discounted(model, 0.5).assignment)
    sample = benefits(model, table, epochs=30, replications=4000, seed=2)
    with jax.enable_x64(True):
        exact = float(finite_value(model.params, table, 30))
    close((float(sample.mean()), float(sample.std() / np.sqrt(4000))), exact)


def small_model() -> Model:
    """Four states, two actors, two actions, everything different."""
    rng = np.random.default_rng(20)
    return formulate(
        speeds=[1.0, 0.6], rates=rng.uniform(0.3, 1, (4, 2)), targets=rng.integers(0, 4, (4, 2, 2)),
        chances=rng.dirichlet([1, 1], (4, 2)), rewards=rng.normal(size=(4, 2, 2)), exogenous=[0.3],
        exits=rng.integers(0, 4, (4, 1)), costs=rng.uniform(size=4), uniform_rate=2.4,
    )  # fmt: skip


def test_exact_gradients_are_differences() -> None:
    model = small_model()
    soft = policies.softmax(model)
    with jax.enable_x64(True):
        params = jax.tree.map(jnp.asarray, model.params)

        @jax.jit
        def gain(speeds: Any, rates: Any, rewards: Any) -> Any:
            local = replace(params.local, speeds=speeds, rates=rates, rewards=rewards)
            return mean_gain(replace(params, local=local), soft)

        at = (params.local.speeds, params.local.rates, params.local.rewards)
        slopes = jax.grad(gain, argnums=(0, 1, 2))(*at)
        for place in range(3):
            direction = jnp.ones_like(at[place])
            up, down = (
                [x + h * direction if i == place else x for i, x in enumerate(at)] for h in (1e-5, -1e-5)
            )
            difference = (gain(*up) - gain(*down)) / 2e-5
            assert float(jnp.sum(slopes[place])) == pytest.approx(float(difference), rel=1e-6)


def test_score_gradients_are_unbiased() -> None:
    model, epochs = small_model(), 12
    rng = np.random.default_rng(21)
    soft = policies.softmax(model)
    soft = replace(soft, logits=jnp.asarray(rng.normal(size=soft.logits.shape), jnp.float32))
    with jax.enable_x64(True):
        exact = jax.grad(lambda both: finite_value(both[0], both[1], epochs), allow_int=True)(
            (model.params, soft)
        )
    mean, error = score_gradient(
        model.spec, model.params, soft, random.key(5), epochs=epochs, replications=8000
    )
    for pick in (
        lambda g: g[0].local.speeds, lambda g: g[0].local.rates, lambda g: g[0].local.rewards,
        lambda g: g[0].local.costs, lambda g: g[1].logits,
    ):  # fmt: skip
        gap = np.asarray(pick(mean)) - np.asarray(pick(exact))
        size = np.asarray(pick(error))
        assert np.all(np.abs(gap) <= 4.5 * size + 1e-4)  # 76 numbers: false alarm below 0.1 %
        assert np.sqrt(np.mean(gap**2)) < 2 * np.sqrt(np.mean(size**2)) + 1e-5
        assert np.max(np.abs(np.asarray(pick(exact)))) > 3 * np.median(size)  # and the test can see them


def test_score_gradients_need_null_events() -> None:
    model = tandem(size=2).model
    with pytest.raises(InvalidInput, match="null events"):
        score_gradient(
            model.spec, model.params, policies.softmax(model), random.key(1), epochs=2, replications=2
        )
