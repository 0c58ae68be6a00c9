"""Networks of an agent and a critic, the laws of actions they stand for, and a memory.

An agent's network maps its observation to the parameters of its action's law: means of Gaussian variables u,
squashed to actions min(max(1/2 + u/4, 0), 1) with standard deviations exp(log_deviation) of u that do not
depend on the observation; or logits of its choices. The squash has the logistic function's slope at 1/2 and
reaches 0 and 1, where the best actions often are. Losses are ratios of densities of u.

Source: Tahir, Cui, Koeppl (2023), section 1.4.2: "diagonal Gaussian neural network policies with
tanh-activations and two 256-node hidden layers"; table 2.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float

LOG_TAU = float(np.log(2.0 * np.pi))


class Network(nn.Module):
    """A tanh network: hidden layers of these widths, ``outputs`` numbers, small at the start."""

    widths: tuple[int, ...]
    outputs: int
    final: float = 0.01

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map the last axis."""
        for width in self.widths:
            x = nn.tanh(nn.Dense(width, kernel_init=nn.initializers.orthogonal(np.sqrt(2.0)))(x))
        return nn.Dense(self.outputs, kernel_init=nn.initializers.orthogonal(self.final))(x)


class Remembering(nn.Module):
    """A dense tanh layer, a gated recurrent unit and an output layer: (memory, x) -> (memory, outputs)."""

    width: int
    outputs: int
    final: float = 0.01

    @nn.compact
    def __call__(self, memory: Array, x: Array) -> tuple[Array, Array]:
        """Map the last axes."""
        x = nn.tanh(nn.Dense(self.width)(x))
        memory, x = nn.GRUCell(self.width)(memory, x)
        return memory, nn.Dense(self.outputs, kernel_init=nn.initializers.orthogonal(self.final))(x)


@pytree
class Law:
    """The law of an action: Gaussian of these means and log deviations, or (deviations None) of logits."""

    center: Float[Array, "*batch numbers"]
    log_deviation: Float[Array, " actions"] | None = None

    def sample(self, key: Any) -> Array:
        """Return u [*batch, actions], or choices [*batch]."""
        if self.log_deviation is None:
            return jax.random.categorical(key, self.center)
        noise = jax.random.normal(key, self.center.shape)
        return self.center + jnp.exp(self.log_deviation) * noise

    def log_density(self, u: Array) -> Float[Array, "*batch"]:
        """Return log p(u)."""
        if self.log_deviation is None:
            return jnp.take_along_axis(jax.nn.log_softmax(self.center), u[..., None], axis=-1)[..., 0]
        z = (u - self.center) * jnp.exp(-self.log_deviation)
        return -jnp.sum(0.5 * z * z + self.log_deviation + 0.5 * LOG_TAU, axis=-1)

    def entropy(self) -> Float[Array, "*batch"]:
        """Return the entropy (of u)."""
        if self.log_deviation is None:
            logs = jax.nn.log_softmax(self.center)
            return -jnp.sum(jnp.exp(logs) * logs, axis=-1)
        each = jnp.sum(self.log_deviation + 0.5 * (1.0 + LOG_TAU))
        return jnp.broadcast_to(each, self.center.shape[:-1])

    def divergence(self, other: Law) -> Float[Array, "*batch"]:
        """Return KL(self || other)."""
        if self.log_deviation is None or other.log_deviation is None:
            mine, its = jax.nn.log_softmax(self.center), jax.nn.log_softmax(other.center)
            return jnp.sum(jnp.exp(mine) * (mine - its), axis=-1)
        ratio = 2.0 * (self.log_deviation - other.log_deviation)
        far = (self.center - other.center) * jnp.exp(-other.log_deviation)
        return 0.5 * jnp.sum(jnp.exp(ratio) + far * far - 1.0 - ratio, axis=-1)


def squashed(u: Array) -> Array:
    """Return the action of u: choices stay, numbers go to [0, 1]."""
    return u if jnp.issubdtype(u.dtype, jnp.integer) else jnp.clip(0.5 + 0.25 * u, 0.0, 1.0)
