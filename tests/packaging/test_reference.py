"""The API reference is built from the docstrings without a warning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "reference.py"


@pytest.mark.slow
def test_the_reference_shows_every_module(tmp_path):
    pytest.importorskip("pdoc", reason="pip install 'jaxsim-allocation[docs]' brings pdoc")
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "Warn" not in done.stderr, done.stderr[-2000:]
    package = SCRIPT.parents[1] / "jaxsim"
    modules = [p.relative_to(package.parent).with_suffix("") for p in package.rglob("*.py")]
    for module in modules:
        if module.name not in ("__init__", "__main__"):
            assert (tmp_path / f"{module}.html").is_file(), module
    assert "replications" in (tmp_path / "jaxsim/engine/simulate.html").read_text()
