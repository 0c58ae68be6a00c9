"""Malformed input: exit code 2 and one line, never a traceback."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import malformed
import pytest
from hypothesis import HealthCheck, given, settings

from jaxsim import cli
from jaxsim.engine import batch

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True, "database": None}
FEW, MANY = 40, 1300  # of each of the eight kinds


class Accepted(Exception):
    """The input was sound: the simulation was about to be traced."""


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    def prepare(*_):
        raise Accepted

    monkeypatch.setattr(batch, "prepare", prepare)
    monkeypatch.setattr("jaxsim.cli.shared.use_all_cores", lambda: None)


def answer(case):
    """Run the command line in this process; return (exit code or None if accepted, output, errors)."""
    words, files = case
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        words = [_in_folder(word, folder, files) for word in words]
        out, err, before = io.StringIO(), io.StringIO(), sys.argv
        sys.argv = ["jaxsim", *words]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                cli.main()
        except SystemExit as stop:
            return stop.code, out.getvalue(), err.getvalue()
        except Accepted:
            return None, "", ""
        finally:
            sys.argv = before
    raise AssertionError("the command line did not say how it ended")


def _in_folder(word, folder, files):
    """Replace {NAME} by the path of that file."""
    named = [name for name in (*files, ".") if f"{{{name}}}" in word]
    return word.replace(f"{{{named[0]}}}", str(Path(folder, named[0]))) if named else word


def check_refused(case):
    code, out, err = answer(case)
    assert code == 2, (code, out, err)
    assert err.startswith("error: ") and len(err.splitlines()) == 1 and err.endswith("\n"), err


def fuzzed(kind, count):
    @settings(max_examples=count, **QUIET)
    @given(malformed.KINDS[kind]())
    def run(case):
        check_refused(case)

    return run


@pytest.mark.parametrize("kind", malformed.KINDS)
def test_malformed_input_is_refused_in_one_line(kind):
    fuzzed(kind, FEW)()


@pytest.mark.slow
@pytest.mark.parametrize("kind", malformed.KINDS)
def test_ten_thousand_malformed_inputs(kind):
    fuzzed(kind, MANY)()


@settings(max_examples=60, **QUIET)
@given(malformed.arbitrary())
def test_any_text_is_a_value_or_refused_in_one_line(case):
    code, out, err = answer(case)
    assert code is None or (code == 2 and out == "" and len(err.splitlines()) == 1), (code, out, err)


@pytest.mark.slow
@settings(max_examples=2000, **QUIET)
@given(malformed.arbitrary())
def test_thousands_of_texts_are_values_or_refused_in_one_line(case):
    code, out, err = answer(case)
    assert code is None or (code == 2 and out == "" and len(err.splitlines()) == 1), (code, out, err)
