"""The pricing experiments: exact claims by default, simulated ones in the slow run."""

import json

import numpy as np
import pytest

from jaxsim.experiments import pricing
from jaxsim.experiments.pricing.common import averages, last
from jaxsim.experiments.pricing.limit import kolmogorov
from jaxsim.models.pricing import catalogue, system
from jaxsim.results.storage import plain


def test_figure_10_is_exact():
    report = pricing.figure_10()
    assert [claim.verdict for claim in report.claims] == ["reproduced"] * len(report.claims)
    json.dumps(plain(report.plain()), allow_nan=False)


def test_averages_are_those_of_the_paths():
    """One segment per step: the last segment's mean workload is that of the recorded decisions."""
    from jaxsim.models.pricing.paths import decisions

    made = system(time_step=10.0, reference="none")
    policy = catalogue.game(made)
    found = averages(made, policy, seed=3, replications=2, steps=4, segments=4)
    ends = [float(decisions(made, policy, seed=3, replication=r, steps=4).workload[-1]) for r in range(2)]
    np.testing.assert_allclose(found.last["workload"], ends, rtol=1e-5)
    assert last(found, "workload")[0] == pytest.approx(np.mean(ends), rel=1e-6)
    np.testing.assert_allclose(found.times, [10, 20, 30, 40])


def test_kolmogorov_distance_sees_an_atom_and_a_shift():
    assert kolmogorov(np.zeros(100)) == pytest.approx(1.0, abs=1e-6)
    from jaxsim.models.pricing.theory import brownian

    grid = np.linspace(0.0, 2e4, 200_001)
    law = np.asarray(brownian.cdf(grid, 20.0, -34.0, 107000.0))
    quantiles = np.interp((np.arange(2000) + 0.5) / 2000, law, grid)
    assert kolmogorov(quantiles) < 1e-3
    assert kolmogorov(quantiles + 400.0) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["figure_4", "figure_5", "figure_11", "two_pools", "exactness", "gradients"])
def test_simulated_claims_come_out(name):
    report = getattr(pricing, name)()
    assert all(claim.verdict != "not reproduced" for claim in report.claims)


@pytest.mark.slow
def test_packets_approach_the_diffusion_in_one_region_only():
    verdicts = [c.verdict for c in pricing.pre_limit().claims if c.paper is not None]
    assert verdicts == ["reproduced", "not reproduced"]
