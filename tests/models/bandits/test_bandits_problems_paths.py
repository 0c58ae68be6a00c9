"""The simulated parts of the problems. Four standard errors: a false alarm in 1 of 16 000 comparisons."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.experiments.bandits import deadline
from jaxsim.models.bandits import problems

LEAVING = [[[0.5, 0.5], [0, 1]], [[0.2, 0.8], [0, 1]]]


@pytest.mark.parametrize(
    "keys",
    [
        {"rewards": [[2, -1, 3, -5, 1], [-1, 2], [0.5]], "pipes": [2, 9, 0, 1, 1, 1], "horizon": 6},
        pytest.param({}, marks=pytest.mark.slow),
    ],
)
def test_the_kernel_loses_what_the_index_rule_loses(keys):
    answer = deadline(**keys, replications=2)
    assert answer["simulated_regret"] == pytest.approx(answer["regret"], abs=1e-6)
    assert answer["simulated_regret_half_width"] == pytest.approx(0, abs=1e-6)
    assert 0 <= answer["regret"] <= answer["bound"]


def test_simulated_regret_of_markov_users_stays_below_the_bound():
    """User 0 pays 1 per slot (leaves with 1/2), user 1 pays 2 (leaves with .8); one pipe, T = 2.

    Index rule: user 1 first (index 2). Reward 2 + (.2 x 2 + .8 x 1) = 3.2, which nothing exceeds: regret 0.
    """
    answer = deadline(rewards=[[1, 0], [2, 0]], transitions=LEAVING, horizon=2)
    assert answer["optimum"] == pytest.approx(3.2)
    error = answer["simulated_regret_half_width"] / 1.96
    assert 0 < error < 0.02  # standard deviation .4, 2000 replications
    assert abs(answer["simulated_regret"]) <= 4 * error
    # W = 2; a state's index is never exceeded later, so that blocks have length 1: D = 1
    assert answer["bound"] == pytest.approx(2)
    assert answer["index_rule"] == pytest.approx(3.2) and answer["regret"] == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
def test_two_pipes_need_users_who_finish():
    two = {"rewards": [[1, 0], [2, 0]], "pipes": 2, "horizon": 2, "replications": 2}
    # Two pipes: D = the longest mean time to finish, 1 / .5; infinite for a user who never leaves
    assert deadline(transitions=LEAVING, **two)["bound"] == pytest.approx(2 * 2 * 2)
    assert deadline(transitions=[LEAVING[0], np.eye(2).tolist()], **two)["bound"] is None


def test_leases_of_a_simulated_path_nest():
    answer = problems.arrivals(steps=40, seed=3)
    winners, arrived, leases = answer["winners"], answer["arrived"], answer["leases"]
    assert len(winners) == 40 and len(arrived) > 5 and max(depth for *_, depth in leases) >= 1
    for t, user in enumerate(winners):
        over = [lease for lease in leases if lease[1] <= t <= lease[2]]
        assert [lease[4] for lease in over] == list(range(len(over)))  # one lease of each depth
        assert (over[-1][0] if over else None) == user  # the innermost holder plays
        assert user is None or arrived[user] <= t
        for outer, inner in pairwise(over):
            assert inner[3] > outer[3] and outer[1] < inner[1] <= inner[2] <= outer[2]
            assert arrived[inner[0]] > outer[1]  # sublets go to later arrivals (Theorem 6.5.2)


@pytest.mark.slow
def test_leases_without_arrivals_follow_the_bids():
    quiet = problems.arrivals(arrival_probability=0, steps=6)
    # Nobody comes: user 0 (index .49 by state 0, 2, ...) and user 1 (.5 once) in the order of their bids
    assert quiet["arrived"] == [0, 0] and quiet["winners"][0] == int(
        np.argmax(np.array(quiet["index"])[[0, 1]])
    )
    assert quiet["winners"].count(1) == 1


@pytest.mark.parametrize(
    ("problem", "keys", "field"),
    [
        (deadline, {"replications": 1}, "replications"),
        (deadline, {"seed": -1}, "seed"),
        (deadline, {"rewards": [1, 0], "transitions": LEAVING[0]}, "rewards"),
        (problems.arrivals, {"steps": 0}, "steps"),
        (problems.arrivals, {"seed": "x"}, "seed"),
    ],
)
def test_bad_input_of_the_simulations_names_the_field(problem, keys, field):
    with pytest.raises(InvalidInput, match=field):
        problem(**keys)
