import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxsim
from jaxsim.core.errors import InvalidInput
from jaxsim.experiments import inputs
from jaxsim.experiments.registry import families


def test_words_become_values():
    words = ["a=1", "b=2.5", "c=1,2,3", "d=[[1,2],[3,4]]", "e=true", "f=jsq", "g=a,b", "h=x=y"]
    assert inputs.parse_words(words) == {
        "a": 1, "b": 2.5, "c": [1, 2, 3], "d": [[1, 2], [3, 4]], "e": True, "f": "jsq", "g": "a,b",
        "h": "x=y",
    }  # fmt: skip


@given(st.text())
def test_any_word_is_parsed_or_refused(word):
    try:
        inputs.parse_words([word])
    except InvalidInput as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("words", [["a"], ["=1"], ["a="], ["a=1", "a=2"], ["a b=1"]])
def test_malformed_words_are_refused(words):
    with pytest.raises(InvalidInput):
        inputs.parse_words(words)


@pytest.mark.parametrize("text", ["a = ", "[table]\nx = 1", "\x00"])
def test_malformed_config_is_refused(tmp_path, text):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InvalidInput, match="config"):
        inputs.read_config(tmp_path / "c.toml")


def test_systems_and_policies_by_name():
    system = jaxsim.system("pooling", servers=4, token_cap=8)
    result = jaxsim.simulate(
        system.kernel, jaxsim.policy("independent", system), system.params, replications=2, horizon=5
    )
    assert result["pool_jobs"].mean == 0
    with pytest.raises(InvalidInput, match="did you mean pooling"):
        jaxsim.system("poolin")
    with pytest.raises(InvalidInput, match="did you mean servers"):
        jaxsim.system("pooling", server=4)
    with pytest.raises(InvalidInput, match="fmfe"):
        jaxsim.policy("fmf", system)


def test_every_name_on_every_card_can_be_loaded():
    for family in families().values():
        entries = [*family.policies.values(), *family.problems.values(), *family.experiments.values()]
        for entry in [*entries, *([family.system] if family.system else [])]:
            assert callable(entry.load()), entry
            assert entry.summary and "\n" not in entry.summary


def test_public_names_are_importable():
    for name in jaxsim.__all__:
        assert getattr(jaxsim, name) is not None
    with pytest.raises(AttributeError):
        jaxsim.no_such_name  # noqa: B018


def test_explanations_come_from_the_docstring():
    def example(*, a=1, b=2, c=3):
        """Do it.

        Args:
            a: first,
                continued: here.
            b, c: both.

        Returns:
            nothing: at all.
        """

    assert inputs.explanations(example) == {"a": "first, continued: here.", "b": "both.", "c": "both."}


@pytest.mark.parametrize(
    ("text", "numbers"), [("0.9,0.6\n", [0.9, 0.6]), ("1\n2\n", [1, 2]), ("1,2\n3,4\n", [[1, 2], [3, 4]])]
)
def test_values_come_from_csv_files(tmp_path, text, numbers):
    def taken(*, rates=(1.0,)):
        return rates

    (tmp_path / "r.csv").write_text(text)
    assert inputs.call(taken, inputs.parse_words([f"rates=@{tmp_path / 'r.csv'}"])) == numbers


def test_the_schema_is_that_of_spec_and_params():
    from jaxsim.experiments import schema

    kinds = schema.kinds(families()["pooling"].system.load())
    assert kinds["servers"].what == "whole" and kinds["arrival_rate"].axes == 1
    assert kinds["processing_cost"].axes == 0 and kinds["tokens"].choices == ("bounded", "unlimited")
    economy = schema.kinds(families()["mechanisms"].system.load())
    assert economy["weight"].axes == 0 and str(economy["weight"]) == "a number"
    for bad in ({"arrival_rate": [[0.1]]}, {"arrival_rate": 1e39}, {"servers": True}, {"tokens": "none"}):
        with pytest.raises(InvalidInput, match=next(iter(bad))):
            jaxsim.system("pooling", **bad)
