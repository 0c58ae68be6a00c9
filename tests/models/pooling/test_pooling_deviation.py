"""Deviations, tuning and unequal servers: exact numbers against each other and against the simulation."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.pooling import policies
from jaxsim.models.pooling.system import system
from jaxsim.models.pooling.theory import chain, deviation, tuning
from jaxsim.models.pooling.theory.unequal import unequal_pooling


def wait_of(rho, phi, servers, cap):
    return deviation.pool_wait(phi, servers, float(chain.server_law(rho, phi, cap).requests))


def test_the_best_deviation_is_best_and_its_cost_is_the_chain_s():
    wait = wait_of(0.8, 0.8, 10, 20)
    found = deviation.best_deviation(0.8, 0.8, 20, wait)
    assert found.converged
    again = deviation.deviant_cost(found.rules(), 0.8, 0.8, wait)
    assert again == pytest.approx(found.best, rel=1e-6)
    for reserve in (1, 5):
        saver = deviation.deviant_cost(deviation.saver_rules(20, reserve), 0.8, 0.8, wait)
        assert found.best <= saver + 1e-6


def test_saving_tokens_gains_eleven_percent_at_ten_servers_and_twenty_tokens():
    wait = wait_of(0.8, 0.8, 10, 20)
    equilibrium = deviation.best_deviation(0.8, 0.8, 20, wait).equilibrium
    saver = deviation.deviant_cost(deviation.saver_rules(20, 5), 0.8, 0.8, wait)
    assert (equilibrium - saver) / equilibrium == pytest.approx(0.11, abs=0.01)


def test_the_gain_vanishes_with_servers_and_tokens():
    gains = []
    for servers, cap in ((100, 25), (1000, 100), (10000, 400)):
        wait = wait_of(0.5, 0.5, servers, cap)
        gains.append(deviation.best_deviation(0.5, 0.5, cap, wait).gain)
    assert gains[0] > 2 * gains[1] > 4 * gains[2] > 0


@pytest.mark.slow
def test_a_loner_and_a_free_rider_pay_for_it():
    s = system(servers=10, arrival_rate=0.8, token_cap=20, waits="exact")
    kwargs = {"seed": 4, "replications": 64, "horizon": 500.0}
    base = simulate(s.kernel, policies.fmfe(s), s.params, **kwargs)["first_cost"]
    for kind in ("free_rider", "loner"):
        worse = simulate(s.kernel, policies.deviate(s, kind=kind), s.params, **kwargs)["first_cost"]
        assert worse.mean - worse.half_width > base.mean + base.half_width


@pytest.mark.slow
def test_a_simulated_saver_costs_what_theory_says():
    # The own queue of a server does not depend on the others; 4 standard errors.
    s = system(servers=200, arrival_rate=0.5, token_cap=10, waits="exact", processing_cost=0.5)
    policy = policies.deviate(s, kind="saver", reserve=3)
    found = simulate(s.kernel, policy, s.params, seed=2, replications=64, horizon=300.0, warmup=100.0)
    exact = chain.law(deviation.saver_rules(10, 3), 0.5, 1.0, 0.5)
    estimate = found["first_queue"]
    assert abs(estimate.mean - float(exact.queue)) < 4 * estimate.standard_error


def test_tuning_finds_lambda_where_the_paper_says():
    assert tuning.tune_fluid(0.8, 10).token_probability == pytest.approx(0.8, abs=1e-8)
    assert tuning.tune_fluid(0.8, 10).cost == pytest.approx(1.2)
    # Too few servers: N (1 - lambda) < 1, and a lower phi is better.
    assert tuning.tune_fluid(0.8, 3).token_probability < 0.7
    left, right = tuning.fluid_slopes(0.8, 10)
    step = 1e-6
    ends = [tuning.fluid_cost(0.8, phi, 10) for phi in (0.8 - step, 0.8, 0.8 + step)]
    assert left == pytest.approx((ends[1] - ends[0]) / step, rel=1e-4)
    assert right == pytest.approx((ends[2] - ends[1]) / step, rel=1e-4)


@pytest.mark.slow
def test_tuning_under_a_cap():
    best = tuning.tune_chain(0.8, 100, 20)
    assert best.token_probability == pytest.approx(0.8, abs=1e-6)
    assert best.cost == pytest.approx(0.8 + 4 / 100 + chain.queue_at_full_pooling(0.8, 20))
    slope = tuning.chain_slope(0.8, 0.7, 100, 20)
    costs = [float(chain.server_law(0.8, x, 20).queue) + x / (1 - x) / 100 for x in (0.7 + 1e-6, 0.7 - 1e-6)]
    assert slope == pytest.approx((costs[0] - costs[1]) / 2e-6, rel=1e-5)


def test_unequal_servers_of_theorem_7_1():
    same = unequal_pooling((0.8, 1.6), (1.0, 2.0))
    assert same.mechanism_jobs == pytest.approx(same.central_jobs) == pytest.approx(4.0)
    found = unequal_pooling((0.3, 0.8, 1.0), (1.0, 1.0, 2.0), 50)
    assert found.token_probability == 0.8
    assert found.central_jobs == pytest.approx(2.1 / 1.9)
    assert found.mechanism_jobs <= found.bound * found.central_jobs
    assert np.sum(found.mechanism_share) == pytest.approx(1) == pytest.approx(np.sum(found.central_share))
    each = [
        float(chain.server_law(a, 0.8, 50, service_rate=s).queue) for a, s in ((0.3, 1), (0.8, 1), (1.0, 2))
    ]
    assert sum(each) == pytest.approx(found.capped_excess)


def test_unequal_servers_by_simulation():
    arrival, service = (0.3, 0.8, 1.0, 0.5) * 5, (1.0, 1.0, 2.0, 1.0) * 5
    s = system(servers=20, arrival_rate=arrival, service_rate=service, token_cap=20)
    theory = unequal_pooling(arrival, service, 20)
    r = simulate(s.kernel, policies.fmfe(s), s.params, seed=3, replications=128, horizon=400.0)
    queue = r["jobs_per_server"]
    assert abs(queue.mean - theory.capped_excess / 20) < 4 * queue.standard_error
    success = r["help_success"]
    assert abs(success.mean - 0.8) < 4 * success.standard_error


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: deviation.best_deviation(1.0, 0.5, 10, 0.1), "arrival_rate"),
        (lambda: deviation.best_deviation(0.5, 0.5, 10, -0.1), "wait"),
        (lambda: policies.deviate(system(servers=2), kind="thief"), "kind"),
        (lambda: policies.deviate(system(servers=2, tokens="unlimited")), "tokens"),
        (lambda: policies.deviate(system(servers=2), kind="saver", reserve=101), "reserve"),
        (lambda: tuning.tune_fluid(1.5, 10), "arrival_rate"),
        (lambda: unequal_pooling((0.5, 1.0), (1.0, 1.0)), "arrival_rates"),
    ],
)
def test_bad_numbers_are_refused(call, field):
    with pytest.raises(InvalidInput, match=f"^{field}"):
        call()
