"""The price mechanism for agentwise separable concave programs: equilibrium prices by Newton's method on
the dual.

    maximize  sum_{j,n} u_{jn}(x_{jn})   subject to   sum_{j,n} a_{jnk} x_{jn} <= b_k,   x >= 0        (P)
    minimize  D(p) = b'p + sum_{j,n} max_x [u_{jn}(x) - (a_{jn}'p) x]   over   p >= 0                 (dual)

The gradient of D is the excess supply b - sum a x(p), so one Newton step is one exchange of messages:
prices out, demands and their slopes back; nothing else about a participant is used. Utilities with a
nonlinear consumption or without a closed-form demand are in `convex.py`.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Real
from jaxsim.core.validation import numbers, require
from jaxsim.models.mechanisms.newton import one_step, projected_newton
from jaxsim.models.mechanisms.simplex import simplex
from jaxsim.models.mechanisms.status import INFEASIBLE, NOT_CONVERGED, SOLVED, UNBOUNDED, demand_solved
from jaxsim.models.mechanisms.utilities import Utility, growing

Numbers = Array | np.ndarray


@pytree
class Equilibrium:
    """Equilibrium message of the price mechanism, its optimality residuals and how the solver ended.

    prices [K]; activities [N, n]; allocation [N, K] (bundle y^j of division j); welfare; residual: the
    largest of stationarity and feasibility below; stationarity max |min(x, cost - u'(x))| / max(1, cost);
    resources max |min(p, slack / max(1, b))|; status (see `status.py`); rounds: Newton iterations. NaN
    unless SOLVED.
    """

    prices: Numbers
    activities: Numbers
    allocation: Numbers
    welfare: Numbers
    residual: Numbers
    stationarity: Numbers
    resources: Numbers
    status: Numbers
    rounds: Numbers


def demands(utility: Utility, consumption: Float[Array, "N n K"], prices: Float[Array, " K"]) -> Array:
    """Return each division's activities [N, n] at the prices: argmax u(x) - (a'p) x."""
    return utility.demand(consumption @ prices)


def _dual(utility: Utility, consumption: Array, supplies: Array, prices: Array) -> tuple[Array, Array, Array]:
    """Return D(p), the excess supply, and the sum of a a' / -u'' over the running activities."""
    cost = consumption @ prices
    x = utility.demand(cost)
    inside = jnp.all(jnp.isfinite(x))
    x = jnp.where(jnp.isfinite(x), x, 1)
    running = x > 0
    slope = jnp.where(running, -1 / utility.curvature(jnp.where(running, x, 1)), 0)
    value = supplies @ prices + jnp.sum(utility.value(x) - cost * x)
    excess = supplies - jnp.einsum("jnk,jn->k", consumption, x)
    hessian = jnp.einsum("jnk,jn,jnl->kl", consumption, slope, consumption)
    return jnp.where(inside, value, jnp.inf), excess, hessian


def _start(utility: Utility, consumption: Array, supplies: Array, ray: Array) -> Array:
    """Return a first price on the ray p = t r: bisect log2 t on the slope of D along it."""

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        value, excess, _hessian = _dual(utility, consumption, supplies, jnp.exp2(middle) * ray)
        up = ~jnp.isfinite(value) | (excess @ ray < 0)  # demand exceeds supply: raise the prices
        return jnp.where(up, middle, low), jnp.where(up, high, middle)

    ends = (jnp.asarray(-45.0, ray.dtype), jnp.asarray(45.0, ray.dtype))
    return jnp.exp2(lax.fori_loop(0, 9, halve, ends)[0]) * ray


def _ray(utility: Utility, consumption: Array, supplies: Array, general: bool) -> tuple[Array, Array]:
    """Return price proportions at which every growing utility has a positive cost, and whether none exist.

    Where no consumption is negative, 1/b will do. Otherwise (``general``) they are the dual prices of

        min s,   sum_j d_j a_j <= s (each resource),   sum_j d_j = 1,   d >= 0   over growing utilities,

    whose value is the largest possible least cost. If it is not positive, d is a plan that uses no resource
    on balance and runs utilities that grow for ever: the program is unbounded.
    """
    size = jnp.abs(supplies)
    plain = 1 / jnp.maximum(size, 1e-3 * jnp.max(size) + 1e-30)
    if not general:
        return plain, jnp.asarray(False)
    kinds = consumption.shape[2]
    flat = consumption.reshape(-1, kinds)
    grows = growing(utility, consumption.shape[:2]).reshape(-1)
    weights = jnp.where(grows, 1, 0).astype(flat.dtype)
    level = jnp.ones((kinds, 1), flat.dtype)
    top = jnp.concatenate([(flat * weights[:, None]).T, -level, level], axis=1)
    bottom = jnp.concatenate([-weights, jnp.zeros(2, flat.dtype)])[None, :]
    right = jnp.zeros(kinds + 1, flat.dtype).at[kinds].set(-1)
    objective = jnp.zeros(len(flat) + 2, flat.dtype).at[-2].set(-1).at[-1].set(1)
    found = simplex(objective, jnp.concatenate([top, bottom]), right)
    none = jnp.any(grows) & ~(-found.value > 1e-9)
    # a little of every price keeps the point off the corners
    return jnp.where(jnp.any(grows) & ~none, found.prices[:kinds] + 1e-6, plain), none


def _tolerances(kind: Any) -> tuple[float, float]:
    """Return (stop at, accept up to) for the residual in this precision."""
    return (1e-12, 1e-8) if jnp.finfo(kind).bits == 64 else (2e-6, 1e-4)


def residuals(
    utility: Utility, consumption: Array, supplies: Array, prices: Array, activities: Array
) -> tuple[Array, Array]:
    """Return the Karush-Kuhn-Tucker residuals (stationarity, resources) of prices [K] and activities [N, n].

    stationarity = max |min(x, a'p - u'(x))| / max(1, a'p);  resources = max |min(p, (b - sum a x)/max(1,
    |b|))|. Both vanish exactly at an equilibrium (equations (3.1), (3.2)); an activity at 0 is tested with
    u'(0).
    """
    cost = consumption @ prices
    stationarity = jnp.abs(jnp.minimum(activities, cost - utility.marginal(activities)))
    slack = (supplies - jnp.einsum("jnk,jn->k", consumption, activities)) / jnp.maximum(1, jnp.abs(supplies))
    return jnp.max(stationarity / jnp.maximum(1, jnp.abs(cost))), jnp.max(jnp.abs(jnp.minimum(prices, slack)))


def equilibrium_prices(
    utility: Utility,
    consumption: Float[Array, "N n K"],
    supplies: Float[Array, " K"],
    *,
    general: bool = False,
    limit: int = 200,
) -> tuple[Float[Array, " K"], Array, Array]:
    """Return the prices that minimize the dual function, the iterations used, and whether it is unbounded.

    Pure and vmappable. ``general`` allows negative consumption and growing utilities that use no resource.

    Differentiable in the utility's parameters, the consumption and the supplies: on the resources whose
    constraint binds, dp = -(d excess/dp)^{-1} d excess; the others keep price 0 (implicit function theorem;
    first order).
    """
    fixed = lax.stop_gradient((utility, consumption, supplies))
    scale = jnp.maximum(1, jnp.abs(fixed[2]))
    stop, _ = _tolerances(supplies.dtype)
    ray, none = _ray(*fixed, general)
    begin = _start(*fixed, ray)
    found = projected_newton(
        functools.partial(_dual, *fixed), begin, scale, tolerance=stop, limit=jnp.where(none, 0, limit)
    )
    _, _, hessian = _dual(*fixed, found.point)
    binds = found.point > 0
    slope = jnp.where(binds[:, None] & binds[None, :], hessian, jnp.eye(len(binds), dtype=hessian.dtype))

    def residual(prices: Array) -> Array:
        return jnp.where(binds, _dual(utility, consumption, supplies, prices)[1], 0)

    carried = one_step(found.point, residual, slope)
    return jnp.where(jnp.isfinite(carried), carried, found.point), found.iterations, none


def solve_prices(
    utility: Utility,
    consumption: Float[Array, "N n K"],
    supplies: Float[Array, " K"],
    *,
    general: bool = False,
    limit: int = 200,
) -> Equilibrium:
    """Solve one instance of the price mechanism (the pure core of `price_equilibrium`).

    Inner function: any float precision, may be jitted, vmapped and differentiated. Reports UNBOUNDED only
    with ``general`` and never tests feasibility (see `feasible`); what it cannot solve is NaN with
    NOT_CONVERGED.
    """
    prices, rounds, none = equilibrium_prices(utility, consumption, supplies, general=general, limit=limit)
    x = demands(utility, consumption, prices)
    stationarity, resources = residuals(utility, consumption, supplies, prices, x)
    residual = jnp.maximum(stationarity, resources)
    good = ~none & jnp.isfinite(residual) & (residual <= _tolerances(supplies.dtype)[1])
    hide = lambda value: jnp.where(good, value, jnp.nan)  # noqa: E731
    allocation = jnp.einsum("jnk,jn->jk", consumption, x)
    welfare = jnp.sum(utility.value(x))
    return Equilibrium(
        hide(prices), hide(x), hide(allocation), hide(welfare), residual, stationarity, resources,
        jnp.where(good, SOLVED, jnp.where(none, UNBOUNDED, NOT_CONVERGED)), rounds,
    )  # fmt: skip


@jax.jit
def feasible(consumption: Float[Array, "R N n K"], supplies: Float[Array, "R K"]) -> Array:
    """Return for each instance whether some x >= 0 has A x <= b (linear programs, phase one)."""
    flat = jnp.swapaxes(consumption.reshape(len(supplies), -1, supplies.shape[1]), 1, 2)
    nothing = jnp.zeros(flat.shape[2], flat.dtype)
    status = jax.vmap(lambda a, b: simplex(nothing, a, b).status)(flat, supplies)
    return status != INFEASIBLE


@functools.partial(jax.jit, static_argnames=("general", "chunk"))
def _solve_many(
    utility: Any, consumption: Array, supplies: Array, *, general: bool, chunk: int
) -> Equilibrium:
    one = lambda instance: solve_prices(*instance, general=general)  # noqa: E731
    instances = (utility, consumption, supplies)
    return jax.vmap(one)(instances) if chunk >= len(supplies) else lax.map(one, instances, batch_size=chunk)


def _conceal(solved: Equilibrium, bad: np.ndarray, code: int) -> Equilibrium:
    """Give the instances marked bad a status code and take their numbers away."""
    hide = lambda leaf: np.where(bad.reshape((-1,) + (1,) * (leaf.ndim - 1)), np.nan, leaf)  # noqa: E731
    return replace(
        solved, prices=hide(solved.prices), activities=hide(solved.activities),
        allocation=hide(solved.allocation), welfare=hide(solved.welfare),
        status=np.where(bad, code, solved.status),
    )  # fmt: skip


def solve_economies(
    utility: Any, consumption: Real, supplies: Real, *, precision: str = "float64"
) -> Equilibrium:
    """Solve many economies at once: every argument has a leading axis of instances.

    utility leaves [R, N, n], consumption [R, N, n, K], supplies [R, K]; the result has the same leading
    axis and a status for each instance. Instances that are infeasible or unbounded, or that did not
    converge, are NaN. ``precision`` is "float64" (residual at most 1e-8) or "float32" (at most 1e-4).
    """
    require(precision in ("float64", "float32"), "precision", precision, "is not known", "float64 or float32")
    a, b = numbers("consumption", consumption), numbers("supplies", supplies)
    require(a.ndim == 4, "consumption", a.shape, "has the wrong shape", "give [instances, N, activities, K]")
    require(
        b.shape == (a.shape[0], a.shape[3]), "supplies", b.shape, "has the wrong shape", "give [instances, K]"
    )
    idle = utility.grows and bool(np.any(np.all(a == 0, axis=-1)))
    general = bool(np.any(a < 0)) or idle
    kind = np.dtype(precision)
    cast = lambda leaf: np.asarray(leaf, kind if np.issubdtype(np.asarray(leaf).dtype, np.floating) else None)  # noqa: E731
    utility = jax.tree.map(cast, utility)
    with jax.enable_x64(precision == "float64"):
        chunk = max(1, min(len(a), 2_000_000 // max(1, a[0].size)))
        uses, held = jnp.asarray(a, kind), jnp.asarray(b, kind)
        solved = jax.device_get(_solve_many(utility, uses, held, general=general, chunk=chunk))
        # a used resource of which there is nothing leaves no interior point, and its price may be infinite
        empty = np.any((b == 0) & np.all(a >= 0, axis=(1, 2)) & np.any(a > 0, axis=(1, 2)), axis=1)
        solved = _conceal(solved, empty, NOT_CONVERGED)
        if np.all(b >= 0):
            return solved
        return _conceal(solved, ~np.asarray(feasible(uses, held)), INFEASIBLE)


@float64
def price_equilibrium(utility: Any, consumption: Real, supplies: Real) -> Equilibrium:
    """Return the equilibrium of the price mechanism for one economy, in float64.

    utility: parameters that broadcast to [N, n] (N divisions, n activities each); consumption [N, n, K] (or
    [N, K] for one activity each) may be negative (an activity that yields a resource); supplies [K].
    Raises `NoEquilibrium` if the instance is infeasible, unbounded, or has no equilibrium that the solver
    finds. Source: Ishikida (1992), sections 2.1, 3.1, equations (3.1) to (3.4).
    """
    a, b = numbers("consumption", consumption), numbers("supplies", supplies)
    a = a[:, None, :] if a.ndim == 2 else a
    require(a.ndim == 3, "consumption", a.shape, "has the wrong shape", "give [N, activities, K]")
    require(b.shape == a.shape[2:], "supplies", b.shape, "has the wrong shape", f"give {a.shape[2]} supplies")
    spread = jax.tree.map(lambda leaf: np.broadcast_to(np.asarray(leaf), a.shape[:2]), utility)
    many = solve_economies(jax.tree.map(lambda leaf: leaf[None], spread), a[None], b[None])
    solved = jax.tree.map(lambda leaf: leaf[0], many)
    demand_solved(solved.status, "price mechanism")
    return solved
