import math

import numpy as np
import pytest
from scipy import stats

from jaxsim.core.errors import InvalidInput
from jaxsim.statistics import (
    Estimate,
    batch_means,
    mean_interval,
    mser5,
    paired_interval,
    ratio_interval,
    student_t,
)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999, 1 - 1e-7])
@pytest.mark.parametrize("degrees", [1, 2, 3, 9, 1000, 10**6])
def test_student_quantiles_agree_with_scipy(level, degrees):
    assert student_t(level, degrees) == pytest.approx(stats.t.isf((1 - level) / 2, degrees), rel=1e-8)


def test_one_value_says_nothing_about_its_error():
    assert mean_interval(np.array([3.0])).half_width == math.inf
    assert student_t(0.95, 0) == math.inf


def test_mean_interval_formula():
    x = np.array([1.0, 2.0, 4.0, 7.0])
    e = mean_interval(x, 0.9)
    assert e.mean == 3.5
    assert e.half_width == pytest.approx(stats.t.ppf(0.95, 3) * x.std(ddof=1) / 2)
    assert e.standard_error == pytest.approx(x.std(ddof=1) / 2)
    assert e.covers(3.5) and not e.covers(100)


def covered(hits, count, level=0.95):
    """Whether a number of hits is within 4 binomial standard deviations of what the level promises."""
    return abs(hits - level * count) < 4 * math.sqrt(count * level * (1 - level))


# False-alarm rate of each coverage check: P(|Z| > 4) = 6e-5, once, because the seed is fixed.
def test_coverage_of_means_ratios_and_pairs():
    rng = np.random.default_rng(3)
    hits = np.zeros(3)
    for _ in range(2000):
        y = rng.gamma(4.0, size=30)
        x = 2 * y + rng.normal(size=30)
        common = rng.normal(size=30)
        a, b = 5 + common + 0.1 * rng.normal(size=30), 3 + common + 0.1 * rng.normal(size=30)
        pair = paired_interval((a, np.ones(30)), (b, np.ones(30)))
        hits += [mean_interval(x).covers(8.0), ratio_interval(x, y).covers(2.0), pair.covers(2.0)]
        assert pair.half_width < 0.5 * mean_interval(a).half_width
    assert covered(hits[0], 2000) and covered(hits[1], 2000) and covered(hits[2], 2000)


def test_ratio_of_constants_is_exact_and_of_nothing_is_nan():
    assert ratio_interval(np.full(5, 6.0), np.full(5, 3.0)).half_width == 0
    assert math.isnan(ratio_interval(np.zeros(5), np.zeros(5)).mean)


def test_pairs_of_unequal_number_are_refused():
    with pytest.raises(InvalidInput, match="replications"):
        paired_interval((np.ones(3), np.ones(3)), (np.ones(4), np.ones(4)))


def autoregressive(rng, correlation, count):
    x = np.zeros(count)
    noise = rng.normal(size=count) * math.sqrt(1 - correlation**2)
    for i in range(1, count):
        x[i] = correlation * x[i - 1] + noise[i]
    return x


def test_batch_means_cover_for_long_batches_and_warn_for_short_ones():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        path = autoregressive(rng, 0.8, 32 * 200).reshape(32, 200).sum(axis=1)
        hits += batch_means(path, np.full(32, 200.0)).covers(0.0)
    assert covered(hits, 300)
    slow = autoregressive(rng, 0.999, 32 * 20).reshape(32, 20).sum(axis=1)
    assert "correlated" in batch_means(slow, np.full(32, 20.0)).method


def test_mser5_cuts_a_transient_and_keeps_a_stationary_series():
    rng = np.random.default_rng(7)
    noise = 0.3 * rng.normal(size=500)
    decay = 5 * np.exp(-np.arange(500) / 20)
    assert 50 <= mser5(decay + noise) <= 200
    assert mser5(noise) <= 100
    assert mser5(np.arange(500.0)) == 500  # no steady state: everything would have to go


def test_estimates_print_as_many_digits_as_they_know():
    assert str(Estimate(3.14159, 0.0123)) == "3.142 +- 0.012"
    assert str(Estimate(2.0, 0.0)) == "2"
