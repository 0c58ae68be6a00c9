"""Every experiment of the actors family runs at its small scale and finds what the paper states."""

from __future__ import annotations

import pytest

from jaxsim.experiments.actors import EXPERIMENTS


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment(name: str) -> None:
    report = EXPERIMENTS[name](scale="smoke", seed=1)
    assert report.name == f"actors.{name}"
    failed = [claim for claim in report.claims if claim.verdict != "reproduced"]
    assert not failed


def test_one_experiment_in_the_quick_suite() -> None:
    report = EXPERIMENTS["andradottir"](scale="smoke", seed=1)
    assert {claim.verdict for claim in report.claims} == {"reproduced"}
