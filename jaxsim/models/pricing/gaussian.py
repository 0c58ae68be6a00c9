"""Standard normal variables from random words by inversion, and the shock that moves a reflected path."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import samplers
from jaxsim.core.types import Array, Float, UInt32

# Phi^-1((1 + x) / 2) / x as a polynomial in t = w / 8 - 1, where w = -log(1 - x^2) < 16, ascending: least
# squares in Chebyshev polynomials, reweighted until the relative error is level (1.5e-7).
_RATIO = (
    3.7638425827026367, 1.9952460527420044, -0.4575558006763458, 0.17816109955310822, -0.05168856307864189,
    -0.026509322226047516, 0.05954735726118088, -0.04347560554742813, 0.04960251599550247,
    -0.07280734181404114, -0.0135582834482193, 0.08430757373571396, -0.008741019293665886,
    -0.026787709444761276,
)  # fmt: skip


def normal(word: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    """Return Phi^-1(u), u an odd multiple of 2**-24 from the word's upper 23 bits: |result| <= 5.3.

    The relative error of every value is below 6e-7 (tested on all of them). One logarithm and one polynomial
    take half the time of the library's inverse error function, which has two branches.
    """
    # x = 2 u - 1, without rounding.
    x = (word >> np.uint32(9)).astype(jnp.float32) * np.float32(2.0**-22) - np.float32(1.0 - 2.0**-23)
    t = jnp.log((1.0 - x) * (1.0 + x)) * np.float32(-0.125) - np.float32(1.0)
    ratio = jnp.full_like(t, np.float32(_RATIO[-1]))
    for coefficient in _RATIO[-2::-1]:
        ratio = ratio * t + np.float32(coefficient)
    return x * ratio


def shock(words: tuple[Array, Array], *, looks_inside: bool) -> Array:
    """Return a standard normal variable and an exponential one of mean 1 as one complex number.

    One array, because XLA computes each array that a loop carries in a loop of its own, from the bits on.
    A scheme that does not look inside a step needs no exponential: the normal variable alone.
    """
    if not looks_inside:
        return normal(words[0])
    return lax.complex(normal(words[0]), samplers.exponential(words[1]))


def parts_of(shock: Array) -> tuple[Array, Array]:
    """Return the normal and the exponential variable of a `shock` (0 where there is none)."""
    if jnp.iscomplexobj(shock):
        return lax.real(shock), lax.imag(shock)
    return shock, jnp.zeros_like(shock)
