"""Every experiment of the mechanisms family reproduces what it claims, at smoke scale."""

import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.experiments.registry import families
from jaxsim.results.report import Report

EXPERIMENTS = families()["mechanisms"].experiments
# the others repeat what the model's own tests show, for five to twenty CPU-seconds of compilation each
LIGHT = ("joint_cost", "random_demand")
HEAVY = tuple(name for name in EXPERIMENTS if name not in LIGHT)


def check(name):
    report = EXPERIMENTS[name].load()(scale="smoke", seed=1)
    assert isinstance(report, Report) and report.name == f"mechanisms.{name}"
    verdicts = [claim.verdict for claim in report.claims]
    # one statement of section 4.2 holds in one reading of it only
    assert verdicts.count("ambiguous") == (name == "brown_johnson")
    assert verdicts and "not reproduced" not in verdicts, report.claims


@pytest.mark.parametrize("name", LIGHT)
def test_experiment(name):
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_heavy_experiment(name):
    check(name)


def test_scale_is_checked():
    with pytest.raises(InvalidInput, match="scale"):
        EXPERIMENTS["joint_cost"].load()(scale="huge")
