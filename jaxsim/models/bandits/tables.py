"""From parameters to what a step looks up: alias tables, rewards, and the ranks of a priority policy."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core import alias
from jaxsim.core.types import Array, Float
from jaxsim.models.bandits.model import Context, Params, Ranks, Spec
from jaxsim.models.bandits.policies import Priority


def prepare(spec: Spec, params: Params, policy: Any) -> Context:
    """Derive the tables once per set of parameters; a `Priority` policy is turned into ranks."""
    states = 1 << spec.state_bits
    room = ((0, 0), (0, states - spec.states), (0, 0))
    rewards = jnp.pad(params.rewards, room)
    aliases = alias.packed(jnp.pad(params.chances, room, constant_values=1.0 / spec.outcomes))
    return Context(
        aliases=aliases,
        rewards=rewards.ravel(),
        mean_rewards=rewards[..., 0].ravel(),
        following=jnp.pad(params.following, room).ravel(),
        discount=params.discount,
        arrival_aliases=alias.packed(params.arrival_chances),
        arrival_states=params.arrival_states,
        ranks=rank(spec, policy.table, policy.floor) if isinstance(policy, Priority) else None,
    )


def rank(spec: Spec, priority: Float[Array, "rows states"], floor: Float[Array, ""]) -> Ranks:
    """Order all cells by priority; among equal priorities the lowest arm, then the lowest state, is higher.

    The order of the arms' present ranks is then the policy, with its tie-break, and one maximum over small
    integers serves in place of a maximum with its place over floats.
    """
    states = 1 << spec.state_bits
    table = jnp.broadcast_to(priority, (spec.arms, spec.states))
    padded = jnp.pad(table, ((0, 0), (0, states - spec.states)), constant_values=-jnp.inf).ravel()
    ascending = _ascending(padded)
    small = spec.cells < (1 << 16) - 1
    word = jnp.uint16 if small else jnp.uint32
    ranks = jnp.zeros(spec.cells, jnp.int32).at[ascending].set(jnp.arange(spec.cells, dtype=jnp.int32))
    served = jnp.sum(padded <= floor) if spec.may_idle else 0
    return Ranks(
        (ranks + 1).astype(word),
        jnp.concatenate([jnp.zeros(1, jnp.int32), ascending]),
        (jnp.asarray(served) + 1).astype(word),
    )


def _ascending(values: Float[Array, " cells"]) -> Array:
    """Cells by ascending value; among equal values the highest cell first."""
    backwards = jnp.argsort(values[::-1], stable=True)
    return (np.int32(values.shape[0] - 1) - backwards).astype(jnp.int32)
