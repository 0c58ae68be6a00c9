"""The figures' machinery: the control variate, exact values, and one figure end to end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.experiments import balancing
from jaxsim.experiments.balancing.measure import drops, own_queue
from jaxsim.models.balancing import JSQ, Own, Random
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.balancing.problems import own, random


def test_control_variate_narrows_intervals_around_what_is_known() -> None:
    # Random loses what own queue loses, 3.5144 (exact); JSQ 7.547 by an independent program, to 0.5 %.
    # 4 standard errors: false alarm 6e-5 each.
    rules = {"random": lambda s: Random(), "jsq": lambda s: JSQ()}
    found = drops(cycle(200), rules, delay=5.0, replications=300, seed=1)
    assert found["own"].mean == pytest.approx(3.5144, abs=6e-5) and found["own"].half_width == 0.0
    assert abs(found["random"].mean - 3.5144) < 2.1 * found["random"].half_width
    assert abs(found["jsq"].mean - 7.547) < 2.1 * found["jsq"].half_width + 0.005 * 7.547
    assert all(found[name].half_width < found[name].plain / 2 for name in rules)
    assert found["own"].below(found["jsq"]) and found["own"].apart(found["jsq"])


@pytest.mark.parametrize(("reading", "known"), [("epoch", (0.893, 7.547)), ("packet", (0.694, 6.085))])
def test_jsq_on_the_cycle(reading: Any, known: tuple[float, float]) -> None:
    # Delays 1 and 5, by an independent simulator: 0.5 % and 4 standard errors (false alarm 6e-5 each).
    for delay, value in zip((1.0, 5.0), known, strict=True):
        rules = {"jsq": lambda s: JSQ(reading)}
        found = drops(cycle(1000), rules, delay=delay, replications=600, seed=4, largest_delay=5.0)["jsq"]
        assert found.half_width < 0.01 * value
        assert abs(found.mean - value) < 2.1 * found.half_width + 0.005 * value


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
