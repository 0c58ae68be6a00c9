"""The kernel against the rules of the mechanism and against queues whose law is known."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.status import Status, UntrustworthyResult
from jaxsim.core.validation import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.pooling import policies
from jaxsim.models.pooling.events import event
from jaxsim.models.pooling.kernel import build
from jaxsim.models.pooling.spec import Observation, unpack
from jaxsim.models.pooling.system import system


def run(s, policy, **kwargs):
    return simulate(s.kernel, policy, s.params, **kwargs)


def close(estimate, exact, k=4.0):
    """Within k standard errors: a false alarm in about 6e-5 of the cases for k = 4."""
    assert abs(estimate.mean - exact) <= k * estimate.standard_error, (str(estimate), exact)


def replay(s, policy, steps, seed=3):
    """A plain Python re-telling of section 2.2.1, driven by the kernel's own events."""
    kernel, spec = s.kernel, s.kernel.spec
    context = kernel.prepare(spec, s.params, policy)
    key = random.key(seed).replication(0)
    state = kernel.init(key, spec, context)
    queue, tokens, _ = (np.asarray(x).tolist() for x in unpack(spec, state.words))
    pool, step = [], jax.jit(kernel.step, static_argnums=1)
    draws = jax.jit(lambda k: kernel.draw(k, spec, None))
    for n in range(steps):
        words = draws(key.at(n))
        e = event(words, spec, context)
        i, coin, phi = int(e.server), float(e.coin), float(s.params.token_probability)
        threshold, offer = float(policy.threshold), float(policy.offer)
        did, waited = dict.fromkeys(("requests", "offers", "helps", "works"), 0), 0
        if e.arrival:
            if coin < queue[i] + 1 - threshold and tokens[i] > 0:
                tokens[i] -= 1
                pool.append((i, n))
                did["requests"] = 1
            else:
                queue[i] += 1
        elif queue[i] > 0:
            queue[i] -= 1
            did["works"] = 1
        elif coin < offer and tokens[i] < spec.token_cap:
            did["offers"] = 1
            if pool:
                waited = n - pool.pop(0)[1]
                did["helps"] = did["works"] = 1
            tokens[i] += int(float(e.lot) < phi)
        state, observed = step(words, spec, context, policy, state)
        at_bound = sum(s in (0, spec.token_cap) for s in tokens)
        found = {"queued": sum(queue), "pooled": len(pool), "at_bound": at_bound} | did
        assert {name: int(observed[name]) for name in found} == found
        if spec.waits == "exact":
            assert int(observed["waited"]) == waited
            assert int(state.ring.owned_by_first) == sum(owner == 0 for owner, _ in pool)
        assert np.asarray(unpack(spec, state.words)[0]).tolist() == queue
        assert np.asarray(unpack(spec, state.words)[1]).tolist() == tokens
    assert int(state.status) == 0


def test_every_event_follows_the_rules():
    s = system(servers=3, token_cap=3, arrival_rate=0.8, token_probability=0.6, waits="exact")
    replay(s, policies.fmfe(s), 400)


def test_rules_with_wide_words_and_unequal_servers():
    s = system(servers=3, token_cap=600, arrival_rate=(0.5, 0.8, 1.0), service_rate=(1.0, 1.0, 1.4))
    assert s.kernel.spec.word_bits == 32
    replay(s, policies.threshold(s, level=1.5, offer=0.7), 300)


def test_independent_servers_are_mm1_queues():
    s = system(servers=5, arrival_rate=0.6)
    r = run(s, policies.independent(s), seed=5, replications=200, horizon=1000.0)
    close(r["jobs_per_server"], 1.5)
    close(r["cost_per_server"], 1.5 + 0.6)
    assert r["help_request_rate"].mean == r["help_offer_rate"].mean == 0.0
    assert np.isnan(r["pool_wait"].mean)


def test_unlimited_tokens_and_complete_pooling_are_centralized_control():
    s = system(servers=10, arrival_rate=0.7, tokens="unlimited", processing_cost=2.0)
    r = run(s, policies.complete(s), seed=6, replications=256, horizon=400.0)
    close(r["pool_jobs"], 0.7 / 0.3)
    close(r["pool_wait"], 1 / (10 * 0.3))
    close(r["cost_per_server"], 0.7 / (0.3 * 10) + 2.0 * 0.7)
    close(r["help_success"], 0.7)
    assert r["jobs_per_server"].mean == 0.0


def test_unequal_servers_pool_like_one_fast_server():
    s = system(servers=3, arrival_rate=(0.2, 0.5, 1.2), service_rate=(1.0, 0.8, 2.0), tokens="unlimited")
    r = run(s, policies.complete(s), seed=7, replications=256, horizon=1000.0)
    rho = 1.9 / 3.8
    close(r["pool_jobs"], rho / (1 - rho))


def test_exact_waits_agree_with_little():
    s = system(servers=10, arrival_rate=0.8, token_cap=20, waits="exact")
    r = run(s, policies.fmfe(s), seed=8, replications=256, horizon=1000.0)
    exact, little = r["pool_wait"], r["pool_wait_little"]
    assert abs(exact.mean - little.mean) < 0.1 * exact.half_width
    # Servers are equal, so server 0's account is a server's mean account.
    close(r["first_queue"], r["jobs_per_server"].mean)
    close(r["first_pool_jobs"], r["pool_jobs"].mean / 10)
    close(r["first_cost"], r["cost_per_server"].mean)


def test_a_watchful_server_acts_on_what_its_last_offer_found():
    with pytest.raises(InvalidInput, match=r"^signal"):
        policies.watchful(system(servers=2))
    s = system(servers=2, token_cap=5, signal=True)
    policy = policies.watchful(s, level=1.0)
    coin, zero = jax.numpy.float32(0.5), jax.numpy.int32(0)
    for busy in (False, True):
        seen = Observation(zero, zero, zero + 3, jax.numpy.asarray(busy))
        # Its queue is empty: it sends the job unless it knows that the pool is busy.
        assert bool(policy(coin, seen).request) is not busy
    # The bit is kept per server: set by an offer that finds a job, cleared by one that finds none.
    kernel, context = s.kernel, s.kernel.prepare(s.kernel.spec, s.params, policy)
    key = random.key(2).replication(0)
    state = kernel.init(key, kernel.spec, context)
    step, known = jax.jit(kernel.step, static_argnums=1), np.zeros(2, bool)
    for n in range(200):
        draws = kernel.draw(key.at(n), kernel.spec, policy)
        server = int(event(draws, kernel.spec, context).server)
        state, observed = step(draws, kernel.spec, context, policy, state)
        if int(observed["offers"]):
            known[server] = bool(observed["helps"])
        assert (np.asarray(unpack(kernel.spec, state.words)[2]) == known).all()


def test_a_sweep_of_phi_compiles_once():
    s = system(servers=4, token_cap=5)
    traces = []

    def step(draws, spec, context, policy, state):
        traces.append(1)
        return s.kernel.step(draws, spec, context, policy, state)

    kernel = dataclasses.replace(s.kernel, step=step)
    for phi in (0.3, 0.8, 0.95):
        t = system(servers=4, token_cap=5, token_probability=phi)
        simulate(kernel, policies.fmfe(t), t.params, replications=2, horizon=1.0, warmup=0.0)
        first = len(traces) if phi == 0.3 else first
    assert len(traces) == first


def test_status_tells_of_full_words_and_rings():
    s = system(servers=2, token_cap=1, waits="exact", pool_slots=1, initial_tokens=1)
    with pytest.raises(UntrustworthyResult, match="BUFFER_OVERFLOW"):
        run(s, policies.complete(s), replications=20, horizon=100.0, warmup=0.0)
    spec = dataclasses.replace(s.kernel.spec, token_cap=32767, word_bits=16, waits="little")
    kernel = build(spec, horizon=100.0, warmup=0.0)
    assert spec.longest_queue == 1
    report = simulate(
        kernel, policies.independent(s), s.params, replications=4, horizon=100.0, on_trouble="report"
    )
    assert report.status == {Status.QUEUE_OVERFLOW.name: 4}


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"servers": 0}, "servers"),
        ({"arrival_rate": -1}, "arrival_rate"),
        ({"arrival_rate": 1.0}, "arrival_rate"),
        ({"arrival_rate": (0.5, 0.6), "servers": 3}, "arrival_rate"),
        ({"arrival_rate": "fast"}, "arrival_rate"),
        ({"service_rate": 0}, "service_rate"),
        ({"token_probability": 1.0}, "token_probability"),
        ({"token_probability": 0}, "token_probability"),
        ({"token_cap": 0}, "token_cap"),
        ({"processing_cost": -0.1}, "processing_cost"),
        ({"tokens": "none"}, "tokens"),
        ({"waits": "approximately"}, "waits"),
        ({"initial_tokens": 101}, "initial_tokens"),
        ({"signal": 1}, "signal"),
    ],
)
def test_bad_keys_are_refused_in_one_line(keys, field):
    with pytest.raises(InvalidInput, match=f"^{field} = .*") as error:
        system(**keys)
    assert "\n" not in str(error.value)
