import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxsim.results import load

SMALL = [
    "simulate",
    "pooling",
    "servers=4",
    "token_cap=8",
    "--horizon",
    "40",
    "--warmup",
    "0",
    "--replications",
    "6",
]


def test_simulate_prints_a_table_and_saves(command, tmp_path):
    code, out, _ = command(*SMALL, "--out", tmp_path / "r")
    assert code == 0
    for word in ("jobs_per_server", "95 %", "fmfe", "6 replications"):
        assert word in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert load(tmp_path / "r").replications == 6


def test_json_is_one_object_of_the_documented_shape(command):
    code, out, _ = command(*SMALL, "--seed", "7", "--json")
    head = json.loads(out)
    assert code == 0
    assert set(head) == {
        "family", "spec", "params", "policy", "seed", "replications", "metrics", "status", "wall_seconds",
        "versions",
    }  # fmt: skip
    assert head["seed"] == 7 and head["policy"] == "fmfe"
    assert set(head["metrics"]["pool_jobs"]) == {"mean", "half_width", "level"}


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(command):
    first, again, other = (command(*SMALL, "--seed", s, "--json")[1] for s in ("3", "3", "4"))
    assert json.loads(first)["metrics"] == json.loads(again)["metrics"]
    assert json.loads(first)["metrics"] != json.loads(other)["metrics"]


def test_several_policies_are_compared_in_pairs(command, tmp_path):
    code, out, _ = command(*SMALL, "--policy", "fmfe,independent", "--out", tmp_path)
    assert code == 0 and "difference from fmfe" in out
    assert "lowest cost_per_server" in out and "95 % confidence" in out
    code, out, _ = command("plot", tmp_path)
    assert code == 0
    for name in out.split():
        assert Path(name).stat().st_size > 5000
    code, out, _ = command(*SMALL, "--policy", "fmfe,independent", "--json")
    assert set(json.loads(out)["policies"]) == {"fmfe", "independent"}


def test_quantiles_are_printed_saved_and_drawn(command, tmp_path):
    counted = ("--histogram", "pool_jobs=0:40:40,jobs_per_server=0:1:2")
    code, out, _ = command(*SMALL, *counted, "--quantiles", "0.25,0.5", "--out", tmp_path)
    assert code == 0 and "quantiles over steps" in out and "0.25" in out
    assert load(tmp_path).histograms == ("pool_jobs", "jobs_per_server")
    code, out, _ = command("plot", tmp_path)
    assert code == 0 and "histograms.svg" in out
    code, out, _ = command(*SMALL, *counted, "--quantiles", "0.25,0.5", "--json")
    found = json.loads(out)["quantiles"]
    assert set(found["pool_jobs"]) == {"0.25", "0.5"}
    e = load(tmp_path).quantile("pool_jobs", 0.5)
    assert found["pool_jobs"]["0.5"] == {"value": e.mean, "half_width": e.half_width, "level": 0.95}


@pytest.mark.parametrize(
    "bad",
    [
        ["--quantiles", "0.5"],
        ["--histogram", "pool_jobs=0:1:2", "--quantiles", "2"],
        ["--histogram", "pool_wait=0:1:2"],
    ],
)
def test_quantiles_that_make_no_sense_are_refused(command, bad):
    code, _, err = command(*SMALL, *bad)
    assert code == 2 and len(err.strip().splitlines()) == 1


def test_config_file_words_and_options(command, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(
        'servers = 4\ntoken_cap = 8\nhorizon = 40\nwarmup = 0\nreplications = 6\npolicy = "fmfe"\n'
    )
    code, out, _ = command("simulate", "pooling", "--config", config, "servers=5", "--json")
    assert code == 0 and json.loads(out)["spec"]["servers"] == 5


BAD = {
    "unknown family": (["simulate", "poling"], "did you mean pooling"),
    "unknown key": ([*SMALL, "tokencap=3"], "did you mean token_cap"),
    "unknown policy": ([*SMALL, "--policy", "fmfee"], "did you mean fmfe"),
    "negative rate": ([*SMALL, "arrival_rate=-1"], "arrival_rate = -1"),
    "unstable": ([*SMALL, "arrival_rate=1.5"], "arrival_rate"),
    "text for a number": ([*SMALL, "arrival_rate=fast"], "arrival_rate = fast"),
    "not a number": ([*SMALL, "arrival_rate=NaN"], "arrival_rate"),
    "no replications": ([*SMALL[:-1], "0"], "replications = 0"),
    "replications in words": ([*SMALL[:-1], "many"], "replications = many"),
    "negative horizon": (["simulate", "pooling", "--horizon", "-5"], "horizon = -5"),
    "zero precision": ([*SMALL, "--precision", "0"], "precision = 0"),
    "no equals sign": ([*SMALL, "servers"], "key=value"),
    "no value": ([*SMALL, "servers="], "key=value"),
    "option without value": (["simulate", "pooling", "--horizon"], "--horizon"),
    "unknown option": (["simulate", "pooling", "--horizn", "5"], "--horizn"),
    "unknown command": (["simulat"], "simulat"),
    "missing config": ([*SMALL, "--config", "nowhere.toml"], "config = nowhere.toml"),
    "empty folder": (["plot", "no-such-folder"], "folder"),
    "unknown problem": (["solve", "pooling.nothing"], "problem"),
    "no problem": (["solve", "pooling"], "problem = pooling"),
    "unknown experiment": (["reproduce", "pooling.nothing"], "experiment"),
    "bad scale": (["reproduce", "all", "--scale", "big"], "scale = big"),
    "buffer 0": (["simulate", "balancing", "buffer=0"], "buffer = 0"),
    "unknown topology": (["simulate", "balancing", "topology=donut"], "topology = donut"),
    "missing graph": (["simulate", "balancing", "topology=file", "path=nowhere.edges"], "nowhere.edges"),
    "negative delay": (["simulate", "balancing", "delay=-1"], "delay = -1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gives_one_line_and_exit_code_2(command, case):
    words, expected = BAD[case]
    code, out, err = command(*words)
    assert code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert expected in err


def test_graph_files_that_are_no_networks_are_refused(command, tmp_path):
    files = {"empty.edges": "", "apart.edges": "a b\nc d\n", "words.edges": "only\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        code, _, err = command("simulate", "balancing", "topology=file", f"path={tmp_path / name}")
        assert code == 2 and err.count("\n") == 1 and "path" in err, name


def test_untrustworthy_numbers_give_exit_code_3(command):
    words = ["arrival_rate=0.9", "waits=exact", "pool_slots=1", "token_probability=0.95"]
    code, out, _ = command(*SMALL, *words, "--json")
    assert code == 3
    assert json.loads(out)["status"]["BUFFER_OVERFLOW"] > 0
    code, out, _ = command(*SMALL, *words)
    assert code == 3 and "NOT TRUSTWORTHY" in out


def test_list_and_help_load_nothing_heavy():
    program = (
        "import sys, jaxsim.cli as c\n"
        "sys.argv = ['jaxsim', *sys.argv[1:]]\n"
        "try: c.main()\n"
        "except SystemExit: pass\n"
        "heavy = ('jax', 'scipy', 'networkx', 'matplotlib', 'flax')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    for words in (["--help"], ["list"], ["list", "--json"], ["simulate", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ,
        )
        assert done.stderr.strip().endswith("[]"), (words, done.stderr)
        assert ("families" if "--json" in words else "simulate") in done.stdout


def test_the_installed_command_runs():
    program = Path(sys.executable).with_name("jaxsim")
    done = subprocess.run(
        [program, "simulate", "pooling", "servers=x"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr and "servers = x" in done.stderr


def test_list_of_a_family_shows_keys_and_policies(command):
    code, out, _ = command("list", "pooling")
    assert code == 0
    for word in ("token_cap", "independent", "pool_wait", "jaxsim simulate pooling"):
        assert word in out
