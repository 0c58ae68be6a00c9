"""Exact values: own queue and random routing, limits, and approximations with their stated errors."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.balancing import policies, theory
from jaxsim.models.balancing.fresh import fresh_jsq
from jaxsim.models.balancing.graphs import configuration, cycle
from jaxsim.models.balancing.meanfield import cycle_law
from jaxsim.models.balancing.model import fair_rates
from jaxsim.models.balancing.system import assemble


@pytest.mark.parametrize(
    ("delay", "drops"), [(1, 3.4258), (2, 3.4731), (3, 3.5096), (5, 3.5144), (7, 3.5732), (10, 3.4620)]
)
def test_own_queue_from_empty(delay: int, drops: float) -> None:
    # Values of an independent program (matrix exponentials of the modulated chain), to four digits.
    assert theory.constant_rates(delay=delay)["drops_per_node"] == pytest.approx(drops, abs=6e-5)


def test_one_regime_is_a_plain_matrix_exponential() -> None:
    from scipy.linalg import expm

    q = np.zeros((4, 4))
    for z in range(2):
        q[z, z + 1] += 1.3
        q[z + 1, z] += 1.0
    q[2, 3] = 1.3
    q -= np.diag([1.3, 2.3, 1.0, 0.0])
    whole = expm(q * 6.0)
    ours = theory.constant_rates(delay=2.0, buffer=2, arrival_rates=1.3, horizon=6.0)
    assert ours["drops_per_node"] == pytest.approx(whole[0, 3], rel=1e-12)
    assert ours["last_queue"] == pytest.approx(whole[0, :3] @ [0, 1, 2], rel=1e-12)


def test_random_routing_on_an_irregular_graph() -> None:
    # 4 standard errors, false alarm 6e-5; the graph is fixed, the mean over its nodes is exact.
    graph = configuration(60, (2, 3), seed=5)
    rates, counts = np.unique(fair_rates(graph), return_counts=True)
    exact = theory.constant_rates(relative=rates, weights=counts / 60, delay=5)["drops_per_node"]
    s = assemble(graph, delay=5)
    e = simulate(s.kernel, policies.Random(), s.params, seed=2, replications=4000)["drops_per_node"]
    assert abs(e.mean - exact) < 4 * e.standard_error
    assert exact > theory.constant_rates(delay=5)["drops_per_node"] + 0.05


def test_long_delays_forget_the_start() -> None:
    far = theory.stationary_drops(delay=400.0)
    assert far["drops_per_time"] == pytest.approx(far["limit"], rel=0.01)
    # One regime: the delay does not matter, and the loss formula of M/M/1/B holds.
    for delay in (0.5, 20.0):
        one = theory.stationary_drops(delay=delay, arrival_rates=0.9)
        assert one["drops_per_time"] == pytest.approx(0.9 * theory.loss_probability(0.9, 5), rel=1e-10)


def test_mean_field_laws_on_the_cycle() -> None:
    # zeta = 0 is the own queue, exactly. The other value is a simulation of the same table with 95 %
    # half-width .003: pairs err by at most 0.5 %, independence by less than 1 %.
    assert cycle_law(zeta=[0.0] * 6, delay=5)["drops_per_node"] == pytest.approx(3.514403, abs=1e-6)
    zeta = (0.041, 0.139, 0.281, 0.45, 0.64, 0.876)
    assert cycle_law(zeta=zeta, delay=5)["drops_per_node"] == pytest.approx(2.8207, rel=0.005)
    alone = cycle_law(zeta=zeta, delay=5, method="independent")["drops_per_node"]
    assert alone == pytest.approx(2.8207, rel=0.01)


def test_mean_field_is_exact_for_two_epochs() -> None:
    # 4 standard errors, false alarm 6e-5.
    zeta = [0.1, 0.2, 0.5, 0.6, 0.9, 1.0]
    exact = cycle_law(zeta=zeta, delay=5, horizon=10.0, method="independent")["drops_per_node"]
    assert cycle_law(zeta=zeta, delay=5, horizon=10.0)["drops_per_node"] == pytest.approx(exact, rel=1e-12)
    s = assemble(cycle(64), delay=5)
    table = policies.table(s, zeta=zeta)
    e = simulate(s.kernel, table, s.params, seed=6, replications=3000, horizon=10.0)["drops_per_node"]
    assert abs(e.mean - exact) < 4 * e.standard_error


def test_jsq_without_delay() -> None:
    # On a triangle with one place each JSQ loses only when all are busy: Erlang's formula.
    load = np.array([2.7**k / np.prod(np.arange(1, k + 1)) for k in range(4)])
    found = fresh_jsq(nodes=3, buffer=1, arrival_rates=0.9, horizon=1e4)["drops_per_node"]
    assert found == pytest.approx(0.9e4 * load[3] / load.sum(), rel=1e-3)
    with pytest.raises(InvalidInput, match="nodes"):
        fresh_jsq(nodes=9)


def test_jsq_tends_to_its_limit_as_the_delay_does_to_zero() -> None:
    # Two delays take out the error of first order; 4 standard errors, false alarm 6e-5.
    keys = {"buffer": 2, "arrival_rates": 0.9}
    exact = fresh_jsq(nodes=4, horizon=10.0, **keys)["drops_per_node"]
    found = []
    for delay in (0.1, 0.05):
        s = assemble(cycle(4), delay=delay, largest_delay=0.1, **keys)
        r = simulate(s.kernel, policies.JSQ("packet"), s.params, seed=7, replications=4000, horizon=10.0)
        found.append(r["drops_per_node"])
    limit = 2 * found[1].mean - found[0].mean
    error = np.hypot(2 * found[1].standard_error, found[0].standard_error)
    assert abs(limit - exact) < 4 * error and found[0].mean > exact + 4 * found[0].standard_error
