from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.bandits.theory.arrivals import (
    Arrivals,
    arrival_index,
    arrival_value,
    busy_transform,
    leases,
)
from jaxsim.models.bandits.theory.arrivals_exact import exact_arrivals
from jaxsim.models.bandits.theory.gittins import gittins_index

# State 0 invests (earns 0, becomes 2); state 1 earns .5 and is done; 2 earns 1 and goes on with chance .7;
# 3 is done, for ever. A new arm in state 2 comes with chance .5 in each step.
REWARDS = (0, 0.5, 1, 0)
MOVES = ((0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0.7, 0.3), (0, 0, 0, 1))
COMING = ([0.5], [[0, 0, 1, 0]])
BETA = 0.7


def random_system(rng, n=3):
    r = np.append(rng.random(n), 0.0)
    p = rng.dirichlet(np.full(n + 1, 0.5), n + 1)
    p[-1] = np.eye(n + 1)[-1]
    counts = np.zeros((2, n + 1))
    counts[0, rng.integers(n)] = 1
    counts[1, rng.integers(n)] = 2
    return r, p, [0.3 * rng.random(), 0.1 * rng.random()], counts


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.95])
def test_without_arrivals_it_is_the_gittins_index(beta):
    rng = np.random.default_rng(51)
    r, p, _, _ = random_system(rng, 5)
    found = arrival_index(r, p, beta, [0.0], np.zeros((1, 6)))
    np.testing.assert_allclose(found.indices, gittins_index(r, p, beta), atol=1e-12)


def test_the_order_with_arrivals_differs_from_the_order_without():
    """Without arrivals investing comes first: .7/.3.../(1+...) = .5785 > .5. With arrivals of good arms there
    is no hurry to make one more: .5 at once is better. The dynamic program confirms it, with certainty."""
    t = BETA / (1 - 0.7 * BETA)
    classical = gittins_index(REWARDS, MOVES, BETA)
    np.testing.assert_allclose(classical[:2], (t / (1 + t), 0.5), rtol=1e-14)
    found = arrival_index(REWARDS, MOVES, BETA, *COMING)
    assert classical[0] > classical[1]
    assert found.indices[1] > found.indices[0]
    exact = exact_arrivals(REWARDS, MOVES, BETA, *COMING, start=[0, 1], most=12)
    assert exact.lower[1] > exact.upper[0] + 0.01
    by_classical = exact_arrivals(
        REWARDS, MOVES, BETA, *COMING, start=[0, 1], most=12, priority=np.argsort(-classical).tolist()
    )
    assert by_classical.upper[0] < exact.lower[1] - 0.01
    value = arrival_value(found, BETA, [0, 1, 3])
    assert exact.lower[1] - 1e-9 <= value <= exact.upper[1] + 1e-9


def test_values_lie_in_the_certain_bounds_of_the_dynamic_program():
    rng = np.random.default_rng(52)
    for _ in range(5):
        r, p, chance, counts = random_system(rng)
        found = arrival_index(r, p, 0.6, chance, counts)
        exact = exact_arrivals(r, p, 0.6, chance, counts, start=[0, 1], most=10)
        best = np.nanmax(exact.lower), np.nanmax(exact.upper)
        assert best[1] - best[0] < 1e-4
        assert best[0] - 1e-10 <= arrival_value(found, 0.6, [0, 1, 3]) <= best[1] + 1e-10
        # Theorem 6.5.3: the arm with the larger index is a best first play
        first = max((0, 1), key=lambda k: found.indices[k])
        assert exact.upper[first] >= best[0]


def test_busy_period_of_one_state_by_hand():
    # One step each, an arrival with chance q: phi = beta (1 - q + q phi) => beta (1 - q) / (1 - beta q)
    beta, q = 0.9, 0.4
    arriving = Arrivals.of([q], [[1, 0]], 2)
    phi = busy_transform(np.array([[0.0, 1.0], [0.0, 1.0]]), beta, arriving, np.array([True, False]))
    np.testing.assert_allclose(phi, (beta * (1 - q) / (1 - beta * q), 1), rtol=1e-14)


def test_two_arrivals_at_once_solve_the_quadratic():
    # phi = beta (1 - q + q phi^2)
    beta, q = 0.9, 0.4
    arriving = Arrivals.of([q], [[2, 0]], 2)
    phi = busy_transform(np.array([[0.0, 1.0], [0.0, 1.0]]), beta, arriving, np.array([True, False]))[0]
    assert abs(phi - (1 - np.sqrt(1 - 4 * beta**2 * q * (1 - q))) / (2 * beta * q)) < 1e-14


def test_leases_nest():
    # 0 wins at .6, sublets to 1 (arrived at 1, bids .9), who sublets to 2 (arrived 2, bids 1); then back
    path = leases([0, 1, 2, 1, 0, 3], [0.6, 0.9, 1.0, 0.95, 0.7, 0.5], arrived=[0, 1, 2, 0])
    assert [(x.holder, x.first, x.last, x.depth) for x in path] == [
        (0, 0, 4, 0),
        (1, 1, 3, 1),
        (2, 2, 2, 2),
        (3, 5, 5, 0),
    ]
    with pytest.raises(ValueError, match="inside a lease"):
        leases([0, 3], [0.6, 0.9], arrived=[0, 0, 0, 0])


@pytest.mark.parametrize(
    ("chance", "counts", "field"),
    [
        ([1.5], [[0, 0, 1, 0]], "probabilities"),
        ([0.7, 0.7], [[0] * 4] * 2, "probabilities"),
        ([0.5], [[1]], "counts"),
        ([0.5], [[0.5, 0, 0, 0]], "counts"),
    ],
)
def test_bad_arrivals_are_refused(chance, counts, field):
    with pytest.raises(InvalidInput, match=field):
        arrival_index(REWARDS, MOVES, BETA, chance, counts)


def test_a_pipe_without_any_arm_is_refused():
    found = arrival_index((1, 0.5), ((0, 1), (1, 0)), 0.5, [0.0], [[0, 0]])
    assert np.isfinite(arrival_value(found, 0.5, [0]))
    with pytest.raises(InvalidInput, match="start"):
        arrival_value(found, 0.5, [])
