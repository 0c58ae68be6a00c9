"""The same system event by event: slow, literal, and independent of the epoch's law; it validates the kernel.

Within an epoch events come at rate N lambda + N mu_max: an arrival at a uniform scheduler, which routes this
packet by its action; or an offered service at a uniform server, which is idle, or not accepted by a server
slower than mu_max, without effect. Nothing here knows of arrival rates of queues, levels or tables.

Source: Gillespie (1977); Tahir, Cui, Koeppl (2023), section 3.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import samplers
from jaxsim.core.kernel import Kernel, Observables
from jaxsim.core.random import Key, Stream
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Int, UInt8, UInt32
from jaxsim.models.balancing.actions import Fixed, Observation, Offload, OwnState, Slots
from jaxsim.models.balancing.context import observe
from jaxsim.models.balancing.kernel import draw, first_state, scheduler_words
from jaxsim.models.balancing.kernel import kernel as epoch_kernel
from jaxsim.models.balancing.model import Params, Spec, State, pack, wired


@pytree
class Epoch:
    """An epoch under way: time left, queues, drops, number of events, and the next event's words."""

    left: Float[Array, ""]
    queues: UInt8[Array, " nodes"]
    drops: Int[Array, ""]
    event: UInt32[Array, ""]


def route(
    spec: Spec, params: Params, action: Any, seen: Observation, node: Int[Array, ""], word: UInt32[Array, ""]
) -> Int[Array, ""]:
    """Return the queue that one packet arriving at scheduler ``node`` is sent to."""
    u = samplers.uniform(word)
    degree = params.wiring.degrees[node]
    if isinstance(action, Slots):
        parts = jnp.stack([p[node].astype(jnp.float32) for p in action.parts])
        reached = jnp.cumsum(parts) / jnp.sum(parts)
        slot = samplers.by_cdf(reached, u)
    elif isinstance(action, Fixed):
        slot = jnp.floor(u * (degree + 1)).astype(jnp.int32) if action.uniform else jnp.zeros((), jnp.int32)
    else:
        chance = _chance(action, seen, node)
        away = jnp.floor(u / jnp.maximum(chance, 1e-30) * degree).astype(jnp.int32)
        slot = jnp.where(u < chance, 1 + jnp.clip(away, 0, degree - 1), 0)
    row = jnp.concatenate([node[None], params.wiring.neighbours[node]])
    return row[slot]


def _chance(action: Any, seen: Observation, node: Int[Array, ""]) -> Float[Array, ""]:
    if isinstance(action, Offload):
        return action.chance[node]
    assert isinstance(action, OwnState)
    row = action.table[jnp.minimum(seen.regime, action.table.shape[0] - 1)]
    return row[seen.queues[0][node]]


def step(key: Key, spec: Spec, params: Params, policy: Any, state: State) -> tuple[State, Observables]:
    """Take one epoch, event by event; the observables are those of the epoch kernel."""
    words = scheduler_words(draw(key, spec, policy), policy, spec.nodes)
    params = wired(params, state)
    seen = observe(spec, params, state)
    action = policy(words, seen)
    arrival = spec.nodes * params.arrival_rates[state.regime]
    fastest = jnp.max(params.service_rates)
    total = arrival + spec.nodes * fastest
    server = params.server_class if len(spec.buffers) > 1 else jnp.zeros(spec.nodes, jnp.int32)
    buffers = jnp.asarray(spec.buffers, jnp.int32)

    def event(now: Epoch) -> Epoch:
        kind, place = key.pair(Stream.EVENTS, 2 * now.event)
        way, wait = key.pair(Stream.EVENTS, 2 * now.event + 1)
        node = samplers.index(place, spec.nodes)
        u = samplers.uniform(kind) * total
        target = route(spec, params, action, seen, node, way)
        arrives = u < arrival
        full = now.queues[target] >= buffers[server[target]]
        accepted = u - arrival < spec.nodes * params.service_rates[server[node]]
        leaves = ~arrives & accepted & (now.queues[node] > 0)
        queues = now.queues.at[target].add((arrives & ~full).astype(jnp.uint8))
        queues = queues.at[node].add(-leaves.astype(jnp.uint8))
        drops = now.drops + (arrives & full)
        return Epoch(now.left - samplers.exponential(wait) / total, queues, drops, now.event + np.uint32(1))

    # The first waiting time has a word of its own; the epoch ends with the first event beyond it.
    first = samplers.exponential(key.pair(Stream.SERVICES)[0]) / total
    begin = Epoch(params.delay - first, seen.queues[0], jnp.zeros((), jnp.int32), jnp.zeros((), jnp.uint32))
    end = lax.while_loop(lambda now: now.left > 0, event, begin)
    u = samplers.uniform(key.pair(Stream.ENVIRONMENT, 0)[0])
    regime = samplers.by_cdf(jnp.cumsum(params.switch[state.regime]), u)
    jobs = jnp.sum(seen.queues[0].astype(jnp.int32))
    cells = pack(spec, end.queues, regime)
    return State(cells, regime, state.status, state.links), {"drops": end.drops, "jobs": jobs}


def init(key: Key, spec: Spec, params: Params) -> State:
    """Return empty queues and the same first regime as the epoch kernel under this key."""
    return first_state(key, spec, params)


def kernel(spec: Spec) -> Kernel:
    """Return the event-by-event kernel of a Spec without stencil (neighbours come from the table)."""
    base = epoch_kernel(spec)
    return Kernel(
        family="balancing",
        spec=spec,
        init=init,
        step=step,
        step_time=base.step_time,
        metrics=base.metrics,
        horizon=base.horizon,
        largest_count=base.largest_count,
    )
