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
TURNS = 32


def _rate(body: Any, array: Any, work: float, seconds: float = 0.05) -> float:
    """Work per second of a loop whose body does so much of it."""

    @functools.partial(jax.jit, compiler_options=OPTIONS)
    def loop(x: Any, count: Any) -> Any:
        return lax.fori_loop(0, count, lambda _, y: body(y), x)

    count = 1
    while (once := timed(lambda _, n=count: loop(array, n), 3).median) < seconds and count < 1 << 22:
        count *= 4
    # The difference of two lengths leaves out what a call costs, such as a fresh array for the result.
    thrice = timed(lambda _: loop(array, 3 * count), 3).median
    return 2 * count * work / (thrice - once)


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
    """32-bit integer operations per second, of an add, a shift and an exclusive or in turn."""
    lanes = 4096 if jax.default_backend() == "cpu" else 1 << 22

    def body(x: Any) -> Any:
        for turn in range(TURNS):
            x = x + np.uint32(2 * turn + 1)
            x = x ^ (x >> np.uint32(turn % 13 + 3))
        return x

    return _rate(body, jnp.arange(lanes, dtype=jnp.uint32), 3.0 * TURNS * lanes)


def share(rate: float, bytes_each: float, operations: float, working_set: float) -> tuple[float, str]:
    """Share of what the limits allow that a rate reaches, and the limit that binds."""
    by_bytes, by_operations = bytes_each / copy_bandwidth(working_set), operations / arithmetic_rate()
    return rate * max(by_bytes, by_operations), "bytes" if by_bytes > by_operations else "operations"
