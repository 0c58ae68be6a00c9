"""Utility functions of one activity, elementwise over participants: value, marginal value, demand at a price.

Each class is a pytree of parameters (differentiable, vmappable) with the same five methods:

    value(x) = u(x),  marginal(x) = u'(x),  curvature(x) = u''(x),
    demand(price) = argmax_{x >= 0} u(x) - price x,   grows = whether u increases for ever.

``demand`` is infinite where the maximum is not attained (a growing utility at a price of 0 or less); solvers
treat that as "this price is outside the domain of the dual function", never as a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array


@runtime_checkable
class Utility(Protocol):
    """What a solver asks of a utility function; every method works elementwise."""

    @property
    def grows(self) -> bool:
        """Whether the utility has no satiation point (its demand at price 0 is infinite)."""
        ...

    def value(self, x: Array) -> Array:
        """Return u(x)."""
        ...

    def marginal(self, x: Array) -> Array:
        """Return u'(x)."""
        ...

    def curvature(self, x: Array) -> Array:
        """Return u''(x) < 0."""
        ...

    def demand(self, price: Array) -> Array:
        """Return the x >= 0 that maximizes u(x) - price x."""
        ...


@pytree
class SquareRoot:
    """u(x) = 2 weight sqrt(x): demand (weight/price)^2, always positive (Ishikida 1992, section 2.1.3)."""

    weight: Any
    grows: ClassVar[bool] = True

    def value(self, x: Array) -> Array:
        """Return 2 weight sqrt(x)."""
        return 2 * self.weight * jnp.sqrt(x)

    def marginal(self, x: Array) -> Array:
        """Return weight / sqrt(x), infinite at 0."""
        return self.weight / jnp.sqrt(x)

    def curvature(self, x: Array) -> Array:
        """Return -weight / (2 x^(3/2))."""
        return -self.weight / (2 * x * jnp.sqrt(x))

    def demand(self, price: Array) -> Array:
        """Return (weight/price)^2; infinite at prices <= 0."""
        safe = jnp.where(price > 0, price, 1)
        return jnp.where(price > 0, (self.weight / safe) ** 2, jnp.inf)


@pytree
class Logarithmic:
    """u(x) = weight ln(1 + x/scale): demand max(0, weight/price - scale)."""

    weight: Any
    scale: Any
    grows: ClassVar[bool] = True

    def value(self, x: Array) -> Array:
        """Return weight ln(1 + x/scale)."""
        return self.weight * jnp.log1p(x / self.scale)

    def marginal(self, x: Array) -> Array:
        """Return weight / (scale + x)."""
        return self.weight / (self.scale + x)

    def curvature(self, x: Array) -> Array:
        """Return -weight / (scale + x)^2."""
        return -self.weight / (self.scale + x) ** 2

    def demand(self, price: Array) -> Array:
        """Return max(0, weight/price - scale); infinite at prices <= 0."""
        safe = jnp.where(price > 0, price, 1)
        return jnp.where(price > 0, jnp.maximum(self.weight / safe - self.scale, 0), jnp.inf)


@pytree
class Quadratic:
    """u(x) = intercept x - slope x^2/2: demand max(0, (intercept - price)/slope), satiated at
    intercept/slope.

    Beyond satiation the utility falls, so an activity that yields resources is never run for ever.
    """

    intercept: Any
    slope: Any
    grows: ClassVar[bool] = False

    def value(self, x: Array) -> Array:
        """Return intercept x - slope x^2/2."""
        return x * (self.intercept - self.slope * x / 2)

    def marginal(self, x: Array) -> Array:
        """Return intercept - slope x."""
        return self.intercept - self.slope * x

    def curvature(self, x: Array) -> Array:
        """Return -slope."""
        return -self.slope * jnp.ones_like(x)

    def demand(self, price: Array) -> Array:
        """Return max(0, (intercept - price)/slope)."""
        return jnp.maximum((self.intercept - price) / self.slope, 0)


@pytree
class Mixed:
    """Each participant its own kind of utility: ``members[kind[j]]`` for participant j.

    All members hold parameters for every participant (those that are not used must still be valid numbers).
    """

    kind: Any
    members: tuple[Any, ...]

    @property
    def grows(self) -> bool:
        """Whether some member grows for ever."""
        return any(member.grows for member in self.members)

    def _pick(self, method: str, x: Array) -> Array:
        kind = jnp.asarray(self.kind)
        # a member meets only arguments of its own participants: elsewhere a derivative could be 0 * infinity
        every = [getattr(m, method)(jnp.where(kind == i, x, 1)) for i, m in enumerate(self.members)]
        return jnp.select([kind == i for i in range(len(every))], every)

    def value(self, x: Array) -> Array:
        """Return the value of each participant's own member."""
        return self._pick("value", x)

    def marginal(self, x: Array) -> Array:
        """Return the marginal value of each participant's own member."""
        return self._pick("marginal", x)

    def curvature(self, x: Array) -> Array:
        """Return the second derivative of each participant's own member."""
        return self._pick("curvature", x)

    def demand(self, price: Array) -> Array:
        """Return the demand of each participant's own member."""
        return self._pick("demand", price)


@pytree
class Custom:
    """Any strictly concave differentiable u(x) = function(parameters, x) on x >= 0, elementwise in jax.numpy.

    Derivatives come from automatic differentiation and the demand from bracketing and bisection of u'(x) =
    price (to rounding), with the derivative of the implicit function. A demand above 2^60 counts as infinite.
    ``growing`` says that u has no satiation point.
    """

    parameters: Any
    function: Callable[[Any, Array], Array] = static()
    growing: bool = static(True)

    @property
    def grows(self) -> bool:
        """Whether the user declared that the utility has no satiation point."""
        return self.growing

    def value(self, x: Array) -> Array:
        """Return function(parameters, x)."""
        return self.function(self.parameters, x)

    def marginal(self, x: Array) -> Array:
        """Return du/dx by automatic differentiation."""
        return jax.grad(lambda at: jnp.sum(self.function(self.parameters, at)))(x)

    def curvature(self, x: Array) -> Array:
        """Return d2u/dx2 by automatic differentiation."""
        return jax.grad(lambda at: jnp.sum(self.marginal(at)))(x)

    def demand(self, price: Array) -> Array:
        """Return the root of u'(x) = price, 0 where u'(0) <= price; infinite where u' never falls to
        price.
        """
        found = _bisect(lax.stop_gradient(self), lax.stop_gradient(price))
        inner = jnp.isfinite(found) & (found > 0)
        at = jnp.where(inner, found, 1)
        # one Newton step from the (constant) root: the same value, and the implicit function's derivative
        step = at - (self.marginal(at) - price) / lax.stop_gradient(self.curvature(at))
        return jnp.where(inner, step, found)


def _bisect(utility: Custom, price: Array) -> Array:
    """Bracket u'(x) = price by doubling from 1 (at most 2^60), then bisect to rounding."""
    below = lambda x: utility.marginal(x) > price  # noqa: E731  x lies below the root

    def double(_: Any, high: Array) -> Array:
        return jnp.where(below(high), 2 * high, high)

    high = lax.fori_loop(0, 60, double, jnp.ones_like(price))
    endless = below(high)

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        up = below(middle)
        return jnp.where(up, middle, low), jnp.where(up, high, middle)

    low, high = lax.fori_loop(0, 100, halve, (jnp.zeros_like(price), high))
    corner = ~below(jnp.zeros_like(price))  # u'(0) <= price (nan, as of 0 * inf, counts as a corner)
    return jnp.where(endless, jnp.inf, jnp.where(corner, 0.0, (low + high) / 2))


def growing(utility: Utility, shape: tuple[int, ...]) -> Array:
    """Return for each participant whether its utility grows for ever, as a boolean array of the shape."""
    if isinstance(utility, Mixed):
        kind = jnp.broadcast_to(jnp.asarray(utility.kind), shape)
        return jnp.select([kind == i for i in range(len(utility.members))],
                          [jnp.full(shape, member.grows) for member in utility.members])  # fmt: skip
    return jnp.full(shape, utility.grows)
