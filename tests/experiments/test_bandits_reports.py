from __future__ import annotations

import pytest

from jaxsim.experiments import bandits
from jaxsim.results.report import Report

CORRECTED = {"bandits.counterexamples": 1, "bandits.multiplier": 1}
"""Claims that the thesis states and that do not hold as printed, per report."""


@pytest.mark.parametrize(
    "experiment",
    [
        bandits.envelopes,
        bandits.multiplier,
        bandits.counterexamples,
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
