"""Preferences over bundles of K goods: utility of a bundle, and demand at prices for a given wealth.

Each class is a pytree of parameters for N consumers (differentiable, vmappable) with the same three methods:

    value(x) = u_j(x_j) [N],   demand(p, m) = argmax { u_j(x) : p'x <= m_j, x >= 0 } [N, K],
    substitutes() = whether all goods are gross substitutes for everybody (demand for one never falls when
    another one's price rises), which makes the equilibrium of an exchange economy unique.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float
from jaxsim.models.mechanisms.newton import one_step, projected_newton


@runtime_checkable
class Preferences(Protocol):
    """What an exchange economy asks of its consumers."""

    def value(self, x: Array) -> Array:
        """Return the utility [N] of bundles [N, K]."""
        ...

    def demand(self, prices: Array, wealth: Array) -> Array:
        """Return the bundles [N, K] demanded at prices [K] with wealth [N]."""
        ...

    def substitutes(self) -> Array:
        """Return whether gross substitution is known to hold for everybody."""
        ...


@pytree
class CobbDouglas:
    """u(x) = sum_k a_k ln x_k with shares a [N, K] that add up to 1: demand a_k m / p_k."""

    shares: Any

    def value(self, x: Array) -> Array:
        """Return sum_k a_k ln x_k (-infinity where a good with a positive share is missing)."""
        wanted = self.shares > 0
        logs = jnp.log(jnp.where(wanted, x, 1))
        return jnp.sum(self.shares * logs, axis=-1)

    def demand(self, prices: Array, wealth: Array) -> Array:
        """Return a_k m / p_k."""
        return self.shares * wealth[:, None] / prices

    def substitutes(self) -> Array:
        """Return whether everybody wants every good (then gross substitution holds)."""
        return jnp.all(jnp.asarray(self.shares) > 0)


@pytree
class CES:
    """u(x) = (sum_k a_k^{1/s} x_k^{(s-1)/s})^{s/(s-1)}: weights a [N, K], elasticity of substitution s [N].

    s > 0 and not 1 (s -> 1 is `CobbDouglas`). Demand a_k p_k^{-s} m / sum_i a_i p_i^{1-s}.
    """

    weights: Any
    elasticity: Any

    def value(self, x: Array) -> Array:
        """Return the utility; for s < 1 it is 0 where a good with a positive weight is missing."""
        s = jnp.asarray(self.elasticity)[..., None]
        safe = jnp.where(x > 0, x, 1)
        inner = jnp.sum(jnp.where(x > 0, self.weights ** (1 / s) * safe ** ((s - 1) / s), 0), axis=-1)
        missing = jnp.any((x <= 0) & (self.weights > 0), axis=-1) & (s[..., 0] < 1)
        return jnp.where(missing, 0, jnp.where(missing, 1, inner) ** (s[..., 0] / (s[..., 0] - 1)))

    def demand(self, prices: Array, wealth: Array) -> Array:
        """Return a_k p_k^{-s} m / sum_i a_i p_i^{1-s}."""
        s = jnp.asarray(self.elasticity)[..., None]
        pull = self.weights * prices**-s
        return pull * (wealth / jnp.sum(pull * prices, axis=-1))[:, None]

    def substitutes(self) -> Array:
        """Return whether s >= 1 and every weight is positive."""
        return jnp.all(jnp.asarray(self.elasticity) >= 1) & jnp.all(jnp.asarray(self.weights) > 0)


@pytree
class Concave:
    """Any strictly concave, differentiable and nowhere satiated u_j(x) = function(parameters_j, x [K]).

    Leaves of ``parameters`` have a leading axis of N consumers. Demand is found by bisection on the marginal
    utility of money mu around Newton's method for max u(x) - mu p'x, x >= 0; its derivative by the implicit
    function theorem. NaN where it is not found.
    """

    parameters: Any
    function: Callable[[Any, Array], Array] = static()

    def value(self, x: Array) -> Array:
        """Return function(parameters_j, x_j) for every consumer."""
        return jax.vmap(self.function)(self.parameters, x)

    def demand(self, prices: Array, wealth: Array) -> Array:
        """Return the bundles that maximize utility within the budget."""
        one = lambda own, m: _bundle(lambda x, e: self.function(e, x), own, prices, m)  # noqa: E731
        return jax.vmap(one)(self.parameters, wealth)

    def substitutes(self) -> Array:
        """Return False: nothing is known about a user's function."""
        return jnp.asarray(False)


def _bundle(
    utility: Callable[[Array, Any], Array], own: Any, prices: Float[Array, " K"], wealth: Float[Array, ""]
) -> Float[Array, " K"]:
    """Return one consumer's demand: u'(x) = mu p on the goods she buys, p'x = m."""
    fixed, p, m = lax.stop_gradient((own, prices, wealth))
    size = p.shape[0]
    start = m / (size * p)
    exact = jnp.finfo(p.dtype).bits == 64

    def at(money: Array) -> Array:
        def evaluate(x: Array) -> tuple[Array, Array, Array]:
            loss = lambda v: money * (p @ v) - utility(v, fixed)  # noqa: E731
            return loss(x), jax.grad(loss)(x), jax.hessian(loss)(x)

        return projected_newton(
            evaluate, start, money * p, tolerance=1e-13 if exact else 1e-6, limit=60
        ).point

    # at half and double the marginal utilities of an equal split she spends more and less than she has
    middle = jnp.max(jax.grad(utility)(start, fixed) / p)

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        here = (low + high) / 2
        rich = p @ at(jnp.exp2(here) * middle) > m
        return jnp.where(rich, here, low), jnp.where(rich, high, here)

    ends = (jnp.asarray(-20.0, p.dtype), jnp.asarray(1.0, p.dtype))
    money = jnp.exp2(sum(lax.fori_loop(0, 48 if exact else 24, halve, ends)) / 2) * middle
    x = at(money)
    free = x > 0

    def conditions(point: Array, data: tuple[Any, Array, Array]) -> Array:
        own, prices, wealth = data
        bought, worth = point[:size], point[size]
        gap = jnp.where(free, jax.grad(utility)(bought, own) - worth * prices, bought)
        return jnp.append(gap, prices @ bought - wealth)

    point, data = jnp.append(x, money), (fixed, p, m)
    slope = lambda v: jax.jacobian(conditions)(v, data)  # noqa: E731
    point = point - jnp.linalg.solve(slope(point), conditions(point, data))
    solved = one_step(point, lambda v: conditions(v, (own, prices, wealth)), slope(point))[:size]
    gap = jnp.max(jnp.abs(conditions(point, data)) / jnp.append(money * p, m))
    return jnp.where(gap <= (1e-9 if exact else 1e-4), solved, jnp.nan)
