"""Price rules of the resource division: pytrees that turn an `Observation` into new prices and a memory.

They see supplies, prices and excess demand, never a division's environment.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jaxsim.core.kernel import System
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Real
from jaxsim.core.validation import positive
from jaxsim.models.mechanisms.kernel import Observation
from jaxsim.models.mechanisms.tatonnement import Memory, adaptive_step


@pytree
class Adaptive:
    """Steps that adapt to the local steepness of excess demand (see `tatonnement.adaptive_step`), times
    ``speed``.

    speed 1 is the rule that converges; other values are for comparison.
    """

    speed: Float[Array, ""]

    def __call__(self, key: Any, seen: Observation) -> tuple[Array, Memory]:
        """Return the next prices and what to remember."""
        del key
        moved, memory = adaptive_step(seen.prices, seen.excess, seen.supplies, seen.memory)
        return jnp.maximum(seen.prices + self.speed * (moved - seen.prices), seen.prices / 2), memory


@pytree
class Multiplicative:
    """p <- p exp(-gain e), within a factor of two per round: the textbook rule, with a constant gain."""

    gain: Float[Array, ""]

    def __call__(self, key: Any, seen: Observation) -> tuple[Array, Memory]:
        """Return the next prices; nothing is remembered."""
        del key
        factor = jnp.clip(jnp.exp(jnp.clip(-self.gain * seen.excess, -1, 1)), 0.5, 2)
        return seen.prices * factor, seen.memory


def adaptive(system: System, *, speed: Real = 1.0) -> Adaptive:
    """Return the adaptive rule.

    Args:
        speed: factor on the step, above 0; 1 is the rule with the convergence proof.
    """
    del system
    return Adaptive(jnp.asarray(positive("speed", speed), jnp.float32))


def multiplicative(system: System, *, gain: Real = 0.5) -> Multiplicative:
    """Return the multiplicative rule.

    Args:
        gain: relative price change per unit of relative excess demand, above 0; too large a gain cycles.
    """
    del system
    return Multiplicative(jnp.asarray(positive("gain", gain), jnp.float32))
