"""The price mechanism for any agentwise separable convex program: profits and consumptions given as
functions.

    maximize  sum_j f0(e_j, x_j)   subject to   sum_j f(e_j, x_j) <= b (K resources),   x_j >= 0.

Each division solves its private problem max f0(e_j, x) - p'f(e_j, x) by itself (Newton, automatic
derivatives) and announces its consumption; the resource division moves the prices by Newton's method on the
dual function. f0 must be concave and each component of f convex in x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float
from jaxsim.core.validation import integer, numbers, require
from jaxsim.models.mechanisms.newton import one_step, projected_newton
from jaxsim.models.mechanisms.price import Equilibrium
from jaxsim.models.mechanisms.status import NOT_CONVERGED, SOLVED, demand_solved


@dataclass(frozen=True)
class Program:
    """What all divisions have in common: the form of profit and consumption, and the number of activities.

    profit(environment, x) -> scalar and consumption(environment, x) -> [K], with x of shape [activities]
    and the environment of one division (any pytree). Static and hashable: parameters belong in the
    environments.
    """

    profit: Callable[[Any, Array], Array]
    consumption: Callable[[Any, Array], Array]
    activities: int


def private_response(
    program: Program, environment: Any, prices: Float[Array, " K"], start: Float[Array, " n"]
) -> Float[Array, " n"]:
    """Return argmax_{x >= 0} f0(e, x) - p'f(e, x) of one division; NaN where the maximum is not attained.

    Differentiable in the prices and in the environment by the implicit function theorem on the positive
    activities. Uses nothing but this division's own environment and the prices announced.
    """

    def loss(x: Array, environment: Any, prices: Array) -> Array:
        return prices @ program.consumption(environment, x) - program.profit(environment, x)

    fixed = lax.stop_gradient((environment, prices))
    pair = jax.value_and_grad(loss)

    def evaluate(x: Array) -> tuple[Array, Array, Array]:
        value, gradient = pair(x, *fixed)
        return value, gradient, jax.hessian(loss)(x, *fixed)

    exact = jnp.finfo(prices.dtype).bits == 64
    # the unit of "marginal profit" is the division's own: its gradient at the start
    scale = jnp.maximum(jnp.max(jnp.abs(pair(start, *fixed)[1])), 1e-3) * jnp.ones_like(start)
    found = projected_newton(evaluate, start, scale, tolerance=1e-14 if exact else 1e-6, limit=100)
    attained = found.residual <= (1e-9 if exact else 1e-4)
    x = jnp.where(attained, found.point, jnp.nan)
    free = x > 0
    hessian = jax.hessian(loss)(jnp.where(attained, x, start), *fixed)
    slope = _masked(hessian, free)
    residual = lambda at: jnp.where(free, jax.grad(loss)(at, environment, prices), 0)  # noqa: E731
    return one_step(jnp.where(attained, x, start), residual, slope) + jnp.where(attained, 0.0, jnp.nan)


def _masked(hessian: Array, free: Array) -> Array:
    """Return the Hessian on the free coordinates, the identity elsewhere; flat directions get a trace of
    slope.
    """
    diagonal = jnp.abs(jnp.diagonal(hessian))
    trace = jnp.finfo(hessian.dtype).eps * jnp.max(diagonal) + jnp.finfo(hessian.dtype).tiny
    flat = jnp.where(diagonal <= trace, 1.0, 4 * trace)
    return jnp.where(
        free[:, None] & free[None, :], hessian + jnp.diag(flat), jnp.eye(len(free), dtype=hessian.dtype)
    )


def _dual(
    program: Program, environments: Any, supplies: Array, start: Array, prices: Array
) -> tuple[Array, Array, Array, Array]:
    """Return dual value, excess supply, dual Hessian and the activities of every division at the prices."""

    def one(environment: Any) -> tuple[Array, Array, Array, Array]:
        x = private_response(program, environment, prices, start)
        attained = jnp.all(jnp.isfinite(x))
        at = jnp.where(attained, x, start)
        used = program.consumption(environment, at)
        gain = program.profit(environment, at) - prices @ used
        jacobian = jnp.where(
            (at > 0)[None, :], jax.jacobian(program.consumption, argnums=1)(environment, at), 0
        )
        loss = lambda v: prices @ program.consumption(environment, v) - program.profit(environment, v)  # noqa: E731
        reaction = jacobian @ jnp.linalg.solve(_masked(jax.hessian(loss)(at), at > 0), jacobian.T)
        return jnp.where(attained, gain, jnp.inf), used, reaction, x

    gain, used, reaction, x = jax.vmap(one)(environments)
    return supplies @ prices + jnp.sum(gain), supplies - jnp.sum(used, axis=0), jnp.sum(reaction, axis=0), x


def solve_program(
    program: Program,
    environments: Any,
    supplies: Float[Array, " K"],
    *,
    start: Float[Array, " n"] | None = None,
    first_prices: Float[Array, " K"] | None = None,
) -> Equilibrium:
    """Solve one program by dual Newton; pure, vmappable, differentiable (first order) in environments and
    supplies.

    environments: a pytree whose leaves have a leading axis of N divisions. ``start`` is a strictly positive
    activity vector from which private problems begin (default ones). What cannot be solved is NaN with
    NOT_CONVERGED.
    """
    start = jnp.ones(program.activities, supplies.dtype) if start is None else start
    fixed = lax.stop_gradient((environments, supplies))
    exact = jnp.finfo(supplies.dtype).bits == 64
    scale = jnp.maximum(1, jnp.abs(fixed[1]))
    evaluate = lambda prices: _dual(program, *fixed, start, prices)[:3]  # noqa: E731
    begin = _first_price(evaluate, fixed[1]) if first_prices is None else first_prices
    found = projected_newton(evaluate, begin, scale, tolerance=1e-12 if exact else 2e-6)
    binds = found.point > 0
    _, excess, hessian, _ = _dual(program, environments, supplies, start, found.point)
    slope = jnp.where(binds[:, None] & binds[None, :], hessian, jnp.eye(len(binds), dtype=hessian.dtype))
    prices = one_step(found.point, lambda _: jnp.where(binds, excess, 0), slope)
    return _report(program, environments, supplies, prices, start, found.iterations, 1e-8 if exact else 1e-4)


def _first_price(evaluate: Callable[[Array], tuple[Array, Array, Array]], supplies: Array) -> Array:
    """Bisect ln t on the ray p = t/b, as the price mechanism with closed-form demand does."""
    size = jnp.abs(supplies)
    ray = 1 / jnp.maximum(size, 1e-3 * jnp.max(size) + 1e-30)

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        value, excess, _hessian = evaluate(jnp.exp2(middle) * ray)
        up = ~jnp.isfinite(value) | (excess @ ray < 0)
        return jnp.where(up, middle, low), jnp.where(up, high, middle)

    ends = (jnp.asarray(-20.0, ray.dtype), jnp.asarray(20.0, ray.dtype))
    return jnp.exp2(lax.fori_loop(0, 6, halve, ends)[1]) * ray


def _report(
    program: Program,
    environments: Any,
    supplies: Array,
    prices: Array,
    start: Array,
    rounds: Array,
    accept: float,
) -> Equilibrium:
    """Evaluate the Karush-Kuhn-Tucker residuals at the prices and hide numbers that do not pass."""

    def one(environment: Any) -> tuple[Array, Array, Array, Array]:
        x = private_response(program, environment, prices, start)
        used = program.consumption(environment, x)
        loss = lambda v: prices @ program.consumption(environment, v) - program.profit(environment, v)  # noqa: E731
        cost = jax.grad(lambda v: prices @ program.consumption(environment, v))(x)
        gap = jnp.abs(jnp.minimum(x, jax.grad(loss)(x))) / jnp.maximum(1, jnp.abs(cost))
        return x, used, program.profit(environment, x), jnp.max(gap)

    x, used, profit, gaps = jax.vmap(one)(environments)
    slack = (supplies - jnp.sum(used, axis=0)) / jnp.maximum(1, jnp.abs(supplies))
    stationarity, resources = jnp.max(gaps), jnp.max(jnp.abs(jnp.minimum(prices, slack)))
    residual = jnp.maximum(stationarity, resources)
    good = jnp.isfinite(residual) & (residual <= accept)
    hide = lambda value: jnp.where(good, value, jnp.nan)  # noqa: E731
    return Equilibrium(
        hide(prices), hide(x), hide(used), hide(jnp.sum(profit)), residual, stationarity, resources,
        jnp.where(good, SOLVED, NOT_CONVERGED), rounds,
    )  # fmt: skip


@float64
def convex_equilibrium(
    program: Program, environments: Any, supplies: Any, *, start: Any = None
) -> Equilibrium:
    """Return the equilibrium of the price mechanism for a general agentwise separable convex program, in
    float64.

    Raises `NoEquilibrium` when no point with a residual of at most 1e-8 is found: general functions carry no
    certificate, so an infeasible or unbounded program is reported as not converged, never as numbers.
    Source: Ishikida (1992), section 3.1, conditions (3.1), (3.2).
    """
    b = numbers("supplies", supplies)
    require(
        b.ndim == 1 and b.size > 0, "supplies", b.shape, "has the wrong shape", "give one number per resource"
    )
    integer("activities", program.activities, low=1)
    leaves = jax.tree.map(jnp.asarray, environments)
    first = None if start is None else jnp.asarray(numbers("start", start))
    solved = jax.jit(solve_program, static_argnums=0)(program, leaves, jnp.asarray(b), start=first)
    demand_solved(solved.status, "price mechanism (general program)")
    return jax.device_get(solved)
