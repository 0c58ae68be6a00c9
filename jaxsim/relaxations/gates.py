"""Indicators that gradients can pass: the kind of gate is static, its temperature traced."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float, Num

Kind = Literal["hard", "soft", "straight_through"]


@pytree
class Gate:
    """Whether a number is positive, as a number in [0, 1].

        hard              1{x > 0}; its derivative is 0 everywhere
        soft              1 / (1 + exp(-x / temperature))
        straight_through  the hard value with the soft derivative

    A soft gate is the hard gate of x + temperature * L with L logistic, so where x has a density f around 0
    its mean is off by -f'(0) temperature^2 pi^2 / 6 + O(temperature^4), and its derivative, that of the soft
    mean, by the same order. A straight-through gate has the hard value exactly, and a derivative that is
    biased wherever what follows is not linear in the gate; no order is promised for it.

    Attributes:
        temperature: > 0, traced: a schedule never recompiles; ignored by hard gates.
        kind: static.

    Source: Bengio, Leonard, Courville (2013), "Estimating or propagating gradients through stochastic
    neurons"; the order of the bias is ours.
    """

    temperature: Float[Array, ""] | float = 1.0
    kind: Kind = static("hard")

    def __call__(self, x: Num[Array, "*n"]) -> Float[Array, "*n"]:
        """Return the gate's value at x, elementwise."""
        floating = jnp.result_type(x, jnp.float32)
        hard = (x > 0).astype(floating)
        if self.kind == "hard":
            return hard
        soft = jax.nn.sigmoid(jnp.asarray(x, floating) / self.temperature)
        return soft if self.kind == "soft" else hard + soft - jax.lax.stop_gradient(soft)
