"""Trouble inside a kernel: bits of a status word that travels in the state and ends in the Result."""

from __future__ import annotations

import enum

import jax.numpy as jnp
import numpy as np

from jaxsim.core.errors import UntrustworthyResult
from jaxsim.core.types import Array, Bool, UInt32


class Status(enum.IntFlag):
    """What can go wrong inside a kernel; a replication's word is the union over its steps."""

    NON_FINITE = 1
    QUEUE_OVERFLOW = 2
    BUFFER_OVERFLOW = 4
    INFEASIBLE_ACTION = 8
    NOT_CONVERGED = 16
    COUNTER_OVERFLOW = 32


REMEDY = {
    Status.NON_FINITE: "a number became infinite or NaN: check the rates, prices and the policy's outputs",
    Status.QUEUE_OVERFLOW: "a queue outgrew its integer type: the system is unstable or the horizon too long",
    Status.BUFFER_OVERFLOW: "a ring buffer filled up: give it more slots",
    Status.INFEASIBLE_ACTION: "the policy chose what the model forbids: check its outputs",
    Status.NOT_CONVERGED: "an iteration stopped at its limit: raise the limit or the tolerance",
    Status.COUNTER_OVERFLOW: "a counter left 32 bits: shorten the horizon or add replications instead",
}


def untrustworthy(counts: dict[str, int], replications: int) -> UntrustworthyResult:
    """Return the error that names the bits, how many replications have them, and what to do."""
    return UntrustworthyResult(counts, replications, {name: REMEDY[Status[name]] for name in counts})


def no_trouble() -> UInt32[Array, ""]:
    """Return the empty status word."""
    return jnp.zeros((), jnp.uint32)


def raise_bit(word: UInt32[Array, "*n"], bit: Status, condition: Bool[Array, "*n"]) -> UInt32[Array, "*n"]:
    """Return the word with the bit set where the condition holds."""
    return word | jnp.where(condition, np.uint32(bit), np.uint32(0))


def count_bits(words: np.ndarray) -> dict[str, int]:
    """Return how many of the replications' words have each bit set, named, without the zeros."""
    counts = {bit.name or "": int(np.count_nonzero(words & np.uint32(bit))) for bit in Status}
    return {name: count for name, count in counts.items() if count}
