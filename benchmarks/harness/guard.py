"""The regression guard: how many times as fast as each peer jaxsim must stay. Ratios, never seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.harness.rows import Case, case_of

FILE = Path(__file__).parents[1] / "ratios.json"
TOLERANCE = 0.4
"""Share of a ratio that may be lost: short runs on a machine that others share scatter by 20 to 30 %."""


def ratios(cases: list[Case]) -> dict[str, float]:
    """Every ratio of a run, by "case | peer"."""
    found = {f"{case.name} | {row.who}": case.ratio(row) for case in cases for row in case.rows}
    return {name: ratio for name, ratio in found.items() if ratio is not None}


def check(found: dict[str, Any], file: Path = FILE) -> list[str]:
    """Hold a run against the file; return a line for each ratio that fell, and for each wrong answer.

    A ratio falls if it is below its value in the file times ``1 - tolerance``, the tolerance stated there. A
    peer that is not installed, or a ratio of a suite that was not run, is not judged.
    """
    kept = json.loads(file.read_text())
    lines = []
    for suite, result in found["suites"].items():
        cases = [case_of(case) for case in (result or {"cases": []})["cases"]]
        now = ratios(cases)
        for name, least in kept["ratios"].get(suite, {}).items():
            bound = least * (1 - kept["tolerance"])
            if name in now and now[name] < bound:
                lines.append(f"FELL: {suite}: {name}: {now[name]:.2f}, at least {bound:.2f} is kept")
        for case in cases:
            for row in case.rows:
                if case.wrong(row):
                    lines.append(f"WRONG: {suite}: {case.name}: {row.who}: {', '.join(case.wrong(row))}")
    return lines


def write(found: dict[str, Any], file: Path = FILE, tolerance: float = TOLERANCE) -> None:
    """Keep the ratios of a run (other suites' stay)."""
    kept: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {"ratios": {}}
    for suite, result in found["suites"].items():
        if result is not None:
            now = ratios([case_of(case) for case in result["cases"]])
            kept["ratios"][suite] = {name: float(f"{value:.3g}") for name, value in now.items()}
    kept["tolerance"] = tolerance
    file.write_text(json.dumps(kept, indent=1) + "\n")
