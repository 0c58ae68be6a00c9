"""Memory: what the devices have, what the user allows, and less of it when an allocation fails."""

from __future__ import annotations

import dataclasses
import os
import re
import warnings
from pathlib import Path
from typing import Any

from jaxsim.core.validation import positive, refuse, require
from jaxsim.engine.plan import Plan

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
SHARE = 0.5
"""Of the free memory that is used unless the user says how much: the rest is left to others and to XLA."""
UNKNOWN = 1 << 30
REMEDY = "give bytes, or a number with a unit, such as 512MB or 2GiB"
_CGROUP = Path("/sys/fs/cgroup")


def budget(memory: Any, devices: tuple[Any, ...]) -> int:
    """Return how many bytes to use over all devices: those asked for (2e9, "2GB", "512 MiB"), or a share.

    Raises:
        InvalidInput: if it is not a positive number of bytes.
    """
    if memory is None:
        return int(SHARE * free(devices))
    size = float(positive("memory", _bytes(memory) if isinstance(memory, str) else memory))
    require(size >= 1, "memory", memory, "is less than a byte", REMEDY)
    return int(size)


def _bytes(text: str) -> float:
    found = re.fullmatch(r"\s*(\d+\.?\d*(?:[eE]\+?\d{1,2})?)\s*([A-Za-z]*)\s*", text)
    unit = UNITS.get((found[2] or "B").upper()) if found else None
    if found is None or unit is None:
        refuse("memory", text, "is not a size", REMEDY)
    return float(found[1]) * unit


def free(devices: tuple[Any, ...]) -> int:
    """Return the free bytes of all devices together; 1 GiB each where a device does not tell."""
    if devices[0].platform == "cpu":
        return free_on_host()
    stats = [device.memory_stats() or {} for device in devices]
    return sum(s["bytes_limit"] - s.get("bytes_in_use", 0) if "bytes_limit" in s else UNKNOWN for s in stats)


def free_on_host() -> int:
    """Return the bytes that this process can still have: of the machine, and of its control group."""
    found = []
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) << 10)
    except (OSError, KeyError, ValueError):
        names = os.sysconf_names if hasattr(os, "sysconf_names") else {}
        if "SC_PHYS_PAGES" in names:
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    try:
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        found.append(limit - used)
    except (OSError, ValueError):  # no control group, or one without a limit
        pass
    return max(min(found, default=UNKNOWN), 1)


def smaller(plan: Plan, error: Exception) -> Plan:
    """Return the plan with half of the replications at once, and say so; any other error is raised again.

    Raises:
        InvalidInput: if there is only one replication on each device already.
    """
    if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in str(error):
        raise error
    remedy = "simulate a smaller system, or use a device with more memory"
    halves = plan.chunks > 1 or plan.lanes > 1
    require(halves, "memory", str(error), "one replication does not fit the device", remedy)
    chunks, lanes = (plan.chunks + 1) // 2, plan.lanes
    if plan.chunks == 1:
        lanes = (plan.lanes + 1) // 2
    now = dataclasses.replace(plan, chunks=chunks, lanes=lanes)
    text = f"memory ran out: going on with {now.batch} replications at once in the place of {plan.batch}"
    warnings.warn(text, RuntimeWarning, stacklevel=2)
    return now
