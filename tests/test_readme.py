"""Every example of the README runs: Python blocks as they stand, console lines through the command line."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from jaxsim import cli

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CONSOLE = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]


def test_there_are_examples():
    assert len(PYTHON) >= 1 and len(CONSOLE) >= 5


@pytest.mark.parametrize("source", PYTHON)
def test_python_examples_run(source, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(source, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_console_examples_run_in_order(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_use_all_cores", lambda: None)  # the tests have started JAX already
    for line in CONSOLE:
        program, *words = shlex.split(line)
        assert program == "jaxsim"
        monkeypatch.setattr(sys, "argv", ["jaxsim", *words])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        assert caught.value.code in (0, None), (line, err)
        assert out, line
