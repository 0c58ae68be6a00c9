"""A standard normal variable from one word of random bits, by inversion."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.types import Array, Float, UInt32


def normal(word: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    """Return Phi^-1(u) = sqrt(2) erf^-1(2 u - 1), u an odd multiple of 2**-24: |result| <= 5.3.

    The signed number 2 u - 1 is formed from the word's upper 23 bits without rounding.
    """
    signed = (word >> np.uint32(9)).astype(jnp.float32) * np.float32(2.0**-22) - np.float32(1.0 - 2.0**-23)
    return np.float32(np.sqrt(2.0)) * lax.erf_inv(signed)
