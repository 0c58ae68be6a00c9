"""A view for learners: every actor picks an action, or idles, seeing the state's number and its own.

Choice k is action k, the last choice idles. Actors are heard in declared order: one that picks what it may
not do, or what the others before it have filled, idles in this step. The reward of a step is rewards minus
costs. An episode ends where nothing can happen any more.

Source: Ahn, Righter (2005), section 2.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Int, UInt32
from jaxsim.core.validation import require
from jaxsim.core.view import View
from jaxsim.models.actors.kernel import Observation, here

MOST = 4096
"""States times actors: each is a row of the table of observations."""


@pytree
class Picked:
    """The actors' picks, in declared order, as far as they are admissible."""

    picks: Int[Array, " actors"]

    def __call__(self, words: UInt32[Array, " actors"], seen: Observation) -> Int[Array, " actors"]:
        """Return the assignment."""
        local = seen.local
        actions = local.caps.shape[0]
        left, done = local.caps, []
        for actor in range(self.picks.shape[0]):
            pick = jnp.minimum(self.picks[actor], actions - 1)
            fits = (self.picks[actor] < actions) & local.allowed[actor, pick] & (left[pick] > 0)
            left = left - (fits & (jnp.arange(actions) == pick)).astype(left.dtype)
            done.append(jnp.where(fits, pick, actions).astype(jnp.int32))
        return jnp.stack(done)


def picks(system: System) -> tuple[System, View]:
    """Return the system and the view.

    Raises:
        InvalidInput: where actors must not idle, or states times actors exceed `MOST`.
    """
    spec = system.kernel.spec
    require(spec.idle, "idle", False, "has no view: picks that do not fit must idle", "permit idling")
    rows = spec.states * spec.actors
    require(rows <= MOST, "states * actors", rows, "is more than a table holds", f"stay below {MOST}")
    state, actor = np.divmod(np.arange(rows), spec.actors)
    table = np.concatenate([np.eye(spec.states)[state], np.eye(spec.actors)[actor]], axis=1)

    def ended(scene: Any, now: Any) -> Array:
        local = here(scene[1].local, now.state)
        moving = jnp.any(local.allowed & (local.speeds[:, None] > 0) & (local.caps * local.rates > 0))
        return ~moving & ~jnp.any(local.exogenous > 0)

    view = View(
        name="picks", agents=spec.actors, features=spec.states + spec.actors, actions=1,
        summary_size=spec.states, choices=spec.actions + 1, table=table.astype(np.float32),
        observe=lambda scene, now: now.state * spec.actors + jnp.arange(spec.actors),
        summary=lambda scene, now: (jnp.arange(spec.states) == now.state).astype(jnp.float32),
        act=lambda scene, now, action: Picked(action),
        blank=lambda s: Picked(jnp.zeros(s.actors, jnp.int32)),
        reward=lambda scene, now, policy, observed, after: observed["net"], ended=ended,
    )  # fmt: skip
    return system, view
