"""Assigning actors to actions in one state: the greedy rules of Corollaries 3.1 to 3.5.

All functions are elementwise over trailing axes (states, instances, or none): speeds ``[actors, ...]``,
allowed ``[actors, actions, ...]``, caps ``[actions, ...]``, values ``[actions, ...]`` (the marginal values
m_k, with the action's rate ν_k in them). They return ``[actors, ...]`` the chosen action, or ``actions``
for an actor left without one (idle). Loops over actors and actions are unrolled: they are few, and
unrolled maxima are several times faster than sorts.

Two rules cover all five corollaries, given the order in which the actors choose (`priority_order`):

- `greedy_by_value`: the best remaining action. Corollaries 3.1, 3.2, 3.3 and, as caps fill up one after the
  other with the fastest actors, 3.4.
- `greedy_by_increment`: the action with the largest m_k [r(Γ_k + i) - r(Γ_k)]. Corollary 3.5, and the
  distributed control at the end of sections 3.1 and 3.3.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxsim.core.types import Array
from jaxsim.models.actors.laws import FiringLaw


def members_of(assignment: Array, actions: int, dtype: jnp.dtype | type = jnp.float32) -> Array:
    """Memberships ``[actors, actions, ...]`` from an assignment ``[actors, ...]``; idle belongs to none."""
    return jnp.stack([assignment == k for k in range(actions)], axis=1).astype(dtype)


def assignment_rate(law: FiringLaw, speeds: Array, assignment: Array, actions: int) -> Array:
    """r(Γ_k) for every action of an assignment, ``[actions, ...]``."""
    return law.rates(speeds, members_of(assignment, actions, speeds.dtype))


def assignment_value(law: FiringLaw, speeds: Array, assignment: Array, values: Array) -> Array:
    """Σ_k r(Γ_k) m_k, the part of equation (3.1) that the assignment decides, ``[...]``."""
    return jnp.sum(assignment_rate(law, speeds, assignment, values.shape[0]) * values, axis=0)


def _choose(scores: list[Array], idle: bool) -> tuple[Array, Array]:
    """Index of the first largest score, or their number if there is none, and that score, or 0.

    Idling wins over negative scores only. An option that is not open has the score -inf.
    """
    best, index = scores[0], jnp.zeros(scores[0].shape, jnp.int32)
    for k, score in enumerate(scores[1:], start=1):
        better = score > best
        best, index = jnp.where(better, score, best), jnp.where(better, k, index)
    none = (best < 0) if idle else (best == -jnp.inf)
    return jnp.where(none, len(scores), index), jnp.where(none, 0.0, best)


def greedy_by_value(
    speeds: Array, allowed: Array, caps: Array, values: Array, *, idle: bool, capped: bool = True
) -> Array:
    """Each actor, in the order given, takes the best action that is left.

    ``capped=False`` promises that caps never bind, and saves counting. Ties go to the lowest index. An actor
    that can take nothing is left idle even where idling is not permitted.
    Source: Ahn, Righter (2005), Corollaries 3.1 to 3.4.
    """
    return greedy_with_worth(speeds, allowed, caps, values, idle=idle, capped=capped)[0]


def greedy_with_worth(
    speeds: Array, allowed: Array, caps: Array, values: Array, *, idle: bool, capped: bool = True
) -> tuple[Array, Array]:
    """The assignment of `greedy_by_value` and, for added speeds, its value Σ_i μ_i m_{a_i} ``[...]``.

    Written action by action on plain vectors: when only the worth is asked for, the whole of it is one pass
    over the states, four times faster than through memberships.
    """
    actions = values.shape[0]
    left, chosen, worth = [caps[k] for k in range(actions)] if capped else [], [], 0.0
    for i in range(allowed.shape[0]):
        able = [allowed[i, k] & (speeds[i] > 0) for k in range(actions)]
        if capped:
            able = [able[k] & (left[k] > 0) for k in range(actions)]
        pick, best = _choose([jnp.where(able[k], values[k], -jnp.inf) for k in range(actions)], idle)
        if capped:
            left = [left[k] - (pick == k).astype(left[k].dtype) for k in range(actions)]
        chosen.append(pick)
        worth = worth + speeds[i] * best
    return jnp.stack(chosen), jnp.asarray(worth)


def greedy_by_increment(
    law: FiringLaw, speeds: Array, allowed: Array, caps: Array, values: Array, *, idle: bool
) -> Array:
    """Each actor, in the order given, takes the action in which it adds most: m_k [r(Γ_k + i) - r(Γ_k)].

    O(N^2 K) operations. Ties go to the lowest index. Source: Ahn, Righter (2005), Corollary 3.5 and the
    distributed control at the ends of sections 3.1 and 3.3.
    """
    actions = values.shape[0]
    members = jnp.zeros(allowed.shape, speeds.dtype)

    def join(carry: tuple[Array, Array, Array], i: Array) -> tuple[tuple[Array, Array, Array], Array]:
        members, now, left = carry
        joined = law.rates(speeds, members.at[i].set(1.0))
        able = allowed[i] & (left > 0) & (speeds[i] > 0)
        gain = (joined - now) * values
        pick, _ = _choose([jnp.where(able[k], gain[k], -jnp.inf) for k in range(actions)], idle)
        one = members_of(pick[None], actions, speeds.dtype)[0]
        now = jnp.where(one > 0, joined, now)
        return (members.at[i].set(one), now, left - one.astype(left.dtype)), pick

    start = members, jnp.zeros_like(law.rates(speeds, members) * values), caps
    return jax.lax.scan(join, start, jnp.arange(allowed.shape[0]))[1]


def in_order(order: Array, *arrays: Array) -> tuple[Array, ...]:
    """Permute the leading actor axis of each array by ``order [actors, ...]``."""
    out = []
    for array in arrays:
        index = order.reshape(order.shape[:1] + (1,) * (array.ndim - order.ndim) + order.shape[1:])
        out.append(jnp.take_along_axis(array, index, axis=0))
    return tuple(out)


def out_of_order(order: Array, assignment: Array) -> Array:
    """Undo `in_order` on an assignment ``[actors, ...]``."""
    return jnp.take_along_axis(assignment, jnp.argsort(order, axis=0), axis=0)
