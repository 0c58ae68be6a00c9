"""Write what was measured here into RESULTS.md: one part per device, the others left as they are."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from benchmarks.harness.machine import machine_lines
from benchmarks.harness.rows import case_of
from benchmarks.harness.table import lines_of

FILE = Path(__file__).parents[1] / "RESULTS.md"


def marks(device: str) -> tuple[str, str]:
    """The lines around a device's part."""
    return f"<!-- begin {device} -->", f"<!-- end {device} -->"


def part(found: dict[str, Any]) -> list[str]:
    """The part of the device that a run was made on."""
    machine = found["machine"]
    title = (
        f"{machine['device']} ({machine['backend']})" if machine["backend"] != "cpu" else machine["processor"]
    )
    today = datetime.datetime.now(datetime.UTC).date()
    command = "jaxsim bench --record" + (" --quick" if found["quick"] else "")
    lines = [f"## {title}", "", f"`{command}`, {today}, {found['seconds']:.0f} s.", "", "```text"]
    lines += [*machine_lines(machine), "```"]
    for name, suite in found["suites"].items():
        lines += ["", f"### {name}", "", "```text"]
        if suite is None:
            lines += ["failed", "```"]
            continue
        cases = [case_of(case) for case in suite["cases"]]
        lines += [*lines_of(cases), "```"]
    return lines


def record(found: dict[str, Any], file: Path = FILE) -> Path:
    """Replace the part of this kind of device in RESULTS.md, or add it; return the file."""
    kind = "cpu" if found["machine"]["backend"] == "cpu" else "accelerator"
    begin, end = marks(kind)
    lines = file.read_text().splitlines() if file.is_file() else ["# Measured speeds"]
    if begin not in lines:
        lines += ["", begin, end]
    first, last = lines.index(begin), lines.index(end)
    lines[first + 1 : last] = part(found)
    file.write_text("\n".join(lines) + "\n")
    return file
