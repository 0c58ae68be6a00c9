"""Computing shared things once: what keeps XLA from repeating a step's logic for each of its outputs."""

from __future__ import annotations

from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Float

Flags = TypeVar("Flags", bound=tuple[Any, ...])


def once(flags: Flags, one: Float[Array, ""]) -> Flags:
    """Return the same flags, evaluated once however many results depend on them.

    XLA emits one loop for each array that a step returns and repeats in it everything cheap that the array
    depends on: a decision that eight arrays depend on is taken eight times. A division counts as dear and is
    never repeated, so the flags pass through one, packed as the bits of a float32 (exact for 24 of them). On
    one CPU core this made a kernel with ten outputs a fifth faster; an `optimization_barrier` did nothing.

    Args:
        flags: a named tuple of at most 24 booleans.
        one: the number 1 as a traced array (a constant would be simplified away).
    """
    packed = sum(jnp.asarray(flag).astype(jnp.int32) << i for i, flag in enumerate(flags))
    word = (jnp.asarray(packed, jnp.int32).astype(jnp.float32) / one).astype(jnp.int32)
    return type(flags)(*(((word >> np.int32(i)) & np.int32(1)) == 1 for i in range(len(flags))))
