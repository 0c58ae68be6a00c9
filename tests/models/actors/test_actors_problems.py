"""``jaxsim solve actors.*``: defaults are the paper's examples, bad input is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.models.actors import problems
from jaxsim.models.actors.system import system


def test_defaults_are_the_known_numbers() -> None:
    found = problems.assignment()
    assert (found["greedy_value"], found["best_value"], found["verdict"]) == (16.0, 18.0, "NEGATIVE_VALUE")
    found = problems.scheduling(objective="makespan")
    assert (
        found["best"]
        == pytest.approx(1.4652538634, abs=1e-9)
        == pytest.approx(found["slowest_first"], abs=1e-9)
    )
    found = problems.value(criterion="finite", epochs=20)
    other = problems.value(criterion="finite", epochs=20, method="exhaustive")
    assert found["values"] == pytest.approx(other["values"]) and not found["conditions_that_fail"]


def test_assignment_by_head_count_and_with_skills() -> None:
    found = problems.assignment(
        law="heads", table=(0, 1, 2**0.5, 3**0.5, 2), values=(-1, -1.05), caps=(2, 4), speeds=(1, 1, 1, 1)
    )
    assert found["greedy_value"] == pytest.approx(-2.8991, abs=5e-5) and found["best_value"] == pytest.approx(
        -2.1
    )
    found = problems.assignment(
        law="additive", speeds=(2, 1), values=(10, 9), caps=(1, 1), allowed=((1, 1), (1, 0)), idle=True
    )
    assert (found["greedy_value"], found["best_value"], found["verdict"]) == (20.0, 28.0, "NOT_NESTED")
    assert found["best_assignment"] == [1, 0]


@pytest.mark.parametrize(
    ("call", "keys", "message"),
    [
        (problems.value, {"criterion": "averge"}, "did you mean average"),
        (problems.assignment, {"law": "cubic"}, "law = cubic"),
        (problems.assignment, {"law": "heads"}, "table"),
        (problems.scheduling, {"speeds": (1, -1)}, "speeds"),
        (problems.tandem, {"arrival": 2.5, "size": 3}, "load"),
        (system, {"application": "tandm"}, "did you mean tandem"),
        (system, {"options": {"wy": 1}}, "options = wy"),
        (system, {"queues": [{"name": "a", "servce": 1}], "servers": [{"name": "s"}]}, "servce"),
        (system, {"clock": "sundial"}, "clock"),
    ],
)
def test_bad_keys_are_refused(call: Any, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call(**keys)


def test_a_network_from_plain_tables() -> None:
    made = system(
        queues=[{"name": "a", "arrival": 0.5, "service": 1.0, "holding": 1.0, "size": 5, "to": {"b": 1}},
                {"name": "b", "service": 1.0, "size": 5}],
        servers=[{"name": "s"}, {"name": "t", "skills": ["b"]}],
    )  # fmt: skip
    assert made.kernel.spec.states == 36 and made.kernel.spec.actions == 2
