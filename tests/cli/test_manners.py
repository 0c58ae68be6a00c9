"""What a user meets on the command line: suggestions, narrow tables, JSON, completion, a page of reports."""

import json
import os
import subprocess
import sys

import pytest
import typer

from jaxsim.cli import app, complete, shared
from jaxsim.experiments import selftest
from jaxsim.experiments.registry import families
from jaxsim.results import Claim, Report

MISSPELLED = [
    (("simulat", "pooling"), "simulate"),
    (("simulate", "pooling", "--polcy", "fmfe"), "--policy"),
    (("simulate", "poling"), "did you mean pooling?"),
    (("simulate", "pooling", "servrs=3"), "did you mean servers?"),
    (("simulate", "pooling", "--policy", "fmef"), "did you mean fmfe?"),
    (("solve", "balancing.onw"), "did you mean own?"),
    (("solve", "gitins"), "did you mean bandits.gittins?"),
    (("solve", "balancing.own", "dealy=3"), "did you mean delay?"),
    (("reproduce", "pooling.figur_1"), "did you mean figure_1?"),
    (("reproduce", "balancng"), "did you mean balancing?"),
    (("list", "bandit"), "did you mean bandits?"),
]


@pytest.mark.parametrize(("words", "hint"), MISSPELLED, ids=[" ".join(words) for words, _ in MISSPELLED])
def test_a_misspelled_name_is_answered_with_the_nearest(command, words, hint):
    code, out, err = command(*words)
    assert code == 2 and not out and hint in err and len(err.strip().splitlines()) == 1


def test_no_words_show_the_help_and_no_error(command):
    _, out, err = command()
    assert "simulate" in out and not err


@pytest.mark.parametrize("family", ["", *families()])
def test_lists_fit_80_columns_and_have_a_json_form(command, family):
    words = [family] if family else []
    code, out, _ = command("list", *words)
    assert code == 0 and max(map(len, out.splitlines())) <= 80
    found = json.loads(command("list", *words, "--json")[1])
    if not family:
        assert found["families"].keys() == families().keys()
        return
    card = families()[family]
    for section in ("policies", "metrics", "problems", "tunings", "views", "experiments"):
        assert list(found[section]) == list(getattr(card, section))
        for name in found[section]:
            assert name in out
    assert bool(found["keys"]) == (card.system is not None)
    assert all(about["meaning"] for about in found["keys"].values())


def test_completion_offers_names():
    assert complete.family("p") == ["pooling", "pricing"]
    assert "bandits.gittins" in complete.problem("bandits.g")
    assert complete.experiment("a")[0] == "all" and "actors.tandem" in complete.experiment("actors.")

    context = typer.Context(typer.main.get_command(app))
    context.params = {"family": "balancing"}
    assert complete.policy(context, "j") == ["jsq"]
    assert complete.policy(context, "own,s") == ["own,sed"]
    context.params = {"family": None}
    assert complete.policy(context, "") == []


def test_a_shell_gets_its_completions():
    asked = {"_JAXSIM_COMPLETE": "complete_bash", "COMP_WORDS": "jaxsim simulate balancing --policy j"}
    program = "import sys; sys.argv = ['jaxsim']; from jaxsim.cli import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **asked, "COMP_CWORD": "4"},
        capture_output=True,
        text=True,
    )
    assert found.stdout.split() == ["jsq"] and not found.stderr


@pytest.mark.slow
def test_this_machine_agrees_with_theory(command):
    code, out, _ = command("doctor", "--json")
    found = json.loads(out)
    assert code == 0 and found["well"] and len(found["selftest"]["claims"]) == 3
    near = [abs(c["ours"] - c["paper"]) / c["half_width"] for c in found["selftest"]["claims"][1:]]
    assert max(near) <= selftest.STANDARD_ERRORS / 1.96


@pytest.mark.parametrize(
    ("verdict", "code", "word"), [("reproduced", 0, "all is well"), ("failed", 3, "NOT WELL")]
)
def test_doctor_says_what_there_is_and_whether_it_is_right(command, monkeypatch, verdict, code, word):
    monkeypatch.setattr(
        selftest, "selftest", lambda: Report("t", "t", "s", (Claim("q", 1.0, 2.0, verdict=verdict),))
    )
    found, out, _ = command("doctor")
    assert found == code and word in out and max(map(len, out.splitlines())) <= 80
    found = json.loads(command("doctor", "--json")[1])
    assert found["well"] == (code == 0) and found["devices"] and found["versions"]["jax"]
    assert found["extras"]["plots"] and found["memory_gib"] > 0


def test_version_and_plot_have_a_json_form(command, tmp_path):
    from jaxsim.results import Curve, Panel, save_report

    assert "jax" in json.loads(command("version", "--json")[1])["versions"]
    curve = Curve("a", (0.0, 1.0), (0.0, 1.0))
    save_report(Report("x.y", "t", "s", (), (Panel("p", "x", "y", (curve,)),)), tmp_path)
    found = json.loads(command("plot", tmp_path, "--json")[1])
    assert [name.rpartition(".")[2] for name in found["files"]] == ["png", "svg"]


def test_reproduce_several_writes_a_page_survives_a_failure_and_goes_on(command, monkeypatch, tmp_path):
    calls = []

    class Fake:
        def __init__(self, name):
            self.name, self.summary = name, "a summary"

        def load(self):
            def experiment(*, scale, seed):
                calls.append(self.name)
                if self.name == "bandits.bad" and calls.count(self.name) == 1:
                    raise ZeroDivisionError("nothing to divide by")
                return Report(self.name, "t", "s", (Claim("q", 1.0, 1.0),), seed=seed, scale=scale)

            return experiment

    names = ["bandits.good", "bandits.bad", "bandits.last"]
    monkeypatch.setattr("jaxsim.cli.reproduce._experiment_names", lambda _: names)
    monkeypatch.setattr(shared, "named", lambda kind, name, section: (None, Fake(name)))
    code, out, err = command("reproduce", "all", "--out", tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert code == 3 and calls == names and "[3/3] bandits.last" in err and "failed" in out
    assert "ZeroDivisionError: nothing to divide by" in page and page.count("<section") == 3
    code, *_ = command("reproduce", "all", "--out", tmp_path)  # only what failed is done again
    assert code == 0 and calls[3:] == ["bandits.bad"]
    assert "ZeroDivisionError" not in (tmp_path / "index.html").read_text()
    command("reproduce", "all", "--out", tmp_path, "--seed", "1")  # other numbers: everything
    command("reproduce", "all", "--out", tmp_path, "--seed", "1", "--again")
    assert calls[4:] == names * 2
