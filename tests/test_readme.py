"""Every example of the README runs and prints what the README says; every file that it names is there."""

import math
import re
import shlex
import sys
from pathlib import Path

import pytest

from jaxsim import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# A Python block, and the output that follows it.
PYTHON = re.findall(r"```python\n(.*?)```\n(?:\n```output\n(.*?)```)?", README, re.DOTALL)
# A command, and the lines of its output that are shown.
CONSOLE = [
    (command, shown)
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for command, shown in re.findall(r"^\$ (.*)\n((?:[^$\n].*\n)*)", block, re.MULTILINE)
]
NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


def same(expected, found):
    """Words agree; numbers to 1 %: other versions of JAX and other machines may round otherwise."""
    if not (NUMBER.fullmatch(expected) and NUMBER.fullmatch(found)):
        return expected == found
    return math.isclose(float(expected), float(found), rel_tol=0.01, abs_tol=1e-9)


def words(line):
    return line.replace("[", " ").replace("]", " ").replace(",", " ").split()


def assert_shown(shown, printed):
    """The lines shown are the beginnings of lines that were printed, in order."""
    lines = iter(printed.splitlines())
    for wanted in map(words, shown.splitlines()):
        rest = list(lines)
        starts = [words(line)[: len(wanted)] for line in rest]
        hits = [
            i for i, start in enumerate(starts) if len(start) == len(wanted) and all(map(same, wanted, start))
        ]
        assert hits, (wanted, printed)
        lines = iter(rest[hits[0] + 1 :])


def test_there_are_examples_of_every_family():
    assert len(PYTHON) >= 5 and len(CONSOLE) >= 10
    for family in ("balancing", "pooling", "pricing", "mechanisms", "bandits", "actors"):
        assert any(family in command for command, _ in CONSOLE), family
    assert README.count("```output") == sum(bool(output) for _, output in PYTHON)


def test_what_is_compared_can_differ():
    assert_shown("a   1.000\nb [2, 3]\n", "x\na 1.001 rest\nb [2.0, 3.001]\n")
    for printed in ("a 1.02\nb [2, 3]\n", "b [2, 3]\na 1.0\n", "a 1.0\nb [2, 4]\n"):
        with pytest.raises(AssertionError):
            assert_shown("a 1.000\nb [2, 3]\n", printed)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
    for target in re.findall(r"`((?:scripts|tests|benchmarks|jaxsim)/[\w./]*)`", README):
        assert "NAME" in target or (ROOT / target).exists(), target


@pytest.mark.parametrize(("source", "output"), PYTHON)
def test_python_examples_print_what_is_shown(source, output, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(source, "README.md", "exec"), {})
    assert_shown(output, capsys.readouterr().out)


def test_console_examples_print_what_is_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxsim.cli.shared.use_all_cores", lambda: None)  # the tests have started JAX already
    for line, shown in CONSOLE:
        program, *arguments = shlex.split(line)
        assert program == "jaxsim"
        monkeypatch.setattr(sys, "argv", ["jaxsim", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        assert caught.value.code in (0, None), (line, err)
        assert out, line
        assert_shown(shown, out)
