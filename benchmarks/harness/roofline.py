"""The limits of the device at hand, measured: how fast it copies, and how fast it computes.

A program that moves b bytes and does o operations per unit cannot do more than min(bandwidth / b, rate / o)
units per second. The bandwidth is that of a copy of the program's own working set, since a cache is faster
than memory; the rate is that of 32-bit integer operations, which is what these kernels mostly do.

Source: Williams, Waterman, Patterson (2009), "Roofline: an insightful visual performance model".
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.harness.clock import timed

OPTIONS: Any = {"xla_cpu_prefer_vector_width": 512}
WHOLE = 1 << 28
"""Bytes of the largest array that is copied: beyond every cache."""
ROTATIONS = (13, 15, 26, 6)


def _rate(body: Any, array: Any, work: float, seconds: float = 0.05) -> float:
    """Work per second of a loop whose body does so much of it, on an array that is overwritten."""

    @functools.partial(jax.jit, compiler_options=OPTIONS, donate_argnums=0)
    def loop(x: Any, count: Any) -> Any:
        return lax.fori_loop(0, count, lambda _, y: body(y), x)

    held = [array]

    def call(count: int) -> Any:
        held[0] = loop(held[0], count)
        return held[0]

    count = 1
    while (best := min(timed(lambda _, n=count: call(n), 3).seconds)) < seconds and count < 1 << 24:
        count *= 4
    return count * work / best


@functools.lru_cache(maxsize=64)
def _copied(size: int) -> float:
    array = jnp.zeros(size // 4, jnp.uint32)
    return _rate(lambda x: x + np.uint32(1), array, 2.0 * size)


def copy_bandwidth(working_set: float) -> float:
    """Bytes read and written per second while an array of about that many bytes is rewritten."""
    size = 1 << max(14, min(WHOLE.bit_length() - 1, round(float(np.log2(max(1.0, working_set))))))
    return _copied(size)


@functools.lru_cache(maxsize=1)
def arithmetic_rate() -> float:
    """32-bit integer operations per second in a mix of adds, rotations and exclusive ors.

    Counted as XLA counts them, so that both sides of the roofline use one measure: a rotation is two shifts
    and an or, though some processors do it in one instruction.
    """
    lanes = 4096 if jax.default_backend() == "cpu" else 1 << 22

    def body(x: Any) -> Any:
        for turn in ROTATIONS:
            x = x + np.uint32(0x9E3779B9)
            x = x ^ ((x << np.uint32(turn)) | (x >> np.uint32(32 - turn)))
        return x

    return _rate(body, jnp.arange(lanes, dtype=jnp.uint32), 5.0 * len(ROTATIONS) * lanes)


def share(rate: float, bytes_each: float, operations: float, working_set: float) -> tuple[float, str]:
    """Share of what the limits allow that a rate reaches, and the limit that binds."""
    by_bytes, by_operations = bytes_each / copy_bandwidth(working_set), operations / arithmetic_rate()
    return rate * max(by_bytes, by_operations), "bytes" if by_bytes > by_operations else "operations"
