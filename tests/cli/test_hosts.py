"""Several processes on one machine: the numbers of one process, and a clear end when one of them is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_kill import command, started  # noqa: F401

from jaxsim import results
from jaxsim.cli import hosts
from jaxsim.core.errors import InvalidInput
from jaxsim.results.checkpoint import FILE

WORDS = ["simulate", "pooling", "servers=6", "--replications", "24", "--horizon", "300", "--memory", "20kB"]
TWO_DEVICES = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}


def launch(words, out):
    line = [sys.executable, "-m", "jaxsim.cli", *words, "--out", str(out), "--hosts", "2"]
    return subprocess.Popen(
        line,
        env=os.environ | TWO_DEVICES,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_with_two_devices_each_give_the_numbers_of_one(tmp_path):
    done = launch([*WORDS, "--json"], tmp_path / "two")
    command(*WORDS, "--out", str(tmp_path / "one"))
    head, said = done.communicate()
    assert done.returncode == 0, said
    one, two = results.load(tmp_path / "one"), results.load(tmp_path / "two")
    assert two.device.startswith("4 x") and one.device.startswith("2 x")
    assert one.estimates == two.estimates and one.status == two.status
    assert json.loads(head)["metrics"]["jobs_per_server"]["mean"] == one["jobs_per_server"].mean
    for name, sample in one.samples.items():  # replication by replication, bit for bit
        np.testing.assert_array_equal(sample, two.samples[name])
    for name, series in one.series.items():  # sums over the replications, in another order
        np.testing.assert_allclose(series, two.series[name], rtol=1e-12)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "arrays.npz", "request.json", "result.json",
    ]  # fmt: skip


def hosts_of(process):
    """Return the numbers of the processes that the watching one has started, in order."""
    return [int(n) for n in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_host_ends_the_others_and_they_resume(lost, tmp_path):
    words = [*WORDS[:-4], "--horizon", "400000", "--memory", "20kB"]
    out = tmp_path / "two"
    process = launch(words, out)
    deadline = time.monotonic() + 120
    while len(list(out.rglob(FILE))) < 2 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.1)
    os.kill(hosts_of(process)[lost], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "was lost" in said.splitlines()[-1] and "resume" in said.splitlines()[-1]
    assert not (out / "result.json").exists()
    again = subprocess.run(
        [sys.executable, "-m", "jaxsim.cli", "resume", str(out)],
        env=os.environ | TWO_DEVICES, capture_output=True, text=True,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    command(*words, "--out", str(tmp_path / "one"))
    one, two = results.load(tmp_path / "one"), results.load(out)
    for name, sample in one.samples.items():
        np.testing.assert_array_equal(sample, two.samples[name])


@pytest.mark.slow
def test_hosts_are_found_by_the_variables_of_slurm(tmp_path):
    job = {"SLURM_JOB_ID": "4243", "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    job |= {"SLURM_STEP_NUM_TASKS": "2", "SLURM_LOCALID": "0", **TWO_DEVICES}
    line = [sys.executable, "-m", "jaxsim.cli", *WORDS, "--json", "--hosts", "auto"]
    tasks = [
        subprocess.Popen(
            line, env=os.environ | job | {"SLURM_PROCID": str(i)}, stdout=subprocess.PIPE, text=True
        )
        for i in range(2)
    ]
    heads = [task.communicate()[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0] and heads[1] == ""
    command(*WORDS, "--out", str(tmp_path))
    mean = results.load(tmp_path)["jobs_per_server"].mean
    assert json.loads(heads[0])["metrics"]["jobs_per_server"]["mean"] == mean


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "2000", "a:1,2", "a:1,2,2", "a:1,0,0", "a:b,2,0"])
def test_bad_hosts_are_refused(text):
    with pytest.raises(InvalidInput, match="hosts"):
        hosts.supervise(text)


def test_without_a_cluster_auto_is_refused():
    environment = os.environ | {hosts.VARIABLE: "auto"}
    line = [sys.executable, "-m", "jaxsim.cli", *WORDS]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: hosts = auto: cannot be joined")
