"""The wheel and the source archive install into an empty environment and work there.

With the newest dependencies and with the oldest that pyproject.toml declares. Needs a package index.
"""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from jaxsim.cli.doctor import EXTRAS

ROOT = Path(__file__).parents[2]
SMOKE = Path(__file__).with_name("smoke.py")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(*words, **options):
    """Run a program without this repository on the path; return its output, or fail with it."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, env=environment, timeout=1200, **options
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def environment(folder):
    """Return the interpreter of a new, empty environment."""
    run(sys.executable, "-m", "venv", folder)
    return folder / "bin" / "python"


def install(python, *words):
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    python = environment(folder / "builder")
    install(python, "build")
    run(python, "-m", "build", "--outdir", folder, ROOT)  # the source archive, and the wheel made from it
    return {path.suffix: path for path in folder.iterdir() if path.is_file()}


def oldest():
    """Return constraints that pin every declared lower bound."""
    extras = [line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra]]
    return [line.replace(">=", "==") for line in (*PROJECT["dependencies"], *extras)]


def test_declared_parts_are_those_that_the_doctor_knows():
    for extra, packages in EXTRAS.items():
        declared = {re.split(r"[\[>=]", line)[0] for line in PROJECT["optional-dependencies"][extra]}
        assert declared == set(packages)
    assert all(re.fullmatch(r"[\w\[\]-]+>=[\d.]+", line) for line in PROJECT["dependencies"])
    minors = {c.rpartition(".")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)}
    assert minors == {"11", "12", "13"} and PROJECT["requires-python"] == ">=3.11"


@pytest.mark.slow
def test_archives_hold_what_they_should(built):
    wheel = zipfile.ZipFile(built[".whl"]).namelist()
    assert {"jaxsim/py.typed", "jaxsim/plots/page.css"} <= set(wheel)
    assert all(name.startswith(("jaxsim/", "jaxsim_allocation-")) for name in wheel)
    with tarfile.open(built[".gz"]) as archive:
        parts = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"jaxsim", "tests", "scripts", "benchmarks", "README.md", "pyproject.toml"} <= parts


@pytest.mark.slow
@pytest.mark.parametrize("age", ["newest", "oldest"])
def test_installed_in_an_empty_environment(built, tmp_path, age):
    python = environment(tmp_path / "venv")
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(oldest() if age == "oldest" else []))
    install(python, "--constraint", constraints, f"{built['.whl']}[all]")
    work = tmp_path / "elsewhere"
    work.mkdir()
    assert "smoke: well" in run(python, SMOKE, work, cwd=work)
