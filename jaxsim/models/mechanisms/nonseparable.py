"""Two divisions with a joint cost: the example that needs an externality price beside the resource price.

    maximize  f_1(x_1) + f_2(x_2) - (w_1 x_1 + w_2 x_2)^2 / 2,   x_1 + x_2 <= b,   f_j(x) = 2 z_j sqrt(x).

The conditions (3.5) to (3.7) of a division hold k = w_1 x_1 + w_2 x_2, which it does not know, so k needs a
price of its own: messages need dimension 4, where a separable program of this size needs 3.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Real
from jaxsim.core.validation import positive, require
from jaxsim.models.mechanisms.status import NOT_CONVERGED, SOLVED, demand_solved


@pytree
class JointCost:
    """Announced message and its value: resource price, externality price k (0 where none is announced),
    activities [2], welfare.

    residual: the largest violation of (3.5) to (3.7), of k = w'x and of x_1 + x_2 <= b; status as in
    `status.py`.
    """

    price: Array
    externality: Array
    activities: Array
    welfare: Array
    residual: Array
    status: Array


def joint_cost(
    appeal: Float[Array, " 2"], burden: Float[Array, " 2"], supply: Float[Array, ""], *, priced: bool = True
) -> JointCost:
    """Return the optimal activities of the two divisions and the prices that support them.

        z_j / sqrt(x_j) = lambda + w_j k,   k = w_1 x_1 + w_2 x_2,   lambda >= 0,  lambda (b - x_1 - x_2) = 0.

    appeal z [2], burden w [2], supply b > 0. With ``priced=False`` no externality price is announced and
    each division counts its own part of the cost only, (w_j x_j)^2/2 (k is replaced by w_j x_j), as a price
    mechanism for separable programs would have it; the welfare still counts the whole joint cost.
    Nested bisection on k inside lambda (both monotone), then one Newton step on the conditions for the
    derivative. Special case w_1 = w_2: x_j = b z_j^2/(z_1^2 + z_2^2) where the resource binds.
    Source: Ishikida (1992), section 3.3, equations (3.5) to (3.7).
    """
    z, w, b = lax.stop_gradient((appeal, burden, supply))

    def activities(price: Array, known: Array) -> Array:
        cost = price + w * known
        return (z / jnp.where(cost > 0, cost, jnp.finfo(z.dtype).tiny ** 0.25)) ** 2

    def known(price: Array) -> Array:
        # w_j x_j falls in what is charged, so what is charged is a monotone root in (0, sum of the roots
        # alone)
        high = 1 + 2 * jnp.sum((z**2 / w) ** (1 / 3)) * jnp.ones_like(z)
        return _root(lambda k: k < _burden(w * activities(price, k), priced), jnp.zeros_like(z), high)

    excess = lambda price: jnp.sum(activities(price, known(price))) > b  # noqa: E731
    top = jnp.sqrt(jnp.sum(z**2) / b)  # without any joint cost this price clears the market
    price = jnp.where(excess(jnp.zeros_like(b)), _root(excess, jnp.zeros_like(b), top * (1 + 1e-6)), 0)
    start = jnp.concatenate([price[None], known(price), activities(price, known(price))])
    return _polish(start, (appeal, burden, supply), priced)


def _burden(parts: Array, priced: bool) -> Array:
    """Return for each division the burden that it is charged for: the sum of the parts, or its own part."""
    return jnp.sum(parts) * jnp.ones_like(parts) if priced else parts


def _root(above: object, low: Array, high: Array) -> Array:
    """Bisect a monotone test (true to the left of the root) to rounding."""

    def halve(_: object, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        left, right = bracket
        middle = (left + right) / 2
        more = above(middle)  # type: ignore[operator]
        return jnp.where(more, middle, left), jnp.where(more, right, middle)

    return lax.fori_loop(0, 80, halve, (low, high))[1]


def _polish(start: Array, data: tuple[Array, Array, Array], priced: bool) -> JointCost:
    """Take Newton steps on the conditions, the last with the data's derivative, and judge the residual."""
    binds = start[0] > 0

    def conditions(message: Array, data: tuple[Array, Array, Array]) -> Array:
        appeal, burden, supply = data
        price, known, x = message[0], message[1:3], message[3:]
        market = jnp.where(binds, jnp.sum(x) - supply, price)
        best = appeal / jnp.sqrt(x) - price - burden * known
        return jnp.concatenate([market[None], known - _burden(burden * x, priced), best])

    fixed = lax.stop_gradient(data)
    slope = lambda at: jax.jacobian(conditions)(at, fixed)  # noqa: E731
    at = start
    for _ in range(2):
        at = at - jnp.linalg.solve(slope(at), conditions(at, fixed))
    message = at - jnp.linalg.solve(lax.stop_gradient(slope(at)), conditions(at, data))
    appeal, burden, supply = data
    x = message[3:]
    gaps = jnp.stack([jnp.max(jnp.abs(conditions(message, fixed))), jnp.sum(x) - supply, -message[0]])
    residual = jnp.max(gaps)
    welfare = jnp.sum(2 * appeal * jnp.sqrt(x)) - (burden @ x) ** 2 / 2
    good = residual <= (1e-8 if jnp.finfo(x.dtype).bits == 64 else 1e-4)
    hide = lambda value: jnp.where(good, value, jnp.nan)  # noqa: E731
    status = jnp.where(good, SOLVED, NOT_CONVERGED)
    social = message[1] if priced else jnp.zeros_like(message[1])
    return JointCost(hide(message[0]), hide(social), hide(x), hide(welfare), residual, status)


@float64
def joint_cost_equilibrium(appeal: Real, burden: Real, supply: Real, *, priced: bool = True) -> JointCost:
    """Return `joint_cost` for one validated instance, in float64; raises `NoEquilibrium` if it is not
    solved.
    """
    z, w, b = positive("appeal", appeal), positive("burden", burden), positive("supply", supply)
    require(z.shape == (2,), "appeal", z, "has the wrong length", "give two numbers")
    require(w.shape == (2,), "burden", w, "has the wrong length", "give two numbers")
    require(b.shape == (), "supply", b, "is not one number", "give one number")
    solved = jax.jit(joint_cost, static_argnames="priced")(
        jnp.asarray(z), jnp.asarray(w), jnp.asarray(b), priced=priced
    )
    demand_solved(solved.status, "non-separable example")
    return jax.device_get(solved)
