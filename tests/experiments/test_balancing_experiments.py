"""The figures' machinery: the control variate, exact values, and one figure end to end."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.experiments import balancing
from jaxsim.experiments.balancing.measure import drops
from jaxsim.models.balancing import JSQ, Random
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.balancing.problems import own, random


def test_control_variate_is_exact_for_what_it_knows() -> None:
    found = drops(
        cycle(200),
        {"random": lambda s: Random(), "jsq": lambda s: JSQ()},
        delay=5.0,
        replications=300,
        seed=1,
    )
    # Random is own queue path by path, so nothing is left to vary; JSQ keeps noise of its own.
    assert found["random"].mean == pytest.approx(3.5144, abs=1e-3)
    assert found["random"].half_width < 1e-3
    assert abs(found["jsq"].mean - 7.547) < 2.1 * found["jsq"].half_width + 0.005 * 7.547
    assert found["own"].below(found["jsq"])


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
