"""One suite in a process of its own: ``python -m benchmarks.suite NAME --to FILE [--quick]``.

Started by ``python -m benchmarks``, which sets the environment. Prints the table as cases are finished, and
writes them as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.rows import Case
from benchmarks.harness.table import lines_of


def main() -> None:
    """Run one suite."""
    words = argparse.ArgumentParser()
    words.add_argument("name")
    words.add_argument("--to", type=Path, required=True)
    words.add_argument("--quick", action="store_true")
    given = words.parse_args()
    began = time.perf_counter()
    cases: list[Case] = []
    if given.name == "machine":
        from benchmarks.harness.machine import machine

        given.to.write_text(json.dumps(machine()))
        return

    def kept() -> Iterator[Case]:
        for case in importlib.import_module(f"benchmarks.suites.{given.name}").cases(given.quick):
            cases.append(case)
            yield case

    for line in lines_of(kept()):
        print(line, flush=True)
    found = {"seconds": time.perf_counter() - began, "cases": [case.plain() for case in cases]}
    given.to.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
