"""Matching of users and time frames by prices: an auction, exact prices, and the linear program's dual.

    maximize  sum_j v_j(s_j)  over assignments of different frames s_j to (some of the) users j

An assignment is optimal iff some rents lambda(t) >= 0 make every user content (5.2), (5.3): an assigned
user gains at least as much in her frame as in any other and at least 0, an unassigned user gains nowhere; a
frame nobody has costs 0.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float, Int, Real
from jaxsim.core.validation import numbers, require
from jaxsim.models.mechanisms.simplex import simplex
from jaxsim.models.mechanisms.status import NOT_CONVERGED, SOLVED, demand_solved


class Matching(NamedTuple):
    """frames [N] (-1: none), rents [T] (the smallest that support it), value, residual of (5.2), (5.3),
    bids, status.
    """

    frames: Array
    rents: Array
    value: Array
    residual: Array
    bids: Array
    status: Array


class _Auction(NamedTuple):
    rents: Array
    owner: Array  # [T] user or -1
    frames: Array  # [N] frame or -1
    out: Array  # [N] has left the auction
    bids: Array


def auction(
    values: Float[Array, "N T"], increment: Float[Array, ""], *, limit: int = 1_000_000
) -> tuple[Array, Array, Array]:
    """Run the forward auction from rents 0: return frames [N], rents [T] and the number of bids.

    A user without a frame bids for her best one, raising its rent to where it equals her second-best choice
    (or staying out) plus the increment; she leaves when no frame is worth its rent. The value is within T
    increments of the optimum (Bertsekas 1988). Each bid is one message.
    """
    people, frames = values.shape

    def waiting(state: _Auction) -> Array:
        return (state.frames < 0) & ~state.out

    def bid(state: _Auction) -> _Auction:
        user = jnp.argmax(waiting(state))
        gain = values[user] - state.rents
        best = jnp.argmax(gain)
        others = jnp.where(jnp.arange(frames) == best, -jnp.inf, gain)
        second = jnp.maximum(jnp.max(others, initial=-jnp.inf), 0)
        leaves = gain[best] <= 0
        previous = state.owner[best]
        displaced = (jnp.arange(people) == previous) & ~leaves
        mine = jnp.where(leaves, -1, best)
        return _Auction(
            state.rents.at[best].add(jnp.where(leaves, 0, gain[best] - second + increment)),
            state.owner.at[best].set(jnp.where(leaves, previous, user)),
            jnp.where(displaced, -1, state.frames).at[user].set(mine),
            state.out.at[user].set(leaves), state.bids + 1,
        )  # fmt: skip

    start = _Auction(
        jnp.zeros(frames, values.dtype), jnp.full(frames, -1), jnp.full(people, -1), jnp.zeros(people, bool),
        jnp.zeros((), jnp.int32),
    )  # fmt: skip
    end = lax.while_loop(lambda s: jnp.any(waiting(s)) & (s.bids < limit), bid, start)
    return end.frames, end.rents, end.bids


def smallest_rents(values: Float[Array, "N T"], frames: Int[Array, " N"]) -> Float[Array, " T"]:
    """Return the smallest rents at which nobody wants another frame, if the assignment is optimal.

        lambda(t) = max(0, max_{j without} v_j(t), max_{j with s_j} v_j(t) - v_j(s_j) + lambda(s_j))

    by T sweeps (longest paths); if the assignment is not optimal the sweeps do not settle or some user pays
    more than her value, which `content` then shows.
    """
    has = frames >= 0
    own = jnp.where(has, frames, 0)
    at_own = jnp.take_along_axis(values, own[:, None], axis=1)
    floor = jnp.maximum(jnp.max(jnp.where(has[:, None], -jnp.inf, values), axis=0), 0)

    def sweep(_: Array, rents: Array) -> Array:
        envy = jnp.where(has[:, None], values - at_own + rents[own][:, None], -jnp.inf)
        return jnp.maximum(rents, jnp.max(envy, axis=0))

    return lax.fori_loop(0, values.shape[1] + 1, sweep, floor)


def content(values: Float[Array, "N T"], frames: Int[Array, " N"], rents: Float[Array, " T"]) -> Array:
    """Return the largest violation of (5.2), (5.3), of lambda >= 0 and of lambda = 0 on frames that nobody
    has.
    """
    has = frames >= 0
    gain = values - rents
    mine = jnp.where(has, jnp.take_along_axis(gain, jnp.maximum(frames, 0)[:, None], axis=1)[:, 0], 0)
    wish = jnp.maximum(jnp.max(gain, axis=1), 0) - mine
    taken = jnp.any(frames[:, None] == jnp.arange(values.shape[1]), axis=0)
    idle = jnp.max(jnp.where(taken, 0, rents), initial=0.0)
    return jnp.maximum(jnp.maximum(jnp.max(wish), idle), jnp.max(-rents))


def match(values: Float[Array, "N T"]) -> Matching:
    """Match by auctions with falling increments until exact rents support the result (pure; may be vmapped).

    The increment starts at a quarter of the spread of values over T and falls eightfold; the first
    assignment that passes `content` to 1e-9 of the spread (1e-5 in float32) is optimal. After 12 falls it
    is NOT_CONVERGED (ties apart, the assignments then differ by less than 1e-11 of the spread).
    """
    spread = jnp.maximum(jnp.max(values) - jnp.minimum(jnp.min(values), 0), 1e-30)
    accept = (1e-9 if jnp.finfo(values.dtype).bits == 64 else 1e-5) * spread

    def attempt(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        increment, _, _, _, bids, tries = carry
        frames, _, more = auction(values, increment)
        rents = smallest_rents(values, frames)
        return increment / 8, frames, rents, content(values, frames, rents), bids + more, tries + 1

    zero = jnp.zeros((), jnp.int32)
    begin = (
        spread / (4 * values.shape[1]), jnp.full(values.shape[0], -1),
        jnp.zeros(values.shape[1], values.dtype),
        jnp.full((), jnp.inf, values.dtype), zero, zero,
    )  # fmt: skip
    _, frames, rents, residual, bids, _ = lax.while_loop(
        lambda c: (c[3] > accept) & (c[5] < 12), attempt, begin
    )
    has = frames >= 0
    chosen = jnp.take_along_axis(values, jnp.maximum(frames, 0)[:, None], axis=1)[:, 0]
    good = residual <= accept
    hide = lambda v: jnp.where(good, v, jnp.nan)  # noqa: E731
    value = jnp.sum(jnp.where(has, chosen, 0))
    return Matching(frames, hide(rents), hide(value), residual, bids, jnp.where(good, SOLVED, NOT_CONVERGED))


@float64
def match_users(values: Real) -> Matching:
    """Return the optimal matching and its smallest supporting rents, in float64.

    values [N, T]: v_j(t), any sign (a negative value is never matched); any N and T.
    Raises `NoEquilibrium` if no assignment passes (values that differ by less than 1e-11 of their spread).
    Source: Ishikida (1992), section 5.3, conditions (5.2), (5.3).
    """
    v = numbers("values", values)
    require(
        v.ndim == 2 and v.size > 0, "values", v.shape, "is not a table", "give one row of T values per user"
    )
    found = jax.device_get(jax.jit(match)(jnp.asarray(v)))
    demand_solved(found.status, "matching")
    return found


@float64
def matching_program(values: Real) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the value of the linear program P2 and its dual prices: rents [T] and users' gains mu [N]
    (problem D2).
    """
    v = numbers("values", values)
    people, frames = v.shape
    rows = np.zeros((frames + people, people, frames))
    for t in range(frames):
        rows[t, :, t] = 1
    for j in range(people):
        rows[frames + j, j, :] = 1
    flat = jnp.asarray(rows.reshape(frames + people, -1))
    found = jax.device_get(jax.jit(simplex)(jnp.asarray(v.reshape(-1)), flat, jnp.ones(frames + people)))
    demand_solved(found.status, "matching program")
    return float(found.value), np.asarray(found.prices[:frames]), np.asarray(found.prices[frames:])


def best_value(values: np.ndarray) -> float:
    """Return the value of the best assignment."""
    return float(match_users(values).value)


def first_frame_losses(frames: int, raise_by: float = 1.0) -> np.ndarray:
    """Show that the first frame cannot be assigned knowing less than all T values of everybody.

    T + 1 users value every frame 1, so user 1 in frame 1 is optimal. Now user 1 alone values frame t at 1 +
    raise_by: all values of frame 1 are as before, yet giving it to user 1 loses ``raise_by`` for every t >
    1. Returns that loss for each t (0 for t = 1): T - 1 independent facts about later frames decide the
    first one (section 5.3.3).
    """
    losses = []
    for t in range(frames):
        values = np.ones((frames + 1, frames))
        values[0, t] += raise_by
        rest = np.delete(np.delete(values, 0, axis=0), 0, axis=1)
        forced = values[0, 0] + (best_value(rest) if frames > 1 else 0.0)
        losses.append(best_value(values) - forced)
    return np.array(losses)
