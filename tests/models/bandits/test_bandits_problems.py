from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.experiments.bandits import deadline
from jaxsim.models.bandits import problems


def test_defaults_are_the_worked_examples():
    assert problems.gittins()["index"] == pytest.approx([9 * 0.81 / 2.71, 9 * 0.9 / 1.9, 9])
    assert problems.deterministic()["envelope"] == pytest.approx([3.875] * 8)
    joint = problems.joint()
    assert joint["value"] == pytest.approx(joint["dynamic_program"], abs=1e-10)
    assert joint["value"] == pytest.approx(joint["index_rule"], abs=1e-10)


def test_options_of_the_problems():
    answer = problems.gittins(derivatives=True)
    assert np.sum(answer["d_rewards"], axis=1) == pytest.approx([1, 1, 1])
    many = problems.joint(arms=50)
    assert "dynamic_program" not in many
    # 50 copies of one cycle: once begun, an arm is worth going on with, so one arm is enough
    assert many["value"] == pytest.approx(problems.joint(arms=1)["value"])
    assert not problems.superprocess()["dominant"]
    assert problems.superprocess(pension=0)["law"][0] == 1
    # Both fall, so they are their own index; alpha times the value is the multiplier at time 0 (capacity 1)
    curves = problems.continuous(rewards=[[4, 1, 0], [3, 0, 0]], at=[0, 1, 3])
    assert np.ravel(curves["index"]) == pytest.approx([4, 2.5, 0.5, 3, 1.5, 0], abs=1e-12)
    assert curves["envelope"] == curves["index"] and curves["rent"] == 4
    assert curves["multiplier"] == pytest.approx(0.5 * curves["value"])
    bids = problems.auction(rewards=[[2], [1], [3]])
    assert bids["assignment"] == [2, 0, 1]
    assert bids["winning_bids"] == [2]


@pytest.mark.parametrize(
    ("problem", "keys", "field"),
    [
        (problems.gittins, {"rewards": "x"}, "rewards"),
        (problems.gittins, {"discount": -1}, "discount"),
        (problems.joint, {"rewards": [[1, 2]], "transitions": [[1]]}, "transitions"),
        (problems.joint, {"start": [0, 1, 2]}, "start"),
        (problems.joint, {"start": "x"}, "start"),
        (problems.arrivals, {"rewards": "x"}, "rewards"),
        (problems.arrivals, {"arrival_probability": 2}, "probabilities"),
        (problems.arrivals, {"most": 1}, "most"),
        (problems.superprocess, {"pension": "x"}, "pension"),
        (deadline, {"rewards": []}, "sequences"),
        (deadline, {"pipes": [1, 2]}, "pipes"),
        (problems.auction, {"rewards": [1, 2]}, "rewards"),
        (problems.continuous, {"loads": [1, 2, 3]}, "loads"),
        (problems.continuous, {"loads": [0], "rewards": [1]}, "loads"),
        (problems.continuous, {"discount_rate": 0}, "discount_rate"),
        (problems.whittle, {"passive_rewards": [1]}, "transitions"),
        (problems.bernoulli, {"successes": 0}, "successes"),
    ],
)
def test_bad_input_names_the_field(problem, keys, field):
    with pytest.raises(InvalidInput, match=field):
        problem(**keys)
