"""The log-probability of an event's random choices, for gradients by the score function.

Choices whose probability depends on phi or on a threshold policy: whether an offer earns a token, whether a
job that may be sent is sent, whether a unit that may be offered is offered. Choices without effect (no token
to spend, an account that is full, a queue to serve) have no part in it: they would add noise only.

Source: Williams (1992); see `jaxsim.relaxations.with_score`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from jaxsim.core.kernel import System
from jaxsim.core.types import Array, Bool, Float
from jaxsim.core.validation import require
from jaxsim.models.pooling.events import Event
from jaxsim.models.pooling.spec import Context, Observation, Spec, of_server


def _log(chosen: Bool[Array, ""], chance: Float[Array, ""]) -> Float[Array, ""]:
    """Return log P of the choice; 0, with derivative 0, where it was certain."""
    random = (chance > 0) & (chance < 1)
    inside = jnp.where(random, chance, 0.5)
    return jnp.where(random, jnp.where(chosen, jnp.log(inside), jnp.log1p(-inside)), 0.0)


def log_chance(
    spec: Spec, context: Context, policy: Any, seen: Observation, e: Event, move: Any
) -> Float[Array, ""]:
    """Return the log-probability of the choices of an event; ``move`` is what happened (`kernel.Move`)."""
    request, offer = policy.chances(seen)
    asked = e.arrival & (seen.tokens > 0)
    free = ~e.arrival & (seen.queue == 0) & (seen.tokens < spec.token_cap)
    lot = _log(move.earns, of_server(context.token_probability, e.server))
    return (
        jnp.where(asked, _log(move.requests, request), 0.0)
        + jnp.where(free, _log(move.offers, offer), 0.0)
        + jnp.where(move.offers, lot, 0.0)
    )


def scored(system: System) -> System:
    """Return the same system with one more observable, ``log_chance``, for the score function.

    Its policies are `Threshold` policies; paths are the same words and states as without it.

    Raises:
        InvalidInput: if tokens are unlimited.
    """
    spec = system.kernel.spec
    assert isinstance(spec, Spec)
    require(
        spec.tokens == "bounded", "tokens", spec.tokens, "leaves phi without effect", "use tokens=bounded"
    )
    return System(replace(system.kernel, spec=replace(spec, score=True)), system.params)
