"""Laws of times, packet lengths and batch sizes, given by mean and squared coefficient of variation.

Times have mean 1 and squared coefficient of variation c:

    exponential (c = 1);
    hyperexponential (c >= 1): rate 2 p with probability p, else 2 (1 - p); p = (1 + sqrt((c-1)/(c+1))) / 2;
    lognormal: exp(s N - s^2/2), s^2 = log(1 + c);
    gamma: shape 1/c.

Batches have mean m and squared coefficient of variation c: 0 with probability 1 - a, else geometric on
{1, 2, ...} with mean g = m / a, where a = 2 / (1 + c + 1/m). For c = 1 + 1/m that is the geometric law on
{0, 1, ...}; in particular for m = 1, c = 2, which no law on {1, 2, ...} can have.

Source: Dai (2024), section 2; gamma: Marsaglia and Tsang (2000), with their boost for shapes below 1.
"""

from __future__ import annotations

from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import samplers
from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Float, Int, UInt32
from jaxsim.core.validation import require
from jaxsim.models.pricing.gaussian import normal

TimeLaw = Literal["hyperexponential", "lognormal", "gamma", "exponential"]
TIME_LAWS = ("hyperexponential", "lognormal", "gamma", "exponential")
PacketLaw = Literal[TimeLaw, "stages"]
PACKET_LAWS = (*TIME_LAWS, "stages")


def parameter(law: TimeLaw, scv: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Return what `time` needs of the law: p, s, the shape, or nothing."""
    if law == "hyperexponential":
        return 0.5 * (1.0 + jnp.sqrt(jnp.maximum(scv - 1.0, 0.0) / (scv + 1.0)))
    if law == "lognormal":
        return jnp.sqrt(jnp.log1p(scv))
    return 1.0 / scv


def check(law: TimeLaw, field: str, scv: np.ndarray) -> None:
    """Refuse a coefficient of variation that the law cannot have."""
    if law == "hyperexponential":
        remedy = "give numbers >= 1, or choose lognormal or gamma"
        require(bool(np.all(scv >= 1)), field, scv, "is below 1 for a hyperexponential law", remedy)
    elif law == "exponential":
        remedy = "give 1, or choose another law"
        require(bool(np.all(scv == 1)), field, scv, "is not 1 for an exponential law", remedy)
    else:
        require(bool(np.all(scv > 0)), field, scv, "is not positive", "give numbers above 0")


def time(law: TimeLaw, value: Array, words: tuple[Array, Array], key: Key) -> Float[Array, ""]:
    """Return a time of mean 1.

    Args:
        value: `parameter` of the law. words: two random words. key: for the gamma law, which rejects.
    """
    if law == "lognormal":
        return jnp.exp(value * normal(words[0]) - 0.5 * value * value)
    if law == "gamma":
        return gamma(key, value) / value
    mean_one = samplers.exponential(words[0])
    if law == "exponential":
        return mean_one
    first = samplers.uniform(words[1]) < value
    return mean_one / (2.0 * jnp.where(first, value, 1.0 - value))


def gamma(key: Key, shape: Float[Array, ""]) -> Float[Array, ""]:
    """Return a gamma variable of this shape and scale 1, by rejection (about 1.05 rounds on average)."""
    boosted = jnp.where(shape < 1.0, shape + 1.0, shape)
    d = boosted - 1.0 / 3.0
    c = 1.0 / jnp.sqrt(9.0 * d)

    def propose(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        block, _, _ = carry
        first, second = key.pair(Stream.SERVICES, block)
        x = normal(first)
        v = (1.0 + c * x) ** 3
        positive = v > 0
        bound = 0.5 * x * x + d - d * v + d * jnp.log(jnp.where(positive, v, 1.0))
        accepted = positive & (jnp.log(samplers.open_uniform(second)) < bound)
        return block + np.uint32(1), accepted, d * v

    start = (jnp.zeros((), jnp.uint32), jnp.zeros((), bool), jnp.ones((), jnp.float32))
    value = lax.while_loop(lambda carry: ~carry[1], propose, start)[2]
    lift = jnp.exp(-samplers.exponential(key.pair(Stream.SERVICES, 1 << 30)[0]) / shape)
    return jnp.where(shape < 1.0, value * lift, value)


def batch_parameters(mean: Float[Array, "*n"], scv: Float[Array, "*users"]) -> tuple[Any, Any]:
    """Return (a, log(1 - 1/g)): the chance of a non-empty batch, and the decay of its size."""
    chance = jnp.minimum(2.0 / (1.0 + scv + 1.0 / mean), jnp.minimum(mean, 1.0))
    return chance, jnp.log1p(-jnp.minimum(chance / mean, 1.0 - 1e-7))


def check_batches(mean: np.ndarray, scv: np.ndarray) -> None:
    """Refuse means and coefficients of variation that the batch law cannot have."""
    chance = 2.0 / (1.0 + scv + 1.0 / mean)
    low = np.maximum(1.0 - 1.0 / mean, 1.0 / mean - 1.0)
    remedy = f"give at least {np.max(low):.4g} for these means"
    fits = bool(np.all(chance <= 1.0 + 1e-6) and np.all(chance <= mean * (1 + 1e-6)))
    require(fits, "batch_scv", scv, "is too small for the batch law", remedy)


def batch(chance: Array, decay: Array, word: UInt32[Array, ""]) -> Int[Array, ""]:
    """Return a batch size: 0 with probability 1 - chance, else geometric on {1, 2, ...}, by inversion."""
    u = samplers.open_uniform(word)
    size = 1.0 + jnp.floor(jnp.log(jnp.minimum(u / chance, 1.0)) / decay)
    return jnp.where(u < chance, size, 0.0).astype(jnp.int32)
