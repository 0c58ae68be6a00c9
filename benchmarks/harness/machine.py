"""What the numbers were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

PACKAGES = ("jax", "jaxlib", "numpy", "numba", "scipy", "simpy", "ciw", "quantecon", "markovianbandit-pkg")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _compiler() -> str:
    from benchmarks.harness.peers import compiler

    using = compiler()
    if using is None:
        return "none"
    done = subprocess.run([using, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0] if done.stdout else using


def machine() -> dict[str, Any]:
    """Device, processor and versions, as plain values; measures the device's limits."""
    import jax

    from benchmarks.harness.roofline import WHOLE, arithmetic_rate, copy_bandwidth

    device = jax.devices()[0]
    return {
        "backend": jax.default_backend(),
        "device": device.device_kind,
        "devices": jax.device_count(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "compiler": _compiler(),
        "versions": {name: _version(name) for name in PACKAGES},
        "copy_bytes_per_second_cache": copy_bandwidth(1 << 19),
        "copy_bytes_per_second_memory": copy_bandwidth(WHOLE),
        "integer_operations_per_second": arithmetic_rate(),
    }


def machine_lines(found: dict[str, Any]) -> list[str]:
    """The same for the head of a table."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    clock = "CPU seconds of one pinned core" if found["backend"] == "cpu" else "wall-clock seconds"
    return [
        f"{found['backend']}: {found['device']}; {found['processor']}, {found['cores']} cores",
        f"Python {found['python']}; {found['compiler']}",
        versions,
        f"times: {clock}; M/s: million units per second, median; ±: half the range of repeats",
        f"copy {found['copy_bytes_per_second_cache'] / 1e9:.1f} GB/s in cache, "
        f"{found['copy_bytes_per_second_memory'] / 1e9:.1f} GB/s in memory; "
        f"{found['integer_operations_per_second'] / 1e9:.1f} G integer operations/s",
        "roof: share of what these limits allow the counted bytes and operations",
    ]
