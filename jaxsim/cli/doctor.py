"""``jaxsim doctor``: what there is to compute with, and whether it computes right."""

from __future__ import annotations

import dataclasses
import os
import sys
import textwrap
import time
from importlib import metadata, util
from typing import Any

import typer

from jaxsim.cli import shared
from jaxsim.cli.app import AsJson, app

EXTRAS = {
    "cli": ("typer", "rich"),
    "graphs": ("networkx",),
    "plots": ("matplotlib",),
    "theory": ("scipy",),
    "env": ("gymnasium",),
}
"""The optional parts and the packages that bring them."""


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Show devices, memory and versions; check in a few seconds that this machine agrees with theory."""
    shared.use_all_cores()
    facts = {"devices": _devices(), "memory_gib": _memory(), "versions": _versions(), "extras": _extras()}
    if not as_json:
        _print_facts(facts)
        print("\ncompiling and simulating ...", file=sys.stderr)
    from jaxsim.experiments.selftest import selftest

    clock = time.perf_counter()
    report = selftest()
    report = dataclasses.replace(report, wall_seconds=time.perf_counter() - clock)
    well = all(claim.verdict == "reproduced" for claim in report.claims)
    if as_json:
        shared.print_json({**facts, "selftest": report.plain(), "well": well})
    else:
        from rich.console import Console

        from jaxsim.plots.tables import report_table

        Console().print(report_table(report))
        print("all is well" if well else "NOT WELL: numbers from this machine must not be trusted")
    if not well:
        raise typer.Exit(3)


def _devices() -> list[str]:
    """Return each kind of device with its number, and its memory where it tells."""
    import jax

    kinds: dict[str, list[Any]] = {}
    for device in jax.devices():
        kinds.setdefault(f"{device.platform} ({device.device_kind})", []).append(device)
    found = []
    for kind, devices in kinds.items():
        limit = (devices[0].memory_stats() or {}).get("bytes_limit")
        found.append(f"{len(devices)} x {kind}" + (f", {limit / 2**30:.1f} GiB each" if limit else ""))
    return found


def _memory() -> float | None:
    """Return the machine's memory in GiB, where the system tells."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _versions() -> dict[str, str]:
    from jaxsim.results import versions

    others = {package: metadata.version(package) for package in ("optax", "flax")}
    return {**versions(), **others}


def _extras() -> dict[str, bool]:
    """Return which optional parts are there."""
    return {extra: all(util.find_spec(name) for name in names) for extra, names in EXTRAS.items()}


def _print_facts(facts: dict[str, Any]) -> None:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    lines = [
        ("devices", "; ".join(facts["devices"])),
        ("memory", f"{facts['memory_gib'] or '?'} GiB"),
        ("versions", versions),
    ]
    for extra, there in facts["extras"].items():
        if not there:
            brings = ", ".join(EXTRAS[extra])
            lines.append(("missing", f"pip install 'jaxsim-allocation[{extra}]' brings {brings}"))
    for name, text in lines:
        print(textwrap.fill(text, 80, initial_indent=f"{name:<10}", subsequent_indent=" " * 10))
