"""``jaxsim bench``: speed beside correctness, peers and the device's limits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from jaxsim.cli.app import AsJson, Out, app
from jaxsim.core.validation import require

CLONE = Path(__file__).parents[2]
"""Where the repository is, if this is a clone: the benchmarks are not in the wheel."""


@app.command()
def bench(
    suites: Annotated[
        list[str] | None, typer.Argument(metavar="[SUITE]...", help="families to measure (default: all)")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="fewer sizes and repeats: a look only")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="write this device's part of benchmarks/RESULTS.md")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="fail if a ratio fell below benchmarks/ratios.json")
    ] = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Measure speed beside correctness, peers and the device's limits (needs a clone)."""
    missing = "is not here: the benchmarks are not in the wheel"
    remedy = "run from a clone of the repository, installed with 'pip install -e .[all,bench]'"
    require((CLONE / "benchmarks" / "main.py").is_file(), "benchmarks", str(CLONE), missing, remedy)
    flags = {"--quick": quick, "--record": record, "--check": check, "--json": as_json}
    words = [*(suites or []), *(flag for flag, on in flags.items() if on)]
    words += ["--out", str(out.resolve())] if out is not None else []
    done = subprocess.run([sys.executable, "-m", "benchmarks", *words], cwd=CLONE, check=False)
    raise typer.Exit(done.returncode)
