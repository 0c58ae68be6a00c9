"""The pure exchange economy with general preferences: prices at which everybody's demands add up.

    consumer j:  x_j(p) = argmax { u_j(x) : p'x <= p'w_j },     z(p) = sum_j x_j(p) - sum_j w_j = 0.

Prices are in units of the last good (the numeraire); p'z(p) = 0 at all prices (Walras's law), so one market
clears when the others do. The trade is individually rational and Pareto optimal (the goal of section 2.2.2).
`exchange` is the case of utilities that are linear in the numeraire.

Uniqueness: with gross substitutes there is one equilibrium. Otherwise there may be several (an odd number,
generically); their indices sign det(-dz/dp) add up to 1, so an index of -1 proves that there are others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Real
from jaxsim.core.validation import non_negative, positive, require
from jaxsim.models.mechanisms.newton import one_step
from jaxsim.models.mechanisms.preferences import Concave, Preferences
from jaxsim.models.mechanisms.status import NOT_CONVERGED, SOLVED, demand_solved


@pytree
class Walras:
    """An equilibrium of the exchange economy.

    prices [K], the last one 1; bundles and trades [N, K]; before, after: utilities [N] of endowments and
    bundles; residual: max_k |z_k(p)| / sum_j w_jk; unique: gross substitution holds, so there is no other
    equilibrium; index: sign det(-dz/dp), +1 or -1 (-1: there are others); rounds of price changes; status.
    """

    prices: Any
    bundles: Any
    trades: Any
    before: Any
    after: Any
    residual: Any
    unique: Any
    index: Any
    rounds: Any
    status: Any


def excess_demand(
    utility: Preferences, endowments: Float[Array, "N K"], prices: Float[Array, " K"]
) -> Float[Array, " K"]:
    """Return z(p) = sum_j x_j(p, p'w_j) - sum_j w_j."""
    return jnp.sum(utility.demand(prices, endowments @ prices) - endowments, axis=0)


class _Search(NamedTuple):
    logs: Array  # ln of the first K - 1 prices, their relative excess demands [K] and derivatives [K-1, K-1]
    gap: Array
    slope: Array
    way: Array  # the direction in which the next prices are tried, and how far (0: the search is over)
    step: Array
    forced: Array  # whether the next prices are taken whatever they do to the gap
    rounds: Array


def _size(gap: Array) -> Array:
    return jnp.where(jnp.all(jnp.isfinite(gap)), jnp.max(jnp.abs(gap)), jnp.inf)


def _newton(gap: Array, slope: Array) -> Array:
    """Return Newton's step on ln p, at most a factor e per price; tatonnement's where it is undefined."""
    way = jnp.linalg.solve(slope, -gap[:-1])
    way = way / jnp.maximum(1, jnp.max(jnp.abs(way)))
    return jnp.where(jnp.all(jnp.isfinite(way)), way, jnp.clip(gap[:-1], -1, 1) / 2)


def solve_walras(
    utility: Preferences, endowments: Float[Array, "N K"], first: Float[Array, " K"], *, limit: int = 300
) -> Walras:
    """Find an equilibrium from the first prices; pure, vmappable, differentiable in preferences and
    endowments.

    A round tries a step of Newton's method on ln p, halved until the largest relative excess demand falls;
    where that fails, a step of tatonnement, ln p + z/(2 total), leads away. Reports NOT_CONVERGED (and NaN)
    rather than prices with a residual above 1e-8 (1e-4 in float32).
    """
    exact = jnp.finfo(endowments.dtype).bits == 64
    stop, accept = (1e-13, 1e-8) if exact else (1e-6, 1e-4)
    fixed = lax.stop_gradient((utility, endowments))

    def relative(logs: Array, economy: tuple[Any, Array]) -> Array:
        prices = jnp.append(jnp.exp(logs), 1)
        return excess_demand(*economy, prices) / jnp.sum(economy[1], axis=0)

    def both(logs: Array) -> tuple[Array, Array]:
        gap = relative(logs, fixed)
        return gap[:-1], gap

    def move(state: _Search) -> _Search:
        logs = state.logs + state.step * state.way
        slope, gap = jax.jacfwd(both, has_aux=True)(logs)
        taken = state.forced | (_size(gap) < (1 - 1e-3 * state.step) * _size(state.gap))
        choose = lambda new, old: jnp.where(taken, new, old)  # noqa: E731
        logs, gap, slope = choose(logs, state.logs), choose(gap, state.gap), choose(slope, state.slope)
        dead = ~taken & (state.step < 1e-3)  # a dip of the gap that is no equilibrium, or rounding
        away = jnp.where(dead, jnp.clip(gap[:-1], -1, 1) / 2, state.way)
        step = jnp.where(taken | dead, jnp.minimum(1, 4 * state.step), state.step / 2)
        over = dead & (_size(gap) < accept)
        return _Search(
            logs, gap, slope, choose(_newton(gap, slope), away),
            jnp.where(over, 0, jnp.where(state.forced | dead, 1, step)), dead, state.rounds + 1,
        )  # fmt: skip

    def go_on(state: _Search) -> Array:
        return (_size(state.gap) > stop) & (state.rounds < limit) & (state.step > 0)

    begin = jnp.log(first[:-1] / first[-1])
    one = jnp.ones((), begin.dtype)
    blank = jnp.eye(len(begin), dtype=begin.dtype)
    start = _Search(
        begin, jnp.full_like(first, jnp.inf), blank, 0 * begin, one, one > 0, jnp.zeros((), jnp.int32)
    )
    found = lax.while_loop(go_on, move, start)
    logs = one_step(found.logs, lambda at: relative(at, (utility, endowments))[:-1], found.slope)
    prices = jnp.append(jnp.exp(logs), 1)
    bundles = utility.demand(prices, endowments @ prices)
    residual = _size(found.gap)
    good = residual <= accept
    hide = lambda v: jnp.where(good, v, jnp.nan)  # noqa: E731
    return Walras(
        hide(prices), hide(bundles), hide(bundles - endowments), utility.value(endowments),
        hide(utility.value(bundles)), residual, utility.substitutes(),
        jnp.sign(jnp.linalg.det(-found.slope)).astype(jnp.int32), found.rounds,
        jnp.where(good, SOLVED, NOT_CONVERGED),
    )  # fmt: skip


@float64
def walrasian_equilibrium(utility: Any, endowments: Real, *, first_prices: Real = 1.0) -> Walras:
    """Return an equilibrium of one exchange economy, in float64.

    utility: preferences of N consumers over K goods (`preferences`); endowments w [N, K] >= 0, some of every
    good and something for everybody; first_prices: where the search begins, one number or [K] (where the
    equilibrium is not unique it decides which one is found).
    Raises `NoEquilibrium` if none is found, as where a good has no positive price or prices are
    indeterminate. Source: Ishikida (1992), section 2.2.2; Arrow, Block, Hurwicz (1959) for uniqueness with
    gross substitutes; Dierker (1972) for the index.
    """
    held = non_negative("endowments", endowments)
    require(
        held.ndim == 2 and held.shape[1] >= 2, "endowments", held.shape, "has the wrong shape",
        "give [consumers, goods] with at least two goods",
    )  # fmt: skip
    positive("endowments summed over consumers", np.sum(held, axis=0))
    positive("endowments summed over goods", np.sum(held, axis=1))
    first = positive("first_prices", first_prices)
    goods = held.shape[1:]
    require(
        first.shape in ((), goods), "first_prices", first, "has the wrong length", f"give {goods[0]} numbers"
    )
    own = jax.tree.map(jnp.asarray, utility)
    for leaf in jax.tree.leaves(own):
        fits = leaf.shape in (held.shape[:1], held.shape)
        fits |= leaf.shape[:1] == held.shape[:1] and isinstance(utility, Concave)
        require(fits, "utility", leaf.shape, "has another shape than endowments", f"give {held.shape}")
    start = jnp.broadcast_to(jnp.asarray(first), goods)
    found = jax.jit(solve_walras)(own, jnp.asarray(held), start)
    demand_solved(
        found.status, "exchange economy", remedy="give other first_prices, or a share of every good"
    )
    return jax.device_get(found)
