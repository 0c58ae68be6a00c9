import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.core.errors import InvalidInput
from jaxsim.statistics import Estimate, Target, mean_interval, next_stage, target, targets
from jaxsim.statistics.sequential import CONSTANT, FIRST_STAGE


def run(draw, wanted, most=1_000_000):
    """Follow the rule on values that ``draw(count)`` makes; return the estimate it stops at."""
    values = draw(FIRST_STAGE)
    while True:
        e = mean_interval(values)
        count = next_stage({"x": e}, {"x": wanted}, most)
        if count == values.size:
            return e
        values = np.concatenate([values, draw(count - values.size)])


@pytest.mark.parametrize("wanted", [Target(0.05, relative=False), Target(0.05)])
def test_the_rule_covers_and_meets_its_target(wanted):
    # Exponential values of mean 1 are skewed, which makes early stops likely: sample variances that are too
    # small come with means that are too small. 1000 intervals, 4 binomial standard deviations: false alarm
    # 6e-5, once, because the seed is fixed.
    rng, hits, counts = np.random.default_rng(1), 0, []
    for _ in range(1000):
        e = run(rng.standard_exponential, wanted)
        assert e.half_width <= wanted.allows(e.mean)
        hits += e.covers(1.0)
        counts.append(e.replications)
    assert abs(hits - 950) < 4 * math.sqrt(1000 * 0.95 * 0.05)
    # (1.96 / 0.05)^2 = 1537 values are needed at least; the rule may spend a fifth more, relative or not.
    least = (1.96 / wanted.allows(1.0)) ** 2
    assert least < np.mean(counts) < 1.2 * least


def test_rarely_anything_but_the_same_value_is_looked_at_longer():
    rng = np.random.default_rng(2)
    e = run(lambda n: (rng.uniform(size=n) < 0.02).astype(float), Target(0.05, relative=False))
    assert e.replications >= CONSTANT
    assert run(lambda n: np.zeros(n), Target(0.01)).replications == CONSTANT


def test_a_mean_of_zero_is_refused_soon_whatever_the_first_values_say():
    rng, drawn = np.random.default_rng(3), []

    def draw(count):
        drawn.append(count)
        return rng.standard_normal(count)

    with pytest.raises(InvalidInput, match=r"1% of x: needs more than 1000000 .* absolute precision"):
        run(draw, Target(0.01))
    assert sum(drawn) < 5000


def test_what_takes_too_long_is_refused_at_the_limit():
    with pytest.raises(InvalidInput, match="needs more than 1000 replications"):
        run(np.random.default_rng(4).standard_normal, Target(0.05, relative=False), most=1000)


def test_what_is_undefined_in_all_replications_is_refused():
    nothing = {"x": Estimate(math.nan, math.inf, 0.95, 200)}
    with pytest.raises(InvalidInput, match="undefined in all 200"):
        next_stage(nothing, {"x": Target(0.1)}, 1000)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (0.01, Target(0.01)),
        ("1%", Target(0.01)),
        ("0.01", Target(0.01)),
        (" 0.05abs", Target(0.05, relative=False)),
    ],
)
def test_targets_as_they_are_written(given, meant):
    assert target("precision", given) == meant
    assert target("precision", str(meant)) == meant
    assert targets(given, ["a", "b"]) == {"a": meant, "b": meant}
    assert targets({"b": given}, ["a", "b"]) == {"b": meant}
    assert targets(f"b={given},a=2%", ["a", "b"]) == {"b": meant, "a": Target(0.02)}


@pytest.mark.parametrize(
    "bad",
    [
        0,
        -1,
        "0",
        "1%abs",
        "abs",
        "%",
        "nan",
        "inf",
        "1e999",
        None,
        [1],
        "c=1%",
        "a=",
        "a=1%,a=2%",
        {},
        "a=1%,b",
    ],
)
def test_other_targets_are_refused(bad):
    with pytest.raises(InvalidInput, match="precision"):
        targets(bad, ["a", "b"])


@given(st.one_of(st.text(), st.floats(), st.integers(), st.lists(st.floats()), st.booleans()))
def test_any_precision_is_understood_or_refused(value):
    try:
        assert all(goal.width > 0 for goal in targets(value, ["a"]).values())
    except InvalidInput as error:
        assert "\n" not in str(error)
