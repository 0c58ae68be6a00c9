"""The losses of proximal policy optimization, for samples of any shape.

    L = -mean min(r A, clip(r, 1 - eps, 1 + eps) A) + beta mean KL - c mean entropy
        + v mean max((V - R)^2, (clip(V, V_old - w, V_old + w) - R)^2) / 2,     r = p(u) / p_old(u),

with the coefficient beta of the divergence from the old policy adapted after every update: times 1.5 where
the divergence was above twice its target, times 0.5 where it was below half of it.

Source: Schulman, Wolski, Dhariwal, Radford, Klimov (2017), equations (7) to (9); the factors and the clipped
value loss are those of RLlib, which Tahir, Cui, Koeppl (2023) use with the numbers of table 2.
"""

from __future__ import annotations

import jax.numpy as jnp

from jaxsim.core.types import Array, Float


def policy_loss(
    log_ratio: Float[Array, "*n"], advantage: Float[Array, "*n"], clip: Float[Array, ""] | float
) -> Float[Array, ""]:
    """Return the clipped surrogate, negative."""
    ratio = jnp.exp(log_ratio)
    held = jnp.clip(ratio, 1.0 - clip, 1.0 + clip)
    return -jnp.mean(jnp.minimum(ratio * advantage, held * advantage))


def value_loss(
    value: Float[Array, "*n"], old: Float[Array, "*n"], target: Float[Array, "*n"],
    clip: Float[Array, ""] | float,
) -> Float[Array, ""]:  # fmt: skip
    """Return half the mean squared error, the worse of the clipped and the plain one."""
    held = old + jnp.clip(value - old, -clip, clip)
    return 0.5 * jnp.mean(jnp.maximum((value - target) ** 2, (held - target) ** 2))


def adapted(
    coefficient: Float[Array, ""], divergence: Float[Array, ""], target: Float[Array, ""] | float
) -> Float[Array, ""]:
    """Return the divergence's coefficient for the next update."""
    factor = jnp.where(divergence > 2.0 * target, 1.5, jnp.where(divergence < 0.5 * target, 0.5, 1.0))
    return coefficient * factor
