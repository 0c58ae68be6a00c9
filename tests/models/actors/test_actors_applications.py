"""The systems that the paper names, against closed forms, the literature and the paper's statements."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.actors import average, policy_law, policy_value, total
from jaxsim.models.actors.applications.grid import c_mu_assignment, grid, single_server_cost
from jaxsim.models.actors.applications.klimov import klimov, most_queues, queues_in_use
from jaxsim.models.actors.applications.lines import best_team_throughput, own_station_assignment, two_stations
from jaxsim.models.actors.applications.scheduling import scheduling, sorted_assignment
from jaxsim.models.actors.applications.speeds import bang_bang, rates_in_use, temporary_workers
from jaxsim.models.actors.applications.tandem import dedicated_cost, expedite_cost, tandem
from jaxsim.models.actors.network import Activity, Environment, Network, Queue, Server

RATES, SPEEDS = (1.0, 2.0, 3.0, 4.0, 5.0), (1.0, 0.6, 0.3)


@pytest.mark.parametrize(
    ("objective", "fastest_first", "best", "reversed_"),
    [("flowtime", True, 3.3184661356, 4.1015154), ("makespan", False, 1.4652538634, 1.6623828)],
)
def test_weiss_pinedo(objective: str, fastest_first: bool, best: float, reversed_: float) -> None:
    # 4.1015154 and 1.6623828 are the same sums over the 32 sets of jobs with the list reversed.
    model = scheduling(job_rates=RATES, speeds=SPEEDS, objective=objective)
    solved = total(model)
    assert not solved.fallback
    assert -solved.values[-1] == pytest.approx(best, abs=1e-9)
    rule = sorted_assignment(RATES, SPEEDS, fastest_first=fastest_first)
    other = sorted_assignment(RATES, SPEEDS, fastest_first=not fastest_first)
    assert -policy_value(model, rule, criterion="total")[-1] == pytest.approx(best, abs=1e-10)
    assert -policy_value(model, other, criterion="total")[-1] == pytest.approx(reversed_, abs=1e-7)
    np.testing.assert_array_equal(np.sort(solved.assignment[-1]), np.sort(rule[-1]))


def test_weiss_pinedo_by_recursion_over_sets() -> None:
    def flow(left: frozenset[int]) -> float:
        if not left:
            return 0.0
        jobs = sorted(left, key=lambda j: -RATES[j])
        rates = {j: RATES[j] * v for j, v in zip(jobs, SPEEDS, strict=False)}
        q = sum(rates.values())
        return len(left) / q + sum(r / q * flow(left - {j}) for j, r in rates.items())

    solved = total(scheduling(job_rates=RATES, speeds=SPEEDS))
    for size in range(6):
        for jobs in itertools.combinations(range(5), size):
            assert -solved.values[sum(1 << j for j in jobs)] == pytest.approx(flow(frozenset(jobs)), abs=1e-9)


def test_tandem_lines() -> None:
    costs = {}
    for way in ("collaborative", "flexible", "dedicated"):
        line = tandem(way=way, size=60)
        solved = average(line.model, tolerance=1e-7)
        assert not solved.fallback
        costs[way] = -solved.gain
        edge = line.boundary(policy_law(line.model, solved.assignment))
        assert max(edge.values()) < 1e-6
        if way != "dedicated":  # both servers at one station wherever both may choose (Corollary 3.1 and 3.3)
            counts = line.space.counts
            free = np.all((counts == 0) | (counts >= 2), axis=1) if way == "flexible" else counts.sum(1) > 0
            assert np.all((solved.assignment[:, 0] == solved.assignment[:, 1])[free])
    assert costs["collaborative"] == pytest.approx(expedite_cost(0.8, (1, 1), 2.0), abs=2e-6)
    assert expedite_cost(0.8, (1, 1), 2.0) == pytest.approx(3.2)
    assert costs["flexible"] == pytest.approx(3.747825, abs=2e-6)
    assert costs["dedicated"] == pytest.approx(dedicated_cost(0.8, (1, 1), (1, 1)), abs=2e-4)


@pytest.mark.slow
def test_expedite_policy_is_optimal_in_the_collaborative_line() -> None:
    line = tandem(way="collaborative", size=40, arrival=0.6)
    counts = line.space.counts
    expedite = np.where(counts[:, 1] > 0, 1, np.where(counts[:, 0] > 0, 0, -1))
    value = float(policy_value(line.model, np.repeat(expedite[:, None], 2, axis=1)))
    assert value == pytest.approx(average(line.model, tolerance=1e-8).gain, abs=1e-6)


def test_klimov_servers_gather_on_few_queues() -> None:
    network = klimov(size=6, environment=Environment(((0.0, 0.2), (0.3, 0.0)), arrival=(1.0, 0.4)))
    solved = average(network.model, tolerance=1e-7)
    available = network.space.up.sum(1)
    used, most = queues_in_use(solved.assignment), most_queues(network.space.counts, available)
    assert not solved.fallback
    assert np.all(used <= most)
    assert np.any(used == 2) and np.any((most == 2) & (used == 1))  # the bound is met, and not always
    together = np.all((network.space.counts == 0) | (network.space.counts >= available[:, None]), axis=1)
    assert np.all(used[together] <= 1)


@pytest.mark.parametrize(
    ("jobs", "servers", "most"),
    [
        ((0, 1, 1), 3, 2),
        ((1, 2, 5), 3, 2),
        ((3, 3, 3), 3, 1),
        ((0, 0, 0), 2, 0),
        ((1, 1, 1), 3, 3),
        ((2, 0, 9), 4, 2),
    ],
)
def test_largest_number_of_queues_in_use(jobs: Any, servers: int, most: int) -> None:
    # Fill the shortest queues first: that is how servers spread over as many queues as they can.
    assert most_queues(np.array([jobs]), np.array([servers]))[0] == most


def test_andradottir_line_where_the_assumptions_fail() -> None:
    line = two_stations()
    solved = average(line.model)
    assert set(solved.fallback) == {"NOT_MULTIPLICATIVE"}
    assert solved.gain == pytest.approx(3.1702899, abs=5e-8)
    np.testing.assert_array_equal(solved.assignment, own_station_assignment(2))
    assert best_team_throughput(((4, 2), (1, 3))) == 2.5
    greedy = average(line.model, method="greedy")
    assert float(policy_value(line.model, greedy.assignment)) <= solved.gain + 1e-9


@pytest.mark.slow
def test_copies_of_tasks_follow_the_c_mu_rule() -> None:
    network = grid(size=45, arrivals=(0.3, 0.2))
    solved = average(network.model, tolerance=1e-7)
    rule = c_mu_assignment(network, (2.0, 1.0), (1.0, 1.5))
    exact = single_server_cost((0.3, 0.2), (1.0, 1.5), (2.0, 1.0), speed=1.0)
    assert -solved.gain == pytest.approx(exact, abs=1e-5)
    assert -float(policy_value(network.model, rule)) == pytest.approx(exact, abs=1e-5)
    alone = average(grid(size=45, arrivals=(0.3, 0.2), copies=False).model, tolerance=1e-6)
    assert -alone.gain > exact + 0.1


def test_service_rates_are_bang_bang() -> None:
    model = bang_bang()
    solved = average(model, tolerance=1e-8)
    rates = rates_in_use(model, solved.assignment)
    assert not solved.fallback
    assert set(np.round(rates, 12)) == {0.0, 0.3, 1.2}  # 0 only when there is nobody to serve
    assert rates[0] == 0 and rates[1] == pytest.approx(0.3) and rates[-2] == pytest.approx(1.2)


@pytest.mark.slow
def test_temporary_workers_all_work_at_one_station() -> None:
    line = temporary_workers(size=12)
    solved = average(line.model, tolerance=1e-6)
    here = line.space.up
    for i, j in itertools.combinations(range(3), 2):
        both = here[:, i] & here[:, j]
        assert np.all((solved.assignment[:, i] == solved.assignment[:, j])[both])


def test_network_with_fork_join_skills_and_environment_by_hand() -> None:
    network = Network(
        queues=(
            Queue("a", arrival=0.5, service=2.0, to={"b+c": 0.75, "out": 0.25}, holding=1.0, size=2),
            Queue("b", size=3), Queue("c", size=3),
        ),
        activities=(Activity("assemble", "b+c", 1.5, {"out": 1.0}, reward=4.0),),
        servers=(Server("s", 1.0, ("a",), failure=0.2, repair=0.7), Server("t", 0.5)),
        environment=Environment(((0.0, 0.1), (0.4, 0.0)), arrival=(1.0, 3.0), service=(1.0, 0.5)),
    ).build()  # fmt: skip
    local, space = network.model.params.local, network.space
    assert network.model.spec.states == 3 * 4 * 4 * 2 * 2

    def number(a: int, b: int, c: int, up: bool, env: int) -> int:
        return int(space.number(np.array([[a, b, c]]), np.array([[up, True]]), np.array([env]))[0])

    s = number(1, 2, 1, True, 1)
    assert network.activities == ("a", "assemble")
    assert list(local.caps[s]) == [1, 1] and list(local.caps[number(2, 0, 3, True, 0)]) == [2, 0]
    assert list(local.targets[s, 0]) == [number(0, 3, 2, True, 1), number(0, 2, 1, True, 1)]
    np.testing.assert_allclose(local.chances[s, 0], [0.75, 0.25])
    assert local.targets[s, 1, 0] == number(1, 1, 0, True, 1) and local.rewards[s, 1, 0] == 4.0
    np.testing.assert_allclose(local.rates[s], [1.0, 0.75])  # halved by the environment
    np.testing.assert_allclose(local.speeds[number(1, 2, 1, False, 0)], [0.0, 0.5])
    np.testing.assert_array_equal(local.allowed[s], [[True, False], [True, True]])
    moves = {(int(x), float(r)) for x, r in zip(local.exits[s], local.exogenous[s], strict=True) if r > 0}
    assert moves == {
        (number(2, 2, 1, True, 1), 1.5), (number(1, 2, 1, False, 1), 0.2), (number(1, 2, 1, True, 0), 0.4),
    }  # fmt: skip
    full = number(1, 3, 1, True, 0)  # b is full: the job stays, without effect
    assert local.targets[full, 0, 0] == full


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queues": (Queue("a", service=1.0, to={"z": 1.0}),)}, "a.to = z: is not a queue"),
        ({"queues": (Queue("a", service=1.0, to={"out": 0.5}),)}, "does not sum to 1"),
        ({"queues": (Queue("a"),)}, "nothing to do"),
        ({"servers": (Server("s", skills=("b",)),)}, "is not an activity"),
        ({"servers": (Server("s", failure=1.0),)}, "never comes back"),
        ({"queues": (Queue("a", service=1.0, size=3_000_000),)}, "states"),
    ],
)
def test_bad_networks_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"queues": (Queue("a", service=1.0),), "servers": (Server("s"),)}
    Network(**good).build()
    with pytest.raises(InvalidInput, match=message):
        Network(**{**good, **change}).build()


@pytest.mark.slow
def test_the_boundary_mass_of_a_truncated_queue() -> None:
    network = Network((Queue("a", arrival=0.5, service=1.0, holding=1.0, size=10),), (Server("s"),)).build()
    law = policy_law(network.model, average(network.model).assignment)
    geometric = 0.5 ** np.arange(11)
    assert network.boundary(law)["a"] == pytest.approx(geometric[-1] / geometric.sum())
