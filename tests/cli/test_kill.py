"""A command killed at any moment, without a chance to clean up, is resumed to the result of a whole run."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsim import results
from jaxsim.cli import app
from jaxsim.results.checkpoint import FILE
from jaxsim.results.job import REQUEST, read_request

DRIVER = str(Path(__file__).parent / "kill_at.py")
STEPS = "512"
TRAINER = str(Path(__file__).parent / "train_at.py")
COMMANDS = {
    "simulation": "simulate pooling servers=6 --replications 24 --horizon 400 --memory 20kB",
    "comparison": "simulate balancing --policy random,own --replications 8 --horizon 300",
    "tuning": "tune pooling arrival_rate=0.7 servers=6 token_cap=8 events=200 replications=4 steps=60",
}


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
    return {path: path.stat().st_mtime_ns for path in folder.rglob(FILE)}


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


def assert_same(folder, other):
    """Every number of every result below the folders is the same, bit for bit."""
    names = sorted(path.parent.relative_to(folder) for path in folder.rglob("result.json"))
    assert names == sorted(path.parent.relative_to(other) for path in other.rglob("result.json")) != []
    for name in names:
        one, two = results.load(folder / name), results.load(other / name)
        assert one.estimates == two.estimates and one.status == two.status
        for kind in ("samples", "series"):
            first, second = getattr(one, kind), getattr(two, kind)
            assert first.keys() == second.keys()
            for key in first:
                assert np.array_equal(first[key], second[key], equal_nan=True), (name, kind, key)


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
    killed = 0
    for number in range(25):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = [*COMMANDS[name].split(), "--out", "out"]
        for _ in range(moments.choice((1, 1, 2))):
            killed += kill([DRIVER, STEPS, *words], folder, moments.uniform(0.0, 0.5))
            words = ["resume", "out"]
        command("resume", str(folder / "out"))
        assert_same(whole(name), folder / "out")
    assert killed >= 13  # the others were faster than their killer


def train(folder):
    """Train to the end in a process of its own; return all numbers."""
    process = start([TRAINER, "out", "result.npz"], folder)
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()
    with np.load(folder / "result.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.slow
def test_25_kills_of_a_training(tmp_path):
    (tmp_path / "whole").mkdir()
    expected = train(tmp_path / "whole")
    moments, killed = random.Random("training"), 0
    for number in range(25):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed += kill([TRAINER, "out", "result.npz"], folder, moments.uniform(0.0, 0.3))
        found = train(folder)
        assert expected.keys() == found.keys()
        for name, array in expected.items():
            assert array.tobytes() == found[name].tobytes()
    assert killed >= 13


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
