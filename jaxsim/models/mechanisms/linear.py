"""The price mechanism for linear programs: K bundles and an allocation indicator instead of N bundles.

    maximize  sum_j c_j'x_j   subject to   sum_j A_j x_j <= b (K resources),   x_j >= 0.

A basic optimal solution feeds at most K divisions, so the message is (prices, indicator, K bundles): K(K+1)
real numbers instead of K(N+1), plus one of N!/(K!(N-K)!) indicators.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Real
from jaxsim.core.validation import numbers, require
from jaxsim.models.mechanisms.simplex import simplex
from jaxsim.models.mechanisms.status import NOT_CONVERGED, SOLVED, demand_solved


class BundleMessage(NamedTuple):
    """Announced: prices [K], indicator [K] (division that gets bundle k), bundles [K, K]; and what it
    implies.

    activities [N, n], value, residual (complementary slackness and both feasibilities), status. When fewer
    than K divisions receive something, the remaining bundles are 0 and go to the lowest-numbered other
    divisions.
    """

    prices: Array
    indicator: Array
    bundles: Array
    activities: Array
    value: Array
    residual: Array
    status: Array


def solve_linear(rewards: Array, consumption: Array, supplies: Array) -> BundleMessage:
    """Solve one instance (pure; may be vmapped): rewards [N, n], consumption [N, n, K], supplies [K], N >=
    K.
    """
    divisions, each, kinds = consumption.shape
    flat = consumption.reshape(-1, kinds).T
    found = simplex(rewards.reshape(-1), flat, supplies)
    x = found.activities.reshape(divisions, each)
    known = jnp.where(jnp.isfinite(x), x, 0)
    # at most K activities are basic, so at most K divisions are served: list them first, in their own order
    served = jnp.any(known > 0, axis=1)
    indicator = jnp.argsort(~served, stable=True)[:kinds]
    bundles = jnp.einsum("jnk,jn->jk", consumption, x)[indicator]
    residual = linear_residual(rewards, consumption, supplies, found.prices, x)
    accept = 1e-8 if jnp.finfo(flat.dtype).bits == 64 else 1e-3
    good = (found.status == SOLVED) & (residual <= accept)
    hide = lambda value: jnp.where(good, value, jnp.nan)  # noqa: E731
    status = jnp.where((found.status == SOLVED) & ~good, NOT_CONVERGED, found.status)
    return BundleMessage(
        hide(found.prices), indicator, hide(bundles), hide(x), hide(found.value), residual, status
    )


def linear_residual(rewards: Array, consumption: Array, supplies: Array, prices: Array, x: Array) -> Array:
    """Return the largest violation of x >= 0, A x <= b, p >= 0, A'p >= c and of complementary slackness.

    Each is scaled: activities' margins by max(1, |c|), resources by max(1, |b|).
    """
    margin = (consumption @ prices - rewards) / jnp.maximum(1, jnp.abs(rewards))
    slack = (supplies - jnp.einsum("jnk,jn->k", consumption, x)) / jnp.maximum(1, jnp.abs(supplies))
    return jnp.maximum(jnp.max(jnp.abs(jnp.minimum(x, margin))), jnp.max(jnp.abs(jnp.minimum(prices, slack))))


@float64
def linear_equilibrium(rewards: Real, consumption: Real, supplies: Real) -> BundleMessage:
    """Return the message of the price mechanism for a linear program, in float64.

    rewards c [N] or [N, n]; consumption [N, K] or [N, n, K] (any sign); supplies b [K] (any sign); N >= K.
    Raises `NoEquilibrium` for infeasible and unbounded instances.
    Source: Ishikida (1992), section 3.2, Lemma 3.2.1.
    """
    c, a, b = numbers("rewards", rewards), numbers("consumption", consumption), numbers("supplies", supplies)
    c, a = (c[:, None], a[:, None, :]) if c.ndim == 1 and a.ndim == 2 else (c, a)
    require(c.ndim == 2, "rewards", c.shape, "has the wrong shape", "give one reward per activity")
    wanted = (*c.shape, b.size)
    require(a.shape == wanted, "consumption", a.shape, "has the wrong shape", f"give {wanted}")
    require(
        b.ndim == 1 and b.size > 0, "supplies", b.shape, "has the wrong shape", "give one number per resource"
    )
    require(
        len(c) >= b.size, "rewards", c.shape, "has fewer divisions than resources", "give N >= K divisions"
    )
    found = jax.jit(solve_linear)(jnp.asarray(c), jnp.asarray(a), jnp.asarray(b))
    demand_solved(found.status, "linear program")
    return jax.device_get(found)
