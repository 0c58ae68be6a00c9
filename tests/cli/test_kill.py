"""A command killed at any moment, without a chance to clean up, is resumed to the result of a whole run."""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsim.cli import app
from jaxsim.results.checkpoint import FILE
from jaxsim.results.job import REQUEST, read_request

DRIVER = str(Path(__file__).parent / "kill_at.py")
STEPS = "512"
COMMANDS = {
    "simulation": "simulate pooling servers=6 --replications 24 --horizon 400 --memory 20kB",
    "comparison": "simulate balancing --policy random,own --replications 8 --horizon 300",
    "tuning": "tune pooling arrival_rate=0.7 servers=6 token_cap=8 events=200 replications=4 steps=60",
    "training": "train balancing topology=cycle nodes=9 delay=3 updates=40 batch=64 length=8 passes=1 "
    "minibatches=1 widths=4 --episodes 20 --horizon 30",
}
KILLS = {"simulation": 10, "comparison": 5, "tuning": 5, "training": 5}


@pytest.fixture(autouse=True, scope="module")
def started():
    """The tests have started JAX already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxsim.cli.shared.use_all_cores", lambda: None)
        yield


def command(*words):
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def start(line, folder):
    """Begin a program in a process of its own, with two devices, as the tests have."""
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *line], env=environment, cwd=folder, **streams)


def stamps(folder):
    """Return when each checkpoint below the folder was written."""
    found = {}
    for path in folder.rglob(FILE):
        with contextlib.suppress(FileNotFoundError):  # it may be gone, at the very end
            found[path] = path.stat().st_mtime_ns
    return found


def kill(line, folder, seconds):
    """Kill the program so long after its first checkpoint below the folder, unless it ends before that."""
    before = stamps(folder)
    process = start(line, folder)
    while process.poll() is None and stamps(folder) == before:
        time.sleep(0.01)
    time.sleep(seconds)
    killed = process.poll() is None
    process.kill()
    _, said = process.communicate()
    assert killed or process.returncode == 0, said.decode()
    return killed


def numbers(folder):
    """Return every number that a command has left below the folder, but for times."""
    found = {}
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            found |= {(path.relative_to(folder), name): file[name].tobytes() for name in file.files}
    for path in sorted(folder.rglob("*.json")):
        if path.name != REQUEST:
            found[path.relative_to(folder)] = timeless(json.loads(path.read_text()))
    return found


def timeless(value):
    if isinstance(value, dict):
        times = ("timing", "seconds", "wall_seconds", "compiling", "cpu_seconds", "compile_seconds",
                 "cpu_seconds_compiling")  # fmt: skip
        return {name: timeless(x) for name, x in value.items() if name not in times}
    return [timeless(x) for x in value] if isinstance(value, list) else value


def assert_same(folder, other):
    one, two = numbers(folder), numbers(other)
    assert one.keys() == two.keys() and one
    assert [name for name in one if one[name] != two[name]] == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of an uninterrupted run of each command, made when it is first asked for."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp("whole") / "out"
            command(*COMMANDS[name].split(), "--out", str(made[name]))
        return made[name]

    return get


def test_a_killed_simulation_is_resumed(tmp_path, whole):
    out = tmp_path / "out"
    words = COMMANDS["simulation"].split()
    assert kill([DRIVER, STEPS, *words, "--out", "out"], tmp_path, 0.0)
    assert not (out / "result.json").exists() and not read_request(out).finished
    moved = out.rename(tmp_path / "moved")
    command("resume", str(moved))
    assert_same(whole("simulation"), moved)
    assert read_request(moved).finished and sorted(p.name for p in moved.iterdir()) == [
        "arrays.npz", REQUEST, "result.json",
    ]  # fmt: skip
    assert "nothing is left to do" in command("resume", str(moved)).output


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_25_kills_at_random_moments(name, tmp_path, whole):
    moments = random.Random(name)
    for number in range(KILLS[name]):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = [*COMMANDS[name].split(), "--out", "out"]
        # A program may be faster than its killer; then there is one kill less, and the result is the same.
        if kill([DRIVER, STEPS, *words], folder, moments.uniform(0.0, 0.2)) and number % 2:
            kill([DRIVER, STEPS, "resume", "out"], folder, moments.uniform(0.0, 0.2))
        command("resume", str(folder / "out"))
        assert_same(whole(name), folder / "out")


def test_nothing_to_resume_is_refused(tmp_path):
    done = CliRunner().invoke(app, ["resume", str(tmp_path)])
    assert "holds no request" in str(done.exception)


def test_an_unknown_command_in_a_request_is_refused(tmp_path):
    for text, named in (
        ('{"format": 1, "command": "verify", "arguments": {}, "working_folder": "/"}', "command = verify"),
        ('{"format": 1, "command": "simulate", "arguments": {"x": 1}, "working_folder": "/"}', "unknown x"),
    ):
        (tmp_path / REQUEST).write_text(text)
        done = CliRunner().invoke(app, ["resume", str(tmp_path)])
        assert named in str(done.exception)
