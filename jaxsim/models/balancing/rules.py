"""Decision rules learned elsewhere: any function from a distribution of states to offload probabilities.

An upper-level policy maps a distribution mu over the states 0 .. B to a rule zeta in [0, 1]^(B+1); every
scheduler then offloads each packet with probability zeta(own state). Three views of mu:

    own          mu is the unit vector at the own state (MF-R)
    neighbours   the distribution over the closed neighbourhood (MF-N)
    all          the distribution over the whole system (MF-G)

Source: Tahir, Cui, Koeppl (2023), sections 1.3.2, 1.4 and 3 (figure 9b).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float, UInt
from jaxsim.models.balancing.actions import Observation, Offload, OwnState
from jaxsim.models.balancing.model import Spec

View = Literal["own", "neighbours", "all"]


@pytree
class Rule:
    """Offload with the probability that ``apply(weights, mu)[own state]`` gives.

    weights: any pytree (traced, differentiable). apply: a pure function, static, from weights and a
    distribution (states,) to probabilities (states,). states: B + 1. view: which distribution it sees.
    """

    weights: Any
    apply: Callable[[Any, Any], Any] = static()
    states: int = static()
    view: View = static("own")

    @property
    def bits(self) -> int:
        """Nothing is drawn: every packet chooses by itself."""
        return 0

    def denominator(self, spec: Spec) -> int | None:
        """No unit: probabilities are real numbers."""
        return None

    def __call__(self, words: UInt[Array, " words"], observation: Observation) -> OwnState | Offload:
        """Return offload probabilities; under the own view they depend on the own state only."""
        states = jnp.arange(self.states)
        if self.view == "own":
            rules = _batched(self.apply, self.weights, jnp.eye(self.states))
            return OwnState(jnp.diagonal(rules)[None])
        z = observation.queues[0].astype(jnp.int32)
        if self.view == "all":
            mu = jnp.mean((z[:, None] == states).astype(jnp.float32), axis=0)
            return Offload(self.apply(self.weights, mu)[z])
        rules = _batched(self.apply, self.weights, self.neighbourhood(observation))
        return Offload(jnp.take_along_axis(rules, z[:, None], axis=1)[:, 0])

    def neighbourhood(self, observation: Observation) -> Float[Array, "nodes states"]:
        """Return the distribution of states over each closed neighbourhood."""
        states = jnp.arange(self.states)
        total = sum(
            jnp.where(jnp.asarray(o)[..., None], q[:, None] == states, False).astype(jnp.float32)
            for q, o in zip(observation.queues, observation.open, strict=True)
        )
        return jnp.asarray(total) / (observation.degrees[:, None] + 1.0)


def _batched(apply: Callable[[Any, Any], Any], weights: Any, rows: Float[Array, "nodes states"]) -> Array:
    return jax.vmap(lambda row: apply(weights, row))(rows)
