"""What schedulers see, and what they can do about it.

Slot 0 of a node is its own queue, slot k its k-th neighbour's. Actions hold one array of N entries per slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Bool, Float, Int, Num, UInt, UInt8, UInt16, UInt32


@dataclass(frozen=True)
class Observation:
    """What can be seen at the start of an epoch.

    queues: the queue behind slot 0 .. d of each node, one array of N for each slot.
    open: whether a node has that slot (True where all have it).
    degrees: number of neighbours of each node. regime: the arrival regime, for policies that may see it.
    units: least common multiple of the degrees (static).
    speeds: service rates behind slot 0 .. d, or None where all servers are equal.
    fair_units: least common multiple of the degrees + 1 where replications have graphs of their own (static).
    """

    queues: tuple[Array, ...]
    open: tuple[Bool[Array, " nodes"] | bool, ...]
    degrees: Int[Array, " nodes"]
    regime: Int[Array, ""]
    units: int = 1
    speeds: tuple[Array, ...] | None = None
    fair_units: int | None = None


@pytree
class Slots:
    """What each node puts into each slot 0 .. d: whole L-ths of its packets, or shares that sum to 1."""

    parts: tuple[Num[Array, " nodes"], ...]


@pytree
class Offload:
    """Probability with which each packet of a node goes to a uniformly chosen neighbour."""

    chance: Float[Array, " nodes"]


@pytree
class OwnState:
    """Each node offloads by its own state only: ``table[regime, state]`` is the probability per packet."""

    table: Float[Array, "regimes states"]


@pytree
class Fixed:
    """Arrival rates that never change: uniform routing over the closed neighbourhood, or own queue only."""

    uniform: bool = static()


def blank(policy: Any, nodes: int) -> UInt[Array, " count"]:
    """Return words of the kind that the policy reads (see its ``bits``), all zero."""
    return jnp.zeros(nodes if policy.bits else 0, jnp.uint16 if policy.bits == 16 else jnp.uint32)


def pick(count: UInt8[Array, "*n"], word: UInt16[Array, "*n"]) -> UInt8[Array, "*n"]:
    """Return a number uniform on 0 .. count - 1 (to within 2**-16) from 16 random bits."""
    product = word.astype(jnp.uint32) * count.astype(jnp.uint32)
    return (product >> np.uint32(16)).astype(jnp.uint8)


def one_of(members: tuple[Bool[Array, " nodes"], ...], word: UInt16[Array, " nodes"]) -> tuple[Array, ...]:
    """Return the indicator, slot by slot, of one member chosen uniformly."""
    place = pick(sum((m.astype(jnp.uint8) for m in members), jnp.uint8(0)), word)
    before = jnp.zeros_like(place)
    chosen = []
    for member in members:
        chosen.append((member & (before == place)).astype(jnp.uint8))
        before = before + member.astype(jnp.uint8)
    return tuple(chosen)


def from_shares(
    shares: tuple[Float[Array, " nodes"], ...], word: UInt32[Array, " nodes"]
) -> tuple[Array, ...]:
    """Return the indicator, slot by slot, of one slot drawn with these shares (which sum to 1)."""
    u = (word >> np.uint32(8)).astype(jnp.float32) * np.float32(2.0**-24)
    below = jnp.zeros_like(u)
    taken = jnp.zeros(u.shape, bool)
    chosen = []
    for k, share in enumerate(shares):
        below = below + share
        here = ~taken & (share > 0) & (u < below)
        chosen.append(here)
        taken = taken | here
        if k == len(shares) - 1:
            # Rounding may leave the sum just below u: the largest share then takes the packets.
            largest = jnp.argmax(jnp.stack(shares), axis=0)
            chosen = [c | (~taken & (largest == i)) for i, c in enumerate(chosen)]
    return tuple(c.astype(jnp.uint8) for c in chosen)
