"""Smooth maps from free numbers onto the sets that tuned quantities live in.

A constraint is an object with ``to(free) -> value`` and ``of(value) -> free``; the descent moves the free
numbers, so every iterate is feasible and nothing is clipped. The open set is covered: a bound itself is
reached only in the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from jaxsim.core.types import Array, Float


@runtime_checkable
class Constraint(Protocol):
    """A smooth map from free numbers onto a set, and its inverse."""

    def to(self, free: Any) -> Any:
        """Return the point of the set."""
        ...

    def of(self, value: Any) -> Any:
        """Return free numbers that `to` maps to the value."""
        ...


@dataclass(frozen=True)
class Free:
    """No constraint."""

    def to(self, free: Any) -> Any:
        """Return the numbers themselves."""
        return free

    def of(self, value: Any) -> Any:
        """Return the value as arrays of floats."""
        return jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x, float)), value)


@dataclass(frozen=True)
class Interval:
    """Numbers between two bounds: low + (high - low) / (1 + exp(-free)); probabilities by default."""

    low: float = 0.0
    high: float = 1.0

    def to(self, free: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Return numbers inside (low, high)."""
        return self.low + (self.high - self.low) * jax.nn.sigmoid(free)

    def of(self, value: Any) -> Float[Array, "*n"]:
        """Return the logit of the share of the interval below the value."""
        share = (jnp.asarray(value, float) - self.low) / (self.high - self.low)
        return jnp.log(share) - jnp.log1p(-share)


@dataclass(frozen=True)
class Positive:
    """Positive numbers: exp(free), so that a step is a relative change."""

    def to(self, free: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Return positive numbers."""
        return jnp.exp(free)

    def of(self, value: Any) -> Float[Array, "*n"]:
        """Return the logarithm."""
        return jnp.log(jnp.asarray(value, float))


@dataclass(frozen=True)
class Simplex:
    """Positive numbers that sum to 1 over the last axis: softmax(free)."""

    def to(self, free: Float[Array, "*n outcomes"]) -> Float[Array, "*n outcomes"]:
        """Return a distribution."""
        return jax.nn.softmax(free, axis=-1)

    def of(self, value: Any) -> Float[Array, "*n outcomes"]:
        """Return the logarithm, whose softmax is the value."""
        return jnp.log(jnp.asarray(value, float))


@dataclass(frozen=True)
class Ordered:
    """Increasing positive numbers (a menu): cumulative sums of exp(free) over the last axis."""

    def to(self, free: Float[Array, "*n marks"]) -> Float[Array, "*n marks"]:
        """Return increasing numbers above 0."""
        return jnp.cumsum(jnp.exp(free), axis=-1)

    def of(self, value: Any) -> Float[Array, "*n marks"]:
        """Return the logarithms of the gaps, the first one from 0."""
        return jnp.log(jnp.diff(jnp.asarray(value, float), axis=-1, prepend=0.0))
