"""Run suites, each in a process of its own, and write what they found."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import guard, record
from benchmarks.harness.machine import machine_lines
from benchmarks.harness.plot import draw
from benchmarks.harness.rows import case_of

HERE = Path(__file__).parent
SUITES = tuple(sorted(path.stem for path in (HERE / "suites").glob("[a-z]*.py")))
ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1",
}  # fmt: skip


def on_cpu() -> bool:
    """Whether JAX finds no accelerator here (asked in a process of its own)."""
    ask = "import jax; print(jax.default_backend())"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip() in ("cpu", "")


def environment(cpu: bool) -> dict[str, str]:
    """The environment of a suite: on a CPU everything runs on one thread."""
    around = dict(
        os.environ, PYTHONPATH=os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    )
    if cpu:
        flags = "--xla_cpu_multi_thread_eigen=false " + os.environ.get("XLA_FLAGS", "")
        around |= ONE_THREAD | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return around


def pin() -> None:
    """Keep this process on one core: the last of those that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Printer:
    """Prints lines as they come, and keeps them for the file."""

    def __init__(self, stream: Any):
        """Print to a stream."""
        self.stream, self.lines = stream, list[str]()

    def __call__(self, *lines: str) -> None:
        """Print lines."""
        self.lines += lines
        print(*lines, sep="\n", file=self.stream, flush=True)


def run(name: str, cpu: bool, quick: bool, show: Callable[..., None]) -> dict[str, Any] | None:
    """Run one suite, its table shown as it grows; return what it found, or None if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "found.json"
        command = [sys.executable, "-m", "benchmarks.suite", name, "--to", str(target)]
        command += ["--quick"] if quick else []
        pinned = pin if cpu else None
        with subprocess.Popen(
            command, env=environment(cpu), stdout=subprocess.PIPE, text=True, preexec_fn=pinned
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                show(line.rstrip("\n"))
        return json.loads(target.read_text()) if process.returncode == 0 else None


def parser() -> argparse.ArgumentParser:
    """The options; `jaxsim bench` hands them on."""
    words = argparse.ArgumentParser(prog="jaxsim bench", description="Speed beside correctness and peers.")
    words.add_argument("suites", nargs="*", metavar="SUITE", help=f"default: all of {', '.join(SUITES)}")
    words.add_argument("--json", action="store_true", help="one JSON object on standard output")
    words.add_argument("--out", type=Path, help="folder for table.txt, bench.json and plots")
    words.add_argument(
        "--quick", action="store_true", help="fewer sizes and repeats: a look, not a measurement"
    )
    words.add_argument(
        "--record", action="store_true", help="write this device's part of benchmarks/RESULTS.md"
    )
    words.add_argument("--check", action="store_true", help="hold the ratios against benchmarks/ratios.json")
    words.add_argument("--keep", action="store_true", help="keep this run's ratios in benchmarks/ratios.json")
    return words


def measure(suites: list[str], quick: bool, show: Callable[..., None]) -> dict[str, Any]:
    """Run the suites; return machine, suites and seconds as plain values."""
    cpu, began = on_cpu(), time.perf_counter()
    machine = run("machine", cpu, quick, show)
    assert machine is not None, "the device could not be measured"
    show(*machine_lines(machine))
    found: dict[str, Any] = {}
    for name in suites:
        show("", f"== {name} ".ljust(80, "="))
        found[name] = run(name, cpu, quick, show)
        if found[name] is None:
            show(f"FAILED: suite {name} ended with an error")
    seconds = time.perf_counter() - began
    show("", f"{len(suites)} suites in {seconds:.0f} s")
    return {"machine": machine, "suites": found, "quick": quick, "seconds": seconds}


def main() -> int:
    """Return the exit code: 0, 1 if a suite failed or a ratio fell, 2 for bad input."""
    given = parser().parse_args()
    suites = given.suites or list(SUITES)
    for name in suites:
        if name not in SUITES:
            print(f"error: SUITE = {name} is not known: choose from {', '.join(SUITES)}", file=sys.stderr)
            return 2
    show = Printer(sys.stderr if given.json else sys.stdout)
    found = measure(suites, given.quick, show)
    bad = [name for name, suite in found["suites"].items() if suite is None]
    if given.check:
        fallen = guard.check(found)
        show(*(fallen or ["every ratio holds"]))
        bad += fallen
    if given.keep:
        guard.write(found)
    if given.out is not None:
        write(found, show.lines, given.out)
        show(f"written to {given.out}")
    if given.record:
        show(f"written to {record.record(found)}")
    if given.json:
        print(json.dumps(found))
    return 1 if bad else 0


def write(found: dict[str, Any], lines: list[str], folder: Path) -> None:
    """Write the table, the JSON and the plots of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text("\n".join(lines) + "\n")
    (folder / "bench.json").write_text(json.dumps(found, indent=1) + "\n")
    for name, suite in found["suites"].items():
        if suite is not None:
            draw([case_of(case) for case in suite["cases"]], folder / name)
