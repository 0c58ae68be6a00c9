"""Derivatives of what is defined by an equation: stationary laws, fixed points, optima.

If x(theta) solves F(x, theta) = 0 then dx = -F_x^{-1} F_theta dtheta whatever the solver did to find x:
nothing is unrolled, and both modes of differentiation work (also of these derivatives). The linear systems
are dense: meant for up to a few thousand unknowns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from jaxsim.core.types import Array, Float


def stationary_law(transitions: Float[Array, "states states"]) -> Float[Array, " states"]:
    """Return pi with pi P = pi and sum pi = 1, differentiable in P (one recurrent class).

    dpi = pi dP D with D the deviation matrix of the chain: the derivative of the linear solve.
    """
    states = transitions.shape[0]
    system = (jnp.eye(states, dtype=transitions.dtype) - transitions).at[:, 0].set(1.0)
    first = jnp.zeros(states, transitions.dtype).at[0].set(1.0)
    return jnp.linalg.solve(system.T, first)


def _solve(equation: Callable[[Array], Array], right: Array) -> Array:
    """Solve a linear equation given as a function."""
    return jnp.linalg.solve(jax.jacobian(equation)(right), right)


def root(equation: Callable[[Any], Any], start: Any, solver: Callable[[Any, Any], Any]) -> Any:
    """Return the x that ``solver(equation, start)`` finds for equation(x) = 0, with its implicit derivative.

    The derivative is with respect to everything that ``equation`` closes over; ``start`` has none.
    """
    flat, rebuild = ravel_pytree(start)

    def raveled(x: Array) -> Array:
        return ravel_pytree(equation(rebuild(x)))[0]

    def solve(_: Any, x: Array) -> Array:
        return ravel_pytree(solver(equation, rebuild(x)))[0]

    return rebuild(lax.custom_root(raveled, lax.stop_gradient(flat), solve, _solve))


def fixed_point(
    step: Callable[[Any], Any], start: Any, *, tolerance: float = 1e-6, limit: int = 10_000
) -> Any:
    """Return x = step(x) by iteration from ``start``, differentiable: (I - step_x) dx = step_theta dtheta.

    Iterates until no number changes by more than ``tolerance``; NaN if that takes more than ``limit`` steps.
    """

    def distance(x: Any, y: Any) -> Array:
        return jnp.max(jnp.abs(ravel_pytree(x)[0] - ravel_pytree(y)[0]))

    def solver(_: Any, x: Any) -> Any:
        def more(carry: tuple[Any, Any, Array]) -> Array:
            return (distance(carry[0], carry[1]) > tolerance) & (carry[2] < limit)

        def again(carry: tuple[Any, Any, Array]) -> tuple[Any, Any, Array]:
            return carry[1], step(carry[1]), carry[2] + 1

        last, new, _ = lax.while_loop(more, again, (x, step(x), jnp.int32(0)))
        found = distance(last, new) <= tolerance
        return jax.tree.map(lambda leaf: jnp.where(found, leaf, jnp.nan), new)

    return root(lambda x: jax.tree.map(jnp.subtract, x, step(x)), start, solver)


def optimum(objective: Callable[[Array], Array], start: Array, *, steps: int = 50) -> Array:
    """Return a local minimum by Newton's method, differentiable through its optimality condition.

        grad f(x, theta) = 0,   dx = -f_xx^{-1} f_x,theta dtheta.

    f must be smooth and convex around the path of the iterates; steps are halved until f does not rise.
    """

    def solver(slope: Callable[[Array], Array], x: Array) -> Array:
        def newton(_: Any, x: Array) -> Array:
            move = jnp.linalg.solve(jax.jacobian(slope)(x), slope(x))
            sizes = 0.5 ** jnp.arange(20.0)
            worth = jax.vmap(lambda size: objective(x - size * move))(sizes)
            good = worth <= objective(x)
            return jnp.where(jnp.any(good), x - sizes[jnp.argmax(good)] * move, x)

        return lax.fori_loop(0, steps, newton, x)

    return root(jax.grad(objective), start, solver)
