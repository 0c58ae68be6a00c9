"""Rows of peers: C++ programs compiled on the spot, and Python packages that may be missing."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.clock import timed
from benchmarks.harness.rows import Answer, Row, pooled

FOLDER = Path(__file__).parents[1] / "peers"


@functools.lru_cache(maxsize=1)
def _workshop() -> Path:
    folder = tempfile.mkdtemp(prefix="jaxsim-peers-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def compiler() -> str | None:
    """The C++ compiler of this machine; CXX names another one."""
    given = os.environ.get("CXX")
    return given or shutil.which("g++") or shutil.which("clang++")


@functools.lru_cache(maxsize=64)
def built(name: str) -> str | None:
    """Compile ``peers/NAME.cpp`` once; None where there is no compiler or it does not take the program."""
    using = compiler()
    if using is None:
        return None
    program = _workshop() / name
    command = [using, "-O3", "-march=native", "-std=c++17", "-o", str(program), str(FOLDER / f"{name}.cpp")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return str(program) if done.returncode == 0 else None


def program(name: str, words: Callable[[int], list[Any]], who: str, repeats: int, note: str = "") -> Row:
    """Run a C++ peer under seeds 1 .. repeats; it prints one JSON object.

    ``{"work": units, "seconds": CPU seconds, "null": share, "answers": {name: [mean, standard error]}}``;
    a standard error of 0 means that the scatter of the repeats gives it.
    """
    path = built(name)
    if path is None:
        return Row(who, note="no C++ compiler" if compiler() is None else "does not compile here")
    found = []
    for seed in range(1, repeats + 1):
        done = subprocess.run([path, *map(str, words(seed))], capture_output=True, text=True, check=False)
        if done.returncode:
            return Row(who, note=f"exit code {done.returncode} {done.stderr.strip()[:40]}")
        found.append(json.loads(done.stdout))
    rates = [one["work"] / one["seconds"] for one in found]
    names = found[0]["answers"]
    answers = {k: pooled([Answer(*one["answers"][k]) for one in found]) for k in names}
    middle = statistics.median(rates)
    return Row(
        who, middle, (max(rates) - min(rates)) / 2 / middle, repeats, answers, found[0].get("null"), note=note
    )


def package(
    needs: str, call: Callable[[int], tuple[float, dict[str, Any]]], who: str, repeats: int, note: str = ""
) -> Row:
    """Time a Python peer (the first call compiles), or say that it is not installed.

    Args:
        needs: the module to import. call: seed -> (units of work, answers: a number, or it and its error).
    """
    if importlib.util.find_spec(needs) is None:
        return Row(who, note="not installed (pip install 'jaxsim-allocation[bench]')")
    found = timed(call, repeats)
    rates = [work / seconds for (work, _), seconds in zip(found.results, found.seconds, strict=True)]
    names = found.results[0][1]
    answers = {k: pooled([_answer(r[1][k]) for r in found.results]) for k in names}
    middle = statistics.median(rates)
    compiled = max(0.0, found.first - found.median)
    return Row(
        who, middle, (max(rates) - min(rates)) / 2 / middle, repeats, answers, compiled=compiled, note=note
    )


def _answer(value: Any) -> Answer:
    return Answer(*value) if isinstance(value, tuple) else Answer(float(value))
