"""``jaxsim tune`` by name, its saved results, and headline tunings whose answers are known."""

import json
import sys

import numpy as np
import pytest

from jaxsim import cli
from jaxsim.core.validation import InvalidInput
from jaxsim.experiments import inputs
from jaxsim.experiments.registry import families
from jaxsim.experiments.tunings import headlines, mechanisms
from jaxsim.experiments.tunings.tunable import run
from jaxsim.results import load

FAMILIES = [family for family in families().values() if family.system is not None]


def called(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["jaxsim", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0, capsys.readouterr()


def test_every_family_has_something_to_tune_and_says_what_its_keys_mean():
    for family in FAMILIES:
        assert family.tunings, family.name
        for entry in family.tunings.values():
            function = entry.load()
            assert set(inputs.keys_of(function)) == set(inputs.explanations(function)), entry.target


def test_a_menu_is_tuned_by_name_saved_and_finished(monkeypatch, capsys, tmp_path):
    words = ("mechanisms", "what=menu", "steps=60", "seed=3", "--json", "--out", tmp_path / "menu")
    code, shown = called(monkeypatch, capsys, "tune", *words)
    assert code == 0
    answer = json.loads(shown.out)
    case = answer["cases"][0]
    assert abs(case["objective"]["mean"] - case["known"]["value"]) < 1e-6
    assert case["shortfall"]["bound"] < 1e-6 and case["gain"]["mean"] > 0.1
    kept = load(tmp_path / "menu")
    assert kept.family == "mechanisms" and kept.policy == "menu" and len(kept.series["step"]) == 60
    assert list(case["tuned"]) == ["mark_1", "mark_2", "mark_3"]
    code, shown = called(monkeypatch, capsys, "resume", tmp_path / "menu")
    assert code == 0 and "finished" in shown.out
    for bad, field in (("what=prices", "what"), ("gradient=score", "gradient"), ("steps=3", "steps")):
        code, shown = called(monkeypatch, capsys, "tune", "mechanisms", bad)
        assert code == 2 and field in shown.err and len(shown.err.strip().splitlines()) == 1
    for bad in ("delay=3", "seed=1,2", "precision=none"):
        code, shown = called(monkeypatch, capsys, "tune", "mechanisms", bad)
        assert code == 2 and bad.partition("=")[0] in shown.err


def test_drawn_contingencies_need_a_sampling_estimator():
    with pytest.raises(InvalidInput, match="gradient"):
        run(mechanisms.forecast(drawn=True), gradient="implicit")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["token_probability", "offload_table", "priority_weights", "priority_indices"]
)
def test_headline_tunings_find_the_known_answer(name):
    report = getattr(headlines, name)(seed=1)
    assert all(claim.verdict != "not reproduced" for claim in report.claims)
    assert all(np.isfinite(curve.y).all() for panel in report.panels for curve in panel.curves)
