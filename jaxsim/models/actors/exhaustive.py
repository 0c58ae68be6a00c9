"""The maximum over all joint assignments: the oracle that every greedy rule is held against.

max over Γ in the admissible set G(s) of Σ_k r_s(Γ_k) m_k(s), equation (3.1), by enumeration of the (K or K
+ 1)^N joint assignments (`joint_assignments`), scanned one after the other over all states at once.
"""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array
from jaxsim.core.validation import require
from jaxsim.models.actors.assignment import members_of
from jaxsim.models.actors.laws import FiringLaw

LIMIT = 100_000
"""Joint assignments beyond which enumeration is refused, in words, instead of running for hours."""


def joint_assignments(actors: int, actions: int) -> np.ndarray:
    """All joint assignments ``[joint, actors]`` with entries 0 ... actions (the last means idle)."""
    count = (actions + 1) ** actors
    remedy = (
        f"use fewer actors or actions (at most {LIMIT} joint assignments), or the greedy rule where it holds"
    )
    require(count <= LIMIT, "actors", actors, f"gives {count} joint assignments", remedy)
    return np.array(list(itertools.product(range(actions + 1), repeat=actors)), dtype=np.int32)


def admissible(speeds: Array, allowed: Array, caps: Array, joint: Array, *, idle: bool) -> Array:
    """Which joint assignments ``[joint, actors]`` are in A(s): ``[joint, ...]``.

    Actors that are not available (no speed, or no permissible action) count as idle, whatever ``idle`` says.
    """
    actions = caps.shape[0]
    able = allowed & (caps > 0)[None] & (speeds > 0)[:, None]
    free = jnp.any(able, axis=1)  # available actors
    tail = (1,) * (caps.ndim - 1)

    def check(one: Array) -> Array:
        members = members_of(one, actions, jnp.int32).reshape(allowed.shape[:2] + tail)
        working = jnp.sum(members, axis=1) > 0
        permitted = jnp.all(jnp.sum(members * able, axis=1) == working, axis=0)
        fits = jnp.all(jnp.sum(members, axis=0) <= caps, axis=0)
        busy = True if idle else jnp.all(working | ~free, axis=0)
        return permitted & fits & busy

    return jax.vmap(check)(joint)


def best_assignment(
    law: FiringLaw, speeds: Array, allowed: Array, caps: Array, values: Array, joint: Array, *, idle: bool
) -> tuple[Array, Array]:
    """Largest Σ_k r(Γ_k) m_k and the first joint assignment that reaches it: ``([...], [actors, ...])``.

    Where nothing is admissible (no idling and too few places) the value is -inf.
    """
    actions, tail = values.shape[0], (1,) * (values.ndim - 1)

    def look(carry: tuple[Array, Array], one: Array) -> tuple[tuple[Array, Array], None]:
        best, kept = carry
        members = members_of(one, actions, speeds.dtype).reshape(allowed.shape[:2] + tail)
        value = jnp.sum(law.rates(speeds, members) * values, axis=0)
        ok = admissible(speeds, allowed, caps, one[None], idle=idle)[0]
        better = ok & (value > best)
        here = one.reshape(-1, *tail)
        return (jnp.where(better, value, best), jnp.where(better, here, kept)), None

    shape = jnp.broadcast_shapes(values.shape[1:], speeds.shape[1:])
    start = jnp.full(shape, -jnp.inf, values.dtype), jnp.full((allowed.shape[0], *shape), actions, jnp.int32)
    (value, chosen), _ = jax.lax.scan(look, start, jnp.asarray(joint))
    return value, chosen
