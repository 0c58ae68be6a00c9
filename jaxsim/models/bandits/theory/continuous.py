"""Continuous time: index and envelope of reward curves, index of Markov arms with reward rates."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import validation
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.inputs import Numbers

_STEPS = 100


class RewardCurve(NamedTuple):
    """A reward density Z(l): linear between knots (loads), constant after the last; loads start at 0."""

    loads: Float[np.ndarray, " knots"]
    rewards: Float[np.ndarray, " knots"]


def reward_curve(loads: Numbers, rewards: Numbers) -> RewardCurve:
    """Validate a piecewise linear reward density: increasing loads from 0, one finite reward each."""
    knots, values = validation.numbers("loads", loads), validation.numbers("rewards", rewards)
    increasing = knots.ndim == 1 and knots.size > 0 and bool(knots[0] == 0 and np.all(np.diff(knots) > 0))
    validation.require(increasing, "loads", loads, "do not increase from 0", "start at 0 and increase")
    fits = values.shape == knots.shape
    validation.require(fits, "rewards", rewards, "do not match the loads", "give one reward per load")
    return RewardCurve(knots, values)


def _segment(rate: Array, width: Array, first: Array, slope: Array) -> tuple[Array, Array]:
    """Integrals of e^{-rate s} (first + slope s) and of e^{-rate s} over [0, width]."""
    x = rate * width
    weight = -jnp.expm1(-x) / rate
    # int s e^{-rate s} = (1 - (1 + x) e^{-x}) / rate^2, which cancels for small x: then its series
    small = width**2 * (0.5 - x / 3 + x * x / 8 - x**3 / 30 + x**4 / 144)
    moment = jnp.where(x < 1e-2, small, (weight - width * jnp.exp(-x)) / rate)
    return first * weight + slope * moment, weight


def index_at(
    start: Float[Array, ""], loads: Float[Array, " knots"], rewards: Float[Array, " knots"],
    rate: Float[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, ""]]:  # fmt: skip
    """Index at one load level and the load at which to stop (inf: never).

    Dinkelbach's iteration: at a charge nu the best stops are where Z falls through nu, exact on each linear
    piece; nu becomes the ratio at the best of them. It rises from Z(start) and converges quadratically.
    Pure; rate = alpha / M.
    """
    slope = jnp.concatenate([jnp.diff(rewards) / jnp.diff(loads), jnp.zeros(1, rewards.dtype)])
    left = jnp.maximum(loads, start)
    right = jnp.maximum(jnp.concatenate([loads[1:], jnp.array([jnp.inf], loads.dtype)]), start)
    value = rewards + slope * (left - loads)
    decay = jnp.exp(-rate * (left - start))
    # The last piece, of constant reward, has no end: width 0 here, its whole worth is added apart.
    width = jnp.where(jnp.isinf(right), 0, right - left)
    gain, time = (decay * part for part in _segment(rate, width, value, slope))
    gain_before, time_before = jnp.cumsum(gain) - gain, jnp.cumsum(time) - time
    for_ever = decay[-1] / rate

    def improve(carry: tuple) -> tuple:
        charge, _, _, step = carry
        falls = jnp.where(slope < 0, (charge - value) / jnp.where(slope < 0, slope, 1), 0)
        stop = jnp.clip(falls, 0, width)
        part_gain, part_time = _segment(rate, stop, value, slope)
        gains = jnp.append(gain_before + decay * part_gain, gain_before[-1] + rewards[-1] * for_ever)
        times = jnp.append(time_before + decay * part_time, time_before[-1] + for_ever)
        best = jnp.argmax(gains - charge * times)
        rise = jnp.where(times[best] > 0, gains[best] / jnp.where(times[best] > 0, times[best], 1), charge)
        where = jnp.append(left + stop, jnp.inf)[best]
        return jnp.maximum(charge, rise), rise - charge, where, step + 1

    here = jnp.interp(start, loads, rewards)
    scale = jnp.max(jnp.abs(rewards)) + jnp.finfo(rewards.dtype).tiny
    limit = 4 * jnp.finfo(rewards.dtype).eps * scale
    first = here, jnp.full_like(here, jnp.inf), start, 0
    charge, change, where, _ = jax.lax.while_loop(
        lambda carry: (carry[1] > limit) & (carry[3] < _STEPS), improve, first
    )
    return jnp.where(change > limit, jnp.nan, charge), where


_indices = jax.jit(jax.vmap(index_at, (0, None, None, None)))


@float64
def continuous_index(
    loads: Numbers, rewards: Numbers, *, discount_rate: float, capacity: float = 1.0, at: Numbers = 0.0
) -> Float[np.ndarray, "..."]:
    """Index of a deterministic user in continuous time.

        nu(l) = sup_{tau > l} int_l^tau e^{-alpha s/M} Z(s) ds / int_l^tau e^{-alpha s/M} ds

    for Z piecewise linear through (loads, rewards) and constant after the last knot; integrals are exact.
    discount_rate alpha > 0, capacity M > 0, ``at``: load levels l >= 0. Returns nu in the shape of ``at``.
    Special case: where Z is nonincreasing from l on, nu(l) = Z(l).
    Raises `InvalidInput` for loads that do not increase from 0, or non-positive alpha or M.
    Source: Ishikida (1992), equation (6.12).
    """
    curve, rate = reward_curve(loads, rewards), _rate(discount_rate, capacity)
    levels = validation.non_negative("at", at)
    nu, _ = _indices(jnp.asarray(levels.ravel()), *map(jnp.asarray, curve), jnp.asarray(rate))
    return np.asarray(nu).reshape(levels.shape)


def continuous_envelope(
    loads: Numbers, rewards: Numbers, *, discount_rate: float, capacity: float = 1.0, at: Numbers
) -> Float[np.ndarray, " levels"]:
    """Concave envelope Z-bar(l) = max(0, inf_{s <= l} nu(s)) on an increasing grid of load levels.

    The infimum is taken over the grid and the knots up to l, so a grid that misses the lowest index between
    two of its points errs there by the curve's change over one cell. Arguments as `continuous_index`.
    Source: Ishikida (1992), equation (6.13).
    """
    curve = reward_curve(loads, rewards)
    levels = validation.non_negative("at", at)
    grid = np.union1d(levels, curve.loads)
    nu = continuous_index(loads, rewards, discount_rate=discount_rate, capacity=capacity, at=grid)
    lowest = np.minimum.accumulate(np.maximum(nu, 0))
    return lowest[np.searchsorted(grid, levels)]


def markov_rate_index(
    rewards: Numbers, generator: Numbers, *, discount_rate: float, capacity: float = 1.0
) -> Float[np.ndarray, "..."]:
    """Index of a continuous-time Markov arm that earns reward rates while it is served.

    With load l run through a chain of generator Q and discount e^{-alpha l/M},
    nu(i) = max_tau E_i int_0^tau e^{-alpha s/M} r(X_s) ds / E_i int_0^tau e^{-alpha s/M} ds.
    Uniformization at rate U = max_i |Q_ii| is exact: the index of P = I + Q/U at discount U / (U + alpha/M).

    rewards (..., n), generator (..., n, n) with rows summing to 0. Returns (..., n).
    Raises `InvalidInput` if the generator has negative rates or rows that do not sum to 0.
    Source: Ishikida (1992), equation (6.21), for a finite chain.
    """
    q = validation.numbers("generator", generator)
    off = q - q * np.eye(q.shape[-1])
    fine = bool(np.all(off >= 0)) and bool(np.all(np.abs(q.sum(-1)) <= 1e-9 * (1 + np.abs(q).max(initial=0))))
    validation.require(
        fine, "generator", generator, "is not a generator", "give rates >= 0 and rows that sum to 0"
    )
    speed = max(float(off.sum(-1).max()), 1e-300)
    jump = off / speed
    stay = np.maximum(1 - jump.sum(-1), 0)
    jump = jump + stay[..., None] * np.eye(q.shape[-1])
    return gittins_index(rewards, jump, speed / (speed + _rate(discount_rate, capacity)))


def _rate(discount_rate: float, capacity: float) -> float:
    return float(validation.positive("discount_rate", discount_rate)) / float(
        validation.positive("capacity", capacity)
    )
