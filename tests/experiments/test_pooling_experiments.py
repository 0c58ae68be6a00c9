"""Every pooling problem and the exact experiments answer; the simulated experiments are slow tests."""

from __future__ import annotations

import json

import pytest

from jaxsim.experiments.registry import families
from jaxsim.models.pooling import problems

CARD = families()["pooling"]


@pytest.mark.parametrize("name", [n for n in CARD.problems if n != "server_one_value"])
def test_problems_answer_with_plain_values(name):
    values = CARD.problems[name].load()()
    assert values and json.dumps(values)


def test_worked_examples():
    found = problems.fluid_equilibrium(arrival_rate=0.9, token_probability=0.9, servers=100)
    assert found["minimal_servers"] == 10 and found["queue"] == 0
    assert problems.server_law()["queue"] == pytest.approx(3.0)
    law = problems.server_law(arrival_rate=0.9, token_probability=0.9, token_cap=100)
    assert law["queue"] == pytest.approx(0.818182, abs=1e-6)
    assert sum(law["tokens"]) <= 1 + 1e-12


def test_both_methods_of_server_one_agree():
    small = {"arrival_rate": 0.6, "servers": 4, "longest_pool": 25, "longest_queue": 5}
    fast = problems.server_one_value(**small)
    slow = problems.server_one_value(**small, method="linear_program")
    assert fast["value"] == pytest.approx(slow["value"], abs=3e-8)
    assert fast["complete_pooling"] == pytest.approx(slow["complete_pooling"])


def test_metrics_of_the_card_are_those_of_the_kernel():
    system = CARD.system.load()()
    assert {metric.name for metric in system.kernel.metrics} == set(CARD.metrics)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CARD.experiments))
def test_experiments_reproduce_the_paper(name):
    report = CARD.experiments[name].load()(scale="smoke", seed=1)
    assert report.name == f"pooling.{name}" and report.claims
    failed = [c.quantity for c in report.claims if c.verdict == "not reproduced"]
    # Charging q0/N, three of the gaps of section 6.3 exceed what is printed: that is the honest reading.
    assert len(failed) == (3 if name == "figure_2" else 0), failed
