"""Closed forms, equilibria and exact chains against each other and against brute force."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core.precision import float64
from jaxsim.core.validation import InvalidInput
from jaxsim.models.pooling.theory import chain, equilibrium, fluid
from jaxsim.models.pooling.theory.joint import joint_law


def test_m_has_the_properties_of_proposition_4_1():
    for rho in (0.3, 0.7, 0.95):
        values = [fluid.m(z, rho) for z in range(20)]
        steps = np.diff(values)
        assert values[0] == 0 and values[1] == 1
        assert np.all(np.diff(steps) >= 0) and steps[0] == 1
        printed = [(z - sum(rho**i for i in range(1, z + 1))) / (1 - rho) for z in range(20)]
        np.testing.assert_allclose(values, printed, atol=1e-9)


@pytest.mark.parametrize("rho", [0.3, 0.7, 0.8, 0.9])
def test_threshold_at_and_between_powers(rho):
    for k in range(1, 8):
        # phi = rho^k: threshold k - 1 whether named (k, p = 1) or (k - 1, p = 0).
        assert fluid.best_response(rho, rho**k).threshold == pytest.approx(k - 1, abs=1e-9)
        middle = rho**k * math.sqrt(rho)
        found, p = fluid.request_threshold(rho, middle)
        assert found == k and 0 < p < 1
        assert p == pytest.approx((middle - rho ** (k + 1)) / (rho**k - rho ** (k + 1)))
    # floor(ln phi / ln rho) fails here.
    assert fluid.best_response(0.7, 0.49) == pytest.approx((1.0, 1.0))


def test_fluid_rates_and_queue_are_the_stationary_law_of_the_threshold_queue():
    for rho, phi in ((0.8, 0.1), (0.8, 0.5), (0.8, 0.79), (0.5, 0.3), (0.9, 0.9), (0.9, 0.95)):
        policy = fluid.best_response(rho, phi)
        n = 60
        q = np.arange(n)
        asks = np.clip(q + 1 - policy.threshold, 0, 1)
        weights = np.cumprod(np.append(1.0, rho * (1 - asks[:-1])))
        pi = weights / weights.sum()
        found = fluid.rates(rho, phi)
        assert found.queue == pytest.approx(pi @ q, abs=1e-12)
        assert found.offers == pytest.approx(pi[0] * policy.offer)
        assert found.requests == pytest.approx(rho * pi @ asks)
        assert found.requests == pytest.approx(phi * found.offers)


def test_minimal_servers_of_the_paper():
    assert [fluid.minimal_servers(rho) for rho in (0.6, 0.8, 0.9)] == [3, 5, 10]


def test_costs_and_theorem_5_1():
    assert fluid.independent_cost(0.8, 1.0) == pytest.approx(4.8)
    assert fluid.centralized_cost(0.8, 1.0, 10) == pytest.approx(1.2)
    assert fluid.system_jobs(0.8, 0.8, 50) == pytest.approx(4.0)
    assert fluid.system_jobs(0.8, 0.9, 50) == pytest.approx(9.0)
    assert fluid.system_jobs(0.8, 0.5, 10**6) / 10**6 == pytest.approx(0.904, abs=1e-5)


def test_complete_pooling_is_an_equilibrium_exactly_from_the_minimal_number_of_servers():
    for rho in (0.6, 0.8, 0.9):
        least = fluid.minimal_servers(rho)
        for n in range(max(2, least - 2), least + 3):
            waits = [e.wait for e in equilibrium.equilibria(rho, rho, n) if e.upper == 0]
            assert waits == ([pytest.approx(1 / (n * (1 - rho)))] if n >= least else [])


@pytest.mark.parametrize(("rho", "phi", "n"), [(0.8, 0.8, 4), (0.8, 0.5, 3), (0.5, 0.2, 10), (0.9, 0.95, 20)])
def test_equilibria_are_all_the_fixed_points(rho, phi, n):
    found = equilibrium.equilibria(rho, phi, n)
    assert found[-1].wait == math.inf
    for e in found[:-1]:
        low, high = equilibrium.response(rho, phi, e.wait, n)
        assert low - 1e-9 <= e.wait <= high + 1e-9 * high
    # H(w) - w changes sign exactly at the finite fixed points; scan it on a grid between them.
    grid = np.geomspace(1e-3, 4 * found[-2].wait, 401)
    signs = np.sign([equilibrium.response(rho, phi, w, n)[1] - w for w in grid])
    changes = np.count_nonzero(np.diff(signs))
    assert changes == len(found) - 1


def test_chain_reproduces_known_values():
    law = chain.server_law(0.9, 0.9, 20)
    assert float(law.queue) == pytest.approx(3.0, abs=1e-12)
    assert float(chain.server_law(0.9, 0.9, 100).queue) == pytest.approx(0.9 / (0.1 * 11), abs=1e-12)
    for rho, phi, cap in ((0.5, 0.5, 3), (0.8, 0.9, 20), (0.9, 0.95, 7)):
        law = chain.server_law(rho, phi, cap)
        assert float(law.boundary) == pytest.approx(chain.boundary_at_full_pooling(rho, cap), abs=1e-12)
        assert float(law.queue) == pytest.approx(chain.queue_at_full_pooling(rho, cap), abs=1e-11)


@pytest.mark.parametrize(("rho", "phi", "cap"), [(0.8, 0.5, 4), (0.6, 0.6, 2), (0.7, 0.9, 5)])
def test_chain_agrees_with_a_dense_solution(rho, phi, cap):
    policy, n = fluid.best_response(rho, phi), 120
    size = n * (cap + 1)
    generator = np.zeros((size, size))
    for q in range(n):
        for s in range(cap + 1):
            here = q * (cap + 1) + s
            ask = rho * min(1, max(0, q + 1 - policy.threshold)) * (s > 0)
            if ask:
                generator[here, here - 1] += ask
            if q < n - 1:
                generator[here, here + cap + 1] += rho - ask
            if q > 0:
                generator[here, here - cap - 1] += 1
            elif s < cap:
                generator[here, here + 1] += policy.offer * phi
    generator -= np.diag(generator.sum(axis=1))
    a = generator.T.copy()
    a[0] = 1
    pi = np.linalg.solve(a, np.eye(size)[0]).reshape(n, cap + 1)
    law = chain.server_law(rho, phi, cap)
    assert float(law.queue) == pytest.approx(np.arange(n) @ pi.sum(axis=1), rel=1e-9)
    assert float(law.empty) == pytest.approx(pi[:, 0].sum(), rel=1e-9)
    assert float(law.full) == pytest.approx(pi[:, -1].sum(), rel=1e-9)
    assert float(law.requests) == pytest.approx(phi * float(law.offers), rel=1e-10)


def test_service_rate_only_sets_the_clock():
    slow, fast = chain.server_law(0.6, 0.5, 10), chain.server_law(1.8, 0.5, 10, service_rate=3.0)
    assert float(fast.queue) == pytest.approx(float(slow.queue))
    assert float(fast.requests) == pytest.approx(3 * float(slow.requests))


@float64
def test_chain_is_differentiable():
    @jax.jit
    def queue(rho, phi):
        p = (phi - 0.8**3) / (0.8**2 - 0.8**3)
        rules = chain.threshold_rules(2 - p, 1.0, 20, 3)
        return chain.law(rules, rho, 1.0, phi).queue

    for argument, at in ((0, (0.8, 0.55)), (1, (0.8, 0.55))):
        exact = jax.jit(jax.grad(queue, argument))(*map(jnp.asarray, at))
        up, down = list(at), list(at)
        up[argument] += 1e-5
        down[argument] -= 1e-5
        assert float(exact) == pytest.approx(float(queue(*up) - queue(*down)) / 2e-5, rel=1e-6)


def test_joint_law_of_one_and_two_servers():
    # One server with phi <= lambda and tokens unlimited wastes capacity only if no job is anywhere.
    for phi, cap in ((0.5, 2), (0.3, 3), (0.5, 5)):
        one = joint_law(0.5, phi, cap, 1)
        assert one.queue + one.pool == pytest.approx(1.0, abs=1e-9)
        assert one.success == pytest.approx(phi, abs=1e-9)
    two, alone = joint_law(0.5, 0.4, 2, 2, longest_queue=25), chain.server_law(0.5, 0.4, 2)
    assert two.queue == pytest.approx(float(alone.queue), abs=1e-6)
    assert two.requests == pytest.approx(float(alone.requests), abs=1e-6)
    assert two.success == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: fluid.rates(1.0, 0.5), "utilization"),
        (lambda: fluid.rates(0.5, 0.0), "token_probability"),
        (lambda: fluid.best_response(0.5, 0.5, -1.0), "pool_wait"),
        (lambda: chain.server_law(1.2, 0.5, 10), "arrival_rate"),
        (lambda: chain.server_law(0.5, 0.5, 0), "token_cap"),
        (lambda: fluid.m(-1, 0.5), "z"),
    ],
)
def test_bad_numbers_are_refused(call, field):
    with pytest.raises(InvalidInput, match=f"^{field}"):
        call()
