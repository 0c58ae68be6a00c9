"""The simulated system against exact laws; tolerances in standard errors, seeds fixed."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsim.engine import simulate
from jaxsim.experiments.pooling import grid
from jaxsim.models.pooling import policies
from jaxsim.models.pooling.stationary import started
from jaxsim.models.pooling.system import system
from jaxsim.models.pooling.theory import chain
from jaxsim.models.pooling.theory.joint import joint_law
from jaxsim.statistics import ratio_interval


def check(result, exact, k=4.0):
    """Each within k standard errors: for k = 4 a false alarm in 6e-5 of the comparisons."""
    for name, value in exact.items():
        found = result[name]
        assert abs(found.mean - float(value)) <= k * found.standard_error, (name, str(found), float(value))


def per_server(rate, phi, cap):
    law = chain.server_law(rate, phi, cap)
    return {
        "jobs_per_server": law.queue,
        "help_request_rate": law.requests,
        "help_offer_rate": law.offers,
        "token_boundary_probability": law.boundary,
        "help_success": phi,
    }


@pytest.mark.parametrize(
    ("rate", "phi", "cap"), [(0.5, 0.4, 2), pytest.param(0.6, 0.6, 1, marks=pytest.mark.slow)]
)
def test_two_servers_and_their_pool_against_the_joint_law(rate, phi, cap):
    exact = joint_law(rate, phi, cap, 2, longest_queue=30)
    assert exact.cut < 1e-5
    s = system(servers=2, arrival_rate=rate, token_probability=phi, token_cap=cap, waits="exact")
    r = simulate(s.kernel, policies.fmfe(s), s.params, seed=12, replications=512, horizon=1000.0)
    wait = exact.pool / (2 * exact.requests)
    known = {
        "jobs_per_server": exact.queue,
        "pool_jobs": exact.pool,
        "pool_wait": wait,
        "pool_wait_little": wait,
        "help_request_rate": exact.requests,
        "help_offer_rate": exact.offers,
        "help_success": exact.success,
        "cost_per_server": exact.queue + exact.pool / 2 + rate,
    }
    check(r, known)


def test_one_server_keeps_all_its_jobs_somewhere():
    s = system(servers=1, arrival_rate=0.6, token_probability=0.4, token_cap=20)
    r = simulate(s.kernel, policies.fmfe(s), s.params, seed=13, replications=512, horizon=1000.0)
    known = chain.server_law(0.6, 0.4, 20).queue
    check(r, {"jobs_per_server": known, "pool_jobs": joint_law(0.6, 0.4, 20, 1, longest_queue=40).pool})


@pytest.mark.parametrize(
    ("rate", "phi", "servers", "cap"),
    [(0.8, 0.8, 10, 20), pytest.param(0.5, 0.3, 100, 20, marks=pytest.mark.slow)],
)
def test_servers_follow_their_exact_law(rate, phi, servers, cap):
    s = system(servers=servers, arrival_rate=rate, token_probability=phi, token_cap=cap)
    r = simulate(s.kernel, policies.fmfe(s), s.params, seed=14, replications=64, horizon=500.0)
    check(r, per_server(rate, phi, cap))


def test_the_initial_law_is_stationary_for_complete_pooling():
    # Tokens relax in about 1300 units of time here; 20 units from the start show any other initial law.
    s = system(servers=20, arrival_rate=0.8, token_probability=0.8, token_cap=100)
    r = simulate(s.kernel, policies.fmfe(s), s.params, seed=17, replications=512, horizon=20.0, warmup=0.0)
    known = per_server(0.8, 0.8, 100)
    del known["help_success"]  # the pool starts empty
    check(r, known)


def test_a_start_from_the_exact_law_is_stationary_below_full_pooling():
    # Tokens relax in 26000 units, queues outgrow the table of 32 rows: 10 units show another start.
    s = started(system(servers=20, arrival_rate=0.9, token_probability=0.3, token_cap=100))
    r = simulate(s.kernel, policies.fmfe(s), s.params, seed=18, replications=512, horizon=10.0, warmup=0.0)
    known = per_server(0.9, 0.3, 100)
    del known["help_success"]  # the pool starts empty
    check(r, known)


def test_intervals_cover_in_95_percent_of_1000_samples():
    s = system(servers=4, arrival_rate=0.6, tokens="unlimited")
    options = {"seed": 15, "replications": 20_000, "horizon": 200.0, "warmup": 100.0}
    r = simulate(s.kernel, policies.complete(s), s.params, **options)
    top, bottom = (r.samples[f"pool_jobs.{side}"].reshape(1000, 20) for side in ("numerator", "denominator"))
    covered = np.mean([ratio_interval(x, y).covers(0.6 / 0.4) for x, y in zip(top, bottom, strict=True)])
    # Binomial: standard error 0.0069, and skewed means of 20 cost about half a percent.
    assert 0.92 < covered < 0.975


@pytest.mark.slow
def test_the_whole_grid():
    # Its verdicts allow what happens by chance with probability 0.001 each.
    failed = [c.quantity for c in grid(scale="paper", seed=1).claims if c.verdict != "reproduced"]
    assert not failed, failed
