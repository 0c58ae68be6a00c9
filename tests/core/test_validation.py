import numpy as np
import pytest

from jaxsim.core import validation as v
from jaxsim.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (v.numbers, "abc"),
        (v.numbers, float("nan")),
        (v.numbers, [1.0, float("inf")]),
        (v.positive, 0),
        (v.positive, []),
        (v.positive, [1, -2]),
        (v.non_negative, -1e-9),
        (v.probability, 1.1),
        (v.distribution, [0.5, 0.4]),
        (v.integer, 2.5),
        (v.integer, True),
        (v.integer, "five"),
        (v.integer, float("inf")),
    ],
)
def test_bad_values_are_refused_in_one_line_that_names_field_and_value(check, value):
    with pytest.raises(InvalidInput) as caught:
        check("rate", value)
    message = str(caught.value)
    assert message.startswith("rate = ") and "\n" not in message and message.count(";") >= 1


def test_good_values_pass_unchanged():
    assert v.integer("n", 5.0, low=1, high=5) == 5 and v.integer("n", "7") == 7
    np.testing.assert_array_equal(v.positive("x", [1, 2.5]), [1, 2.5])
    np.testing.assert_array_equal(v.distribution("p", [[0.5, 0.5], [1, 0]]), [[0.5, 0.5], [1, 0]])


def test_integer_bounds_are_named():
    with pytest.raises(InvalidInput, match=r"nodes = 2: is out of range; give a whole number >= 3"):
        v.integer("nodes", 2, low=3)


def test_choice_suggests_the_nearest_name():
    with pytest.raises(InvalidInput, match="did you mean jsq"):
        v.choice("policy", "jqs", ["jsq", "random"])


def test_long_values_are_shortened():
    with pytest.raises(InvalidInput) as caught:
        v.positive("x", -np.arange(1000.0))
    assert len(str(caught.value)) < 160
