"""Categorical choices that gradients can pass, sampled by the Gumbel-max rule."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxsim.core import samplers
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float, UInt32
from jaxsim.relaxations.gates import Kind


def gumbel(word: UInt32[Array, "*n"]) -> Float[Array, "*n"]:
    """Return standard Gumbel variables, -log(-log U), from words of 23 random bits (so up to 16.6)."""
    return -jnp.log(samplers.exponential(word))


@pytree
class Choice:
    """One of n outcomes with probabilities softmax(logits), as weights on the outcomes.

        hard              one-hot of argmax(logits + G), G standard Gumbel: an exact sample
        soft              softmax((logits + G) / temperature): a point of the simplex
        straight_through  the hard sample with the soft derivative

    The hard sample's law is exact to the resolution of its words. The soft mean tends to softmax(logits) as
    the temperature falls and the variance of its derivative grows like 1 / temperature; at temperature 1 the
    bias is large. Straight-through samples are exact; their derivative is unbiased only for what is linear
    in the weights, up to the soft mean's own bias.

    Attributes:
        temperature: > 0, traced; ignored by hard choices.
        kind: static.

    Source: Jang, Gu, Poole (2017), "Categorical reparameterization with Gumbel-softmax"; Maddison, Mnih, Teh
    (2017), "The concrete distribution".
    """

    temperature: Float[Array, ""] | float = 1.0
    kind: Kind = static("hard")

    def __call__(
        self, logits: Float[Array, "*n outcomes"], words: UInt32[Array, "*n outcomes"]
    ) -> Float[Array, "*n outcomes"]:
        """Return weights that sum to 1 over the last axis, from one word for each outcome."""
        noisy = logits + gumbel(words)
        hard = jax.nn.one_hot(jnp.argmax(noisy, axis=-1), logits.shape[-1], dtype=noisy.dtype)
        if self.kind == "hard":
            return hard
        soft = jax.nn.softmax(noisy / self.temperature, axis=-1)
        return soft if self.kind == "soft" else hard + soft - jax.lax.stop_gradient(soft)
