"""How the work is cut: lanes under vmap, chunks one after another on a device, segments in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax

from jaxsim.core.validation import require

CPU_WORKING_SET = 1 << 20
"""Bytes of state that one loop should keep in a CPU core's cache: half of a common second-level cache."""
CPU_MOST_LANES = 1024
MOST_CHUNKS = 16
LONGEST_CALL, SHORTEST_CALL = 1 << 17, 1 << 9
"""Steps between two looks at the clock, which keep progress, checkpoints and Ctrl-C alive."""
CALL_BYTES = 1 << 35
"""Bytes of state that the steps of one call pass over on a device: some ten seconds of a CPU core."""
MOST_PIECES = 32
WARP = 32
"""An accelerator gets a multiple of this many lanes, if they fit: whole programs of `jaxsim.engine.fused`."""


@dataclass(frozen=True)
class Plan:
    """Replications side by side, ``devices / parts * chunks * lanes`` to a batch; ``longest`` steps a call.

    parts: how many devices share the nodes of one replication (1: none does).
    """

    devices: tuple[Any, ...]
    chunks: int
    lanes: int
    batches: int
    longest: int = LONGEST_CALL
    parts: int = 1

    @property
    def rows(self) -> int:
        """Chunks on all devices: the first axis of everything."""
        return len(self.devices) * self.chunks

    @property
    def batch(self) -> int:
        """Replications in one batch."""
        return self.rows // self.parts * self.lanes


def bytes_of(tree: Any) -> int:
    """Return the bytes of a pytree of arrays or their shapes."""
    leaves = jax.tree.leaves(tree)
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)


def make_plan(
    replications: int, bytes_each: int, devices: tuple[Any, ...], memory: int, parts: int = 1
) -> Plan:
    """Cut the replications so that a loop stays in cache (CPU) or fills the device (GPU), within the memory.

    Lanes and chunks are then evened out, so that as few padding replications as possible are simulated.

    Args:
        replications: how many. bytes_each: of one path on one device. devices, memory: all, over all devices.
        parts: how many devices share the nodes of a replication.

    Raises:
        InvalidInput: if not even one replication per device fits the memory.
    """
    need = 3 * max(bytes_each, 1)  # the state, its successor, and temporaries of the same size
    fit = memory // (need * len(devices))
    require(
        fit >= 1, "memory", memory, "does not hold one replication", f"give at least {need} bytes per device"
    )
    if devices[0].platform == "cpu":
        lanes = max(1, min(CPU_MOST_LANES, CPU_WORKING_SET // max(bytes_each, 1)))
        lanes, most_chunks = min(lanes, fit), MOST_CHUNKS
    else:
        lanes, most_chunks = fit, 1
    groups = len(devices) // parts
    per_batch = groups * lanes * max(1, min(most_chunks, fit // lanes))
    batches = math.ceil(replications / per_batch)
    on_device = math.ceil(replications / (batches * groups))
    chunks = math.ceil(on_device / lanes)
    lanes = math.ceil(on_device / chunks)
    on_cpu = devices[0].platform == "cpu"
    whole = math.ceil(lanes / WARP) * WARP
    lanes = whole if not on_cpu and whole <= fit else lanes
    passed = CALL_BYTES // (chunks * lanes * max(bytes_each, 1)) if on_cpu else LONGEST_CALL
    return Plan(devices, chunks, lanes, batches, max(SHORTEST_CALL, min(LONGEST_CALL, passed)), parts)


def equal_parts(steps: int, parts: int) -> list[int]:
    """Return ``parts`` whole numbers as equal as possible that sum to ``steps`` (fewer if steps are few)."""
    parts = max(1, min(parts, steps))
    return [steps * (i + 1) // parts - steps * i // parts for i in range(parts)]


def calls(slices: list[int], longest: int) -> list[list[tuple[int, int]]]:
    """Return the calls that make up the slices, each a list of pieces (number of its slice, steps).

    A call has at most ``longest`` steps and `MOST_PIECES` pieces; a longer slice takes several calls.
    """
    pieces = [
        (number, length)
        for number, steps in enumerate(slices)
        for length in (equal_parts(steps, math.ceil(steps / longest)) if steps else [])
    ]
    grouped: list[list[tuple[int, int]]] = []
    for piece in pieces:
        last = grouped[-1] if grouped else []
        if last and len(last) < MOST_PIECES and sum(n for _, n in last) + piece[1] <= longest:
            last.append(piece)
        else:
            grouped.append([piece])
    return grouped


def padded(lengths: list[int]) -> list[int]:
    """Return the lengths with zeros up to a power of two, so that few numbers of pieces are ever compiled."""
    return lengths + [0] * ((1 << (len(lengths) - 1).bit_length()) - len(lengths))
