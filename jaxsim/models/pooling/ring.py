"""The shared pool as a first-come-first-served queue of jobs with owners and times of request."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Bool, Int, UInt32
from jaxsim.models.pooling.spec import Ring


class Served(NamedTuple):
    """What a turn tells: the wait in steps of the job that left (0 if none), and if one found no slot."""

    waited: Int[Array, ""]
    overflow: Bool[Array, ""]


def empty(slots: int, first_queue: Int[Array, ""]) -> Ring:
    """Return an empty pool, and server 0's own queue."""
    none = jnp.int32(0)
    return Ring(jnp.zeros(slots, jnp.int32), jnp.zeros(slots, jnp.uint32), none, none, first_queue)


def turn(
    ring: Ring,
    length: Int[Array, ""],
    step: UInt32[Array, ""],
    server: Int[Array, ""],
    joins: Bool[Array, ""],
    leaves: Bool[Array, ""],
    added: Int[Array, ""],
) -> tuple[Ring, Served]:
    """Let a job of ``server`` join, or the oldest job leave, or neither; never both.

    ``added`` is what the event adds to the server's own queue, which is kept of server 0 only.

    A job that joins is written behind the last one whether or not it joins: the slot is free, so the write
    does no harm and needs no branch.
    """
    mask = np.int32(ring.owner.shape[0] - 1)
    tail = (ring.head + length) & mask
    overflow = joins & (length > mask)
    oldest_owner = ring.owner.at[ring.head].get(mode="promise_in_bounds")
    oldest_since = ring.since.at[ring.head].get(mode="promise_in_bounds")
    # With every slot taken the tail is the head: keep the oldest job and let the status bit tell.
    slot_owner = jnp.where(length > mask, oldest_owner, server)
    slot_since = jnp.where(length > mask, oldest_since, step)
    owner = ring.owner.at[tail].set(slot_owner, mode="promise_in_bounds", unique_indices=True)
    since = ring.since.at[tail].set(slot_since, mode="promise_in_bounds", unique_indices=True)
    waited = jnp.where(leaves, (step - oldest_since).astype(jnp.int32), 0)
    first = ring.owned_by_first + (joins & (server == 0)) - (leaves & (oldest_owner == 0))
    head = (ring.head + leaves.astype(jnp.int32)) & mask
    first_queue = ring.first_queue + jnp.where(server == 0, added, 0)
    return Ring(owner, since, head, first.astype(jnp.int32), first_queue), Served(waited, overflow)
