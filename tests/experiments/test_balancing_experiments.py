"""The figures' machinery: the control variate, exact values, and one figure end to end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.experiments import balancing
from jaxsim.experiments.balancing.figures import slope_ratio
from jaxsim.experiments.balancing.measure import Value, drops, own_queue
from jaxsim.experiments.balancing.ranking import ranking
from jaxsim.models.balancing import JSQ, Own, Random
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.balancing.problems import own, random


def test_control_variate_narrows_intervals_around_what_is_known() -> None:
    # Random loses what own queue loses, 3.5144 (exact). 4 standard errors: false alarm 6e-5.
    found = drops(cycle(200), {"random": lambda s: Random()}, delay=5.0, replications=300, seed=1)
    assert found["own"].mean == pytest.approx(3.5144, abs=6e-5) and found["own"].half_width == 0.0
    assert abs(found["random"].mean - 3.5144) < 2.1 * found["random"].half_width
    assert found["random"].half_width < found["random"].plain / 2


@pytest.mark.parametrize(("reading", "known"), [("epoch", (0.893, 7.547)), ("packet", (0.694, 6.085))])
def test_jsq_on_the_cycle(reading: Any, known: tuple[float, float]) -> None:
    # Delays 1 and 5, by an independent simulator: 0.5 % and 4 standard errors (false alarm 6e-5 each).
    for delay, value in zip((1.0, 5.0), known, strict=True):
        rules = {"jsq": lambda s: JSQ(reading)}
        keys = {"delay": delay, "largest_delay": 5.0, "precision": 0.008}
        found = drops(cycle(1000), rules, replications=100, seed=4, **keys)["jsq"]
        assert found.half_width < min(0.0085 * value, found.plain / 2)
        assert abs(found.mean - value) < 2.1 * found.half_width + 0.005 * value


def test_slope_ratio_and_its_interval() -> None:
    # Differences by hand: slopes (9 - 8) / 5 and (9 - 3) / 9.
    values = [Value(3.0, 0.1, 0.0), Value(8.0, 0.2, 0.0), Value(9.0, 0.3, 0.0)]
    ratio, width = slope_ratio((1, 5, 10), values)
    assert ratio == pytest.approx(0.2 / (6 / 9))
    by_hand = [
        slope_ratio((1, 5, 10), [replace(v, mean=v.mean + (i == k) * 1e-6) for i, v in enumerate(values)])[0]
        for k in range(3)
    ]
    slopes = [(r - ratio) / 1e-6 * v.half_width for r, v in zip(by_hand, values, strict=True)]
    assert width == pytest.approx(np.linalg.norm(slopes), rel=1e-4)


def test_rankings_are_judged_reading_by_reading() -> None:
    def values(jsq: float, split: float, mfr: float, action: float) -> dict[str, list[Value]]:
        names = ("own", "jsq", "jsq, ties split", "mf-r", "mf-r, one action")
        return {n: [Value(v, 0.1, 0.1)] for n, v in zip(names, (3.5, jsq, split, mfr, action), strict=True)}

    def judged(delay: int, *means: float) -> str:
        return ranking("here", (delay,), values(*means))[0].verdict

    assert judged(1, 0.9, 0.7, 1.3, 1.2) == "reproduced"
    assert judged(1, 1.25, 0.7, 1.3, 1.2) == "ambiguous"
    assert judged(5, 7.5, 6.1, 2.8, 3.0) == "reproduced"
    assert judged(5, 2.0, 2.0, 2.8, 3.0) == "not reproduced"
    assert judged(10, 9.0, 9.0, 3.2, 3.45) == "ambiguous"


def test_own_queue_is_exact_for_unequal_servers_too() -> None:
    graph = cycle(40)
    unequal = {"service_rate": [1.0, 2.0] * 20, "buffer": [5] * 20 + [3] * 20}
    known = own_queue(graph, delay=5.0, **unequal)
    found = drops(graph, {"own": lambda s: Own()}, delay=5.0, replications=400, seed=3, **unequal)
    assert abs(found["own"].mean - known) < 2.1 * found["own"].half_width  # false alarm 4e-5


def test_problems() -> None:
    solved = own(delay=5.0)
    assert solved["drops_per_node"] == pytest.approx(3.5144, abs=6e-5) and solved["epochs"] == 10
    scaled = own(delay=7.0)
    assert scaled["whole_epochs"] == pytest.approx(scaled["drops_per_node"] * 56 / 50)
    routed = random(nodes=101)
    assert routed["drops_per_node"] > routed["own_queue"]
    assert np.dot(routed["relative_rates"], routed["shares"]) == pytest.approx(1.0)


def test_bad_scales_are_refused() -> None:
    with pytest.raises(InvalidInput, match="scale"):
        balancing.figure6(scale="huge")


@pytest.mark.slow
@pytest.mark.parametrize("name", balancing.__all__)
def test_every_figure_at_smoke_scale(name: str) -> None:
    report = getattr(balancing, name)(scale="smoke", seed=1)
    assert report.claims and report.name == f"balancing.{name}"
