from __future__ import annotations

import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.experiments import bandits
from jaxsim.results.report import Report

CORRECTED = {"bandits.auction": 2, "bandits.multiplier": 2, "bandits.superprocess": 2}
"""Statements that the thesis prints and that do not hold as printed, per report."""


@pytest.mark.parametrize(
    "experiment",
    [
        bandits.envelopes,
        bandits.counterexamples,
        bandits.auction,
        bandits.multiplier,
        pytest.param(bandits.superprocess, marks=pytest.mark.slow),
        pytest.param(bandits.bounds, marks=pytest.mark.slow),
        pytest.param(bandits.arrivals, marks=pytest.mark.slow),
        pytest.param(bandits.optimality, marks=pytest.mark.slow),
    ],
)
def test_reports_say_what_holds(experiment):
    report = experiment()
    failing = [claim for claim in report.claims if claim.verdict != "reproduced"]
    assert len(failing) == CORRECTED.get(report.name, 0), failing
    assert all(claim.note for claim in failing)
    assert Report.from_plain(report.plain()) == report


def test_an_unknown_scale_is_refused():
    with pytest.raises(InvalidInput, match="scale"):
        bandits.counterexamples(scale="huge")
