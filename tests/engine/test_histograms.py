"""Histograms count every step, and the intervals of their quantiles cover."""

import dataclasses
import functools

import numpy as np
import pytest
import toy

from jaxsim.core.errors import InvalidInput
from jaxsim.core.kernel import Metric
from jaxsim.engine import Every, FinalState, simulate
from jaxsim.statistics import Histogram, quantile_interval


@functools.cache
def kernel():
    return toy.kernel()


def run(**arguments):
    return simulate(
        kernel(), None, toy.params(0.5), **{"seed": 3, "horizon": 60.0, "replications": 12} | arguments
    )


def counts(result, metric="jobs"):
    return result.arrays[f"histogram.{metric}.counts"]


def test_every_step_after_the_warm_up_is_counted_once():
    """Against the whole path, step by step; the last edge lies within the range, so that much is above it."""
    shared = {"warmup": 20.0, "lanes": 5}
    found = run(**shared, histogram={"jobs": [1, 2, 2.5, 3]})
    path = run(**shared, record=Every(1)).arrays["jobs"]
    expected = [np.bincount(np.digitize(row, [1, 2, 2.5, 3]), minlength=5) for row in path]
    np.testing.assert_array_equal(counts(found), expected)
    assert (counts(found).sum(axis=1) == found.steps).all() and (counts(found)[:, -1] > 0).any()


def test_rounded_values_reach_the_edges_that_mean_the_same_number():
    tenth = dataclasses.replace(kernel(), metrics=(Metric("tenths", "jobs", scale=0.1),))
    edges = np.arange(1, 40) / 10
    scaled = simulate(tenth, None, toy.params(0.9), seed=3, horizon=200.0, histogram={"tenths": edges})
    plain = simulate(
        kernel(), None, toy.params(0.9), seed=3, horizon=200.0, histogram={"jobs": np.arange(1, 40)}
    )
    np.testing.assert_array_equal(counts(scaled, "tenths"), counts(plain))


def test_counting_changes_nothing_else_and_does_not_depend_on_the_cut():
    asked = {"jobs": np.arange(8.0)}
    plain, found = run(record=FinalState()), run(record=FinalState(), histogram=asked)
    assert plain.estimates == found.estimates
    names = set(found.arrays) - set(plain.arrays)
    assert names == {"histogram.jobs.edges", "histogram.jobs.counts"} and found.histograms == ("jobs",)
    for name in plain.arrays:
        np.testing.assert_array_equal(plain.arrays[name], found.arrays[name])
    for cut in ({"lanes": 1}, {"memory": 30_000}, {"histogram": "jobs=0:7:7"}):
        np.testing.assert_array_equal(counts(run(**{"histogram": asked, **cut})), counts(found))
    pairs = run(antithetic=True, histogram=asked)
    assert counts(pairs).shape == (6, 9) and (counts(pairs).sum(axis=1) == 2 * pairs.steps).all()


def test_intervals_of_quantiles_cover_the_geometric_law():
    """P(jobs >= k) = rho**k in the stationary M/M/1 queue; 300 groups of 24 replications.

    The interval is conservative (the larger of two sides), so only too little coverage fails: by more than 4
    standard errors (one false alarm in 30 000); where it is finite, which it nearly always is up to p = 0.9,
    it must not be wider by half than the spread of the estimates calls for (t quantile 2.07).
    """
    groups, each, rho = 300, 24, 0.5
    edges = np.arange(33.0)
    large = run(replications=groups * each, warmup=40.0, horizon=100.0, histogram={"jobs": edges})
    law = 1e12 * np.array([0.0, *(rho ** edges[:-1] * (1 - rho)), rho ** edges[-1]])
    for p in (0.1, 0.5, 0.9):
        truth = Histogram(tuple(edges)).quantile(law, p)
        found = [quantile_interval(edges, part, p) for part in np.split(counts(large), groups)]
        covered = np.mean([e.covers(truth) for e in found])
        assert covered >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / groups), (p, covered)
        spread = np.std([e.mean for e in found])
        assert np.median([e.half_width for e in found]) < 1.5 * 2.07 * spread
        whole = large.quantile("jobs", p)
        assert abs(whole.mean - truth) < 4 * whole.standard_error


def test_quantiles_outside_the_edges_are_infinite_and_one_replication_has_no_interval():
    found = run(histogram="jobs=1:2:2")
    assert found.quantile("jobs", 0.01).mean == -np.inf and found.quantile("jobs", 0.99).mean == np.inf
    alone = run(replications=1, histogram="jobs=0:9:9").quantile("jobs", 0.5)
    assert np.isfinite(alone.mean) and alone.half_width == np.inf
    rare = quantile_interval(np.arange(3.0), np.array([[0, 99, 1, 0], [0, 100, 0, 0]] * 9), 0.997)
    assert 1 < rare.mean < 2 and rare.half_width == np.inf  # h is 0.0025, more than half of 0.003
    constant = quantile_interval(np.arange(3.0), np.array([[0, 10, 0, 0]] * 4), 0.5)
    assert (constant.mean, constant.half_width) == (0.5, 0.0)


@pytest.mark.parametrize(
    "bad",
    [
        {"wait": [0, 1]},  # divided by arrivals: not a mean over steps
        {"arrived": [0, 1]},
        {"nothing": [0, 1]},
        {"jobs": [0]},
        {"jobs": [1, 0]},
        {"jobs": [0, np.inf]},
        {"jobs": [1.0, 1.0 + 1e-12]},
        {"jobs": ["a", "b"]},
        {},
        "jobs",
        "jobs=0:1",
        "jobs=0:1:0.5",
        "jobs=0:1:nan",
        "jobs=0:1:1e9",
        "jobs=0:1:2,jobs=0:1:2",
        7,
    ],
)
def test_bad_histograms_are_refused(bad):
    with pytest.raises(InvalidInput, match="histogram"):
        run(histogram=bad)


def test_what_was_not_counted_has_no_quantile():
    with pytest.raises(InvalidInput, match="has no histogram"):
        run().quantile("jobs", 0.5)
    with pytest.raises(InvalidInput, match="quantiles"):
        run(histogram="jobs=0:9:9").quantile("jobs", 1.0)
    with pytest.raises(InvalidInput, match="share nodes"):
        run(histogram="jobs=0:9:9", split="nodes")
