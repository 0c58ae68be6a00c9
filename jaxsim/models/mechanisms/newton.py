"""Newton's method for a convex function on the nonnegative orthant (dual prices, private problems).

    minimize D(p) over p >= 0,   optimal iff  min(p_i, dD/dp_i) = 0 for every i.

D is convex and continuously differentiable with a piecewise continuous second derivative; it may be +infinity
outside its domain, where the line search never goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array, Float

Evaluate = Callable[[Array], tuple[Array, Array, Array]]


class NewtonResult(NamedTuple):
    """The point [n], its residual max_i |min(p_i, gradient_i / scale_i)|, and the iterations used."""

    point: Array
    residual: Array
    iterations: Array


class _Carry(NamedTuple):
    point: Array  # the last accepted point, with its value, gradient, Hessian and residual
    value: Array
    gradient: Array
    hessian: Array
    residual: Array
    direction: Array
    step: Array  # the step along the direction that comes next
    best: Array
    best_residual: Array
    iterations: Array  # accepted points
    stalled: Array
    evaluations: Array


def _residual(point: Array, gradient: Array, scale: Array) -> Array:
    worst = jnp.max(jnp.abs(jnp.minimum(point, gradient / scale)))
    return jnp.where(jnp.isnan(worst), jnp.inf, worst)


def _direction(point: Array, gradient: Array, hessian: Array, residual: Array) -> Array:
    """Newton's direction in the free coordinates; in the active ones a gradient step scaled by the diagonal.

    A coordinate is active when it lies near 0 and its gradient pushes it there (Bertsekas 1982); then every
    projected step along the direction is a descent for small steps.
    """
    diagonal = jnp.diagonal(hessian)
    near = jnp.minimum(residual, 1e-3 * jnp.max(point))
    active = (point <= near) & (gradient > 0)
    coupling = active[:, None] | active[None, :]
    tiny = jnp.finfo(diagonal.dtype).eps * jnp.max(jnp.abs(diagonal)) + jnp.finfo(diagonal.dtype).tiny
    # where nothing reacts to a price there is no slope: step all the way to 0 and let the line search come
    # back
    reach = jnp.maximum(point, 1e-3 * jnp.max(point) + jnp.finfo(diagonal.dtype).eps)
    flat = diagonal * reach < 1e-10 * jnp.abs(gradient)
    missing = jnp.where(flat, jnp.abs(gradient) / reach, 0)
    # a slope that fades with the residual keeps a singular Hessian (few participants) from throwing the
    # point away
    fading = 1e-3 * jnp.minimum(1, residual) * diagonal
    added = jnp.where(active, diagonal, fading) + 4 * tiny + missing
    kept = jnp.where(coupling, 0, hessian) + jnp.diag(added)
    # a unit diagonal keeps the solve accurate when the coordinates have very different units
    root = jnp.sqrt(jnp.diagonal(kept))
    solved = jnp.linalg.solve(kept / (root[:, None] * root[None, :]), gradient / root) / root
    return -solved


def _advance(evaluate: Evaluate, scale: Array, carry: _Carry) -> _Carry:
    """Evaluate the next point on the projected arc; accept it if the value fell enough (Armijo), halve
    otherwise.

    One evaluation per call and one place where it is made: compilation and ``vmap`` both like that better
    than a line search nested in the iteration.
    """
    point = jnp.maximum(carry.point + carry.step * carry.direction, 0)
    value, gradient, hessian = evaluate(point)
    slack = 8 * jnp.finfo(value.dtype).eps * (1 + jnp.abs(value))
    first = carry.evaluations == 0
    fallen = value <= carry.value + 1e-4 * jnp.dot(carry.gradient, point - carry.point) + slack
    usable = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient)) & jnp.all(jnp.isfinite(hessian))
    good = usable & (fallen | first)
    residual = jnp.where(good, _residual(point, gradient, scale), carry.residual)
    better = residual < carry.best_residual
    progress = (residual < 0.9 * carry.best_residual) | (value < carry.value - slack)
    keep = lambda new, old: jnp.where(good, new, old)  # noqa: E731
    point, gradient, hessian = (
        keep(point, carry.point), keep(gradient, carry.gradient), keep(hessian, carry.hessian),
    )  # fmt: skip
    return _Carry(
        point, keep(value, carry.value), gradient, hessian, residual,
        keep(_direction(point, gradient, hessian, residual), carry.direction), keep(1.0, carry.step / 2),
        jnp.where(better, point, carry.best), jnp.minimum(residual, carry.best_residual),
        carry.iterations + (good & ~first),
        jnp.where(good & ~progress, carry.stalled + 1, carry.stalled * ~good),
        carry.evaluations + 1,
    )  # fmt: skip


def projected_newton(
    evaluate: Evaluate,
    start: Float[Array, " n"],
    scale: Float[Array, " n"],
    *,
    tolerance: float,
    limit: int | Array = 200,
) -> NewtonResult:
    """Minimize a convex function over the nonnegative orthant by projected Newton steps with a line search.

        p <- max(p + t d, 0),  d = -H^{-1} g on the free coordinates,  t = 1, 1/2, 1/4, ...

    ``evaluate(p)`` returns the value, the gradient [n] and the Hessian [n, n]; ``start`` must lie in the
    domain. Stops when the residual max_i |min(p_i, g_i/scale_i)| is at most ``tolerance``, when no step is
    acceptable, when neither the residual nor the value has fallen for 12 steps (rounding), or at ``limit``.
    The caller judges the residual: the point with the smallest one is returned, whatever made the iteration
    stop. Pure; may be vmapped and jitted. Source of the active set: Bertsekas, Projected Newton methods
    (SIAM J. Control Optim. 20, 1982).
    """
    size = start.shape[0]
    zero, one = jnp.zeros((), jnp.int32), jnp.ones((), start.dtype)
    never = jnp.full((), jnp.inf, start.dtype)
    carry = _Carry(
        start, never, jnp.zeros_like(start), jnp.eye(size, dtype=start.dtype), never,
        jnp.zeros_like(start), one, start, never, zero, zero, zero,
    )  # fmt: skip

    def go_on(carry: _Carry) -> Array:
        searching = (carry.step > 1e-18) & ((carry.evaluations == 0) | jnp.isfinite(carry.value))
        return (carry.residual > tolerance) & (carry.iterations < limit) & (carry.stalled < 12) & searching

    carry = lax.while_loop(go_on, lambda carry: _advance(evaluate, scale, carry), carry)
    return NewtonResult(carry.best, carry.best_residual, carry.iterations)


def one_step(point: Array, residual: Callable[[Array], Array], slope: Array) -> Array:
    """Return a solved point with the derivative that the implicit function theorem gives it.

        p = p* - J^{-1} F(p*, data)   with p* and J = dF/dp constant:   dp/d(data) = -J^{-1} dF/d(data).

    ``residual`` is F at the constant point as a function of the data it closes over. First derivatives are
    exact (forward and reverse); second derivatives through this point are not defined by it.
    """
    fixed = lax.stop_gradient(point)
    shift = jnp.linalg.solve(lax.stop_gradient(slope), residual(fixed))
    # the value stays the solver's own point; only the derivative comes from the step
    return fixed - (shift - lax.stop_gradient(shift))
