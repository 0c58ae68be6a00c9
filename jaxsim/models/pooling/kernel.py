"""The pooling mechanism as a kernel: one step is one event at one server.

A job arrives at server i: it goes to the pool for one token if the policy asks for that and there is a
token, and joins the server's own queue otherwise. A unit of capacity arrives at server i: it serves the
server's own queue, or is offered to the pool, or is wasted. An offer serves the oldest job of the pool if
there is one, and earns a token with probability phi whether there is one or not. A server with C tokens
cannot offer.

Source: Chen, Chen, Qian (2023), "Incentivizing Resource Pooling", section 2.2.1; token bounds: section 6.1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxsim.core import samplers
from jaxsim.core.kernel import Kernel, Observables
from jaxsim.core.random import Key, Stream
from jaxsim.core.status import Status, no_trouble, raise_bit
from jaxsim.core.types import Array, Bool, Int
from jaxsim.models.pooling import ring as rings
from jaxsim.models.pooling.events import Draws, Event, draw, event, prepare, total_rate
from jaxsim.models.pooling.metrics import metrics
from jaxsim.models.pooling.spec import (
    OFFER,
    SERVE,
    Action,
    Context,
    Observation,
    Ring,
    Spec,
    State,
    at_bound,
    pack,
    unpack,
)


class Move(NamedTuple):
    """What happens at the server: at most one of the first four is true; helps and earns imply offers."""

    keeps: Bool[Array, ""]
    requests: Bool[Array, ""]
    serves: Bool[Array, ""]
    offers: Bool[Array, ""]
    helps: Bool[Array, ""]
    earns: Bool[Array, ""]


def move(spec: Spec, context: Context, seen: Observation, pool: Int[Array, ""], e: Event, a: Action) -> Move:
    """Apply the rules of the mechanism to an event and the server's action.

    A request without a token keeps the job; an offer at C tokens, or service of an empty queue, is idleness.
    """
    may_request = may_offer = True
    if spec.tokens == "bounded":
        may_request, may_offer = seen.tokens > 0, seen.tokens < spec.token_cap
    requests = e.arrival & a.request & may_request
    serves = ~e.arrival & (a.use == SERVE) & (seen.queue > 0)
    offers = ~e.arrival & (a.use == OFFER) & may_offer
    earns = offers & (e.lot < context.token_probability)
    return Move(e.arrival & ~requests, requests, serves, offers, offers & (pool > 0), earns)


def init(key: Key, spec: Spec, context: Context) -> State:
    """Return an empty pool and queues and tokens that are independent over servers.

    With `Spec.initial_tokens` None they follow the stationary law of complete pooling with phi >= rho:
    S = 0 with probability 1/(1 + C (1 - rho)) and then Q is geometric, P(Q = n) = (1 - rho) rho^n; else Q = 0
    and S is uniform on 1 .. C. It is near that of other equilibrium policies, and tokens relax as slowly as
    C^2, so that starting elsewhere would cost a long warm-up.
    """
    nothing = jnp.zeros(spec.servers, jnp.int32)
    queue = tokens = nothing
    if spec.tokens == "bounded" and spec.initial_tokens is not None:
        tokens = nothing + spec.initial_tokens
    elif spec.tokens == "bounded":
        rho = jnp.broadcast_to(context.utilization, nothing.shape)
        first, second = key.pair(Stream.INITIAL, jnp.arange(spec.servers, dtype=jnp.uint32))
        broke = samplers.uniform(first) * (1 + spec.token_cap * (1 - rho)) < 1
        waiting = jnp.floor(samplers.exponential(second) / -jnp.log(rho)).astype(jnp.int32)
        queue = jnp.where(broke, jnp.minimum(waiting, spec.longest_queue), 0)
        tokens = jnp.where(broke, 0, 1 + samplers.index(second, spec.token_cap))
    words = pack(spec, queue, tokens, nothing == 1)
    ring = rings.empty(spec.pool_slots, queue[0]) if spec.waits == "exact" else None
    bound = jnp.sum(at_bound(spec, tokens), dtype=jnp.int32)
    return State(words, jnp.int32(0), jnp.sum(queue, dtype=jnp.int32), bound, ring, no_trouble())


def step(draws: Draws, spec: Spec, context: Context, policy: Any, state: State) -> tuple[State, Observables]:
    """Let one event happen; report the state it found and what it did.

    Every step has the same expected length, so the mean over steps of what the events find is the average
    over time.
    """
    e = event(draws, spec, context)
    word = state.words.at[e.server].get(mode="promise_in_bounds")
    queue, tokens, busy = unpack(spec, word)
    seen = Observation(e.server, queue, tokens, busy)
    m = move(spec, context, seen, state.pool, e, policy(e.coin, seen))

    added = m.keeps.astype(jnp.int32) - m.serves.astype(jnp.int32)
    earned = m.earns.astype(jnp.int32) - m.requests.astype(jnp.int32)
    new_tokens = tokens + earned if spec.tokens == "bounded" else tokens
    new_word = pack(spec, queue + added, new_tokens, jnp.where(m.offers, m.helps, busy))
    words = state.words.at[e.server].set(new_word, mode="promise_in_bounds", unique_indices=True)
    bound = at_bound(spec, new_tokens).astype(jnp.int32) - at_bound(spec, tokens).astype(jnp.int32)
    pool = state.pool + m.requests.astype(jnp.int32) - m.helps.astype(jnp.int32)
    full = m.keeps & (queue >= spec.longest_queue)
    status = raise_bit(state.status, Status.QUEUE_OVERFLOW, full | (state.jobs + state.pool > spec.most_jobs))

    observed = _observe(context, state, m)
    ring, next_ring = state.ring, None
    if ring is not None:
        next_ring, served = rings.turn(ring, state.pool, draws.step, e.server, m.requests, m.helps, added)
        status = raise_bit(status, Status.BUFFER_OVERFLOW, served.overflow)
        observed |= {"waited": served.waited, **_observe_first(context, ring, e, m)}
    return State(words, pool, state.jobs + added, state.at_bound + bound, next_ring, status), observed


def _observe(context: Context, state: State, m: Move) -> Observables:
    works = (m.serves | m.helps).astype(jnp.float32)
    held = (state.jobs + state.pool).astype(jnp.float32)
    return {
        "queued": state.jobs,
        "pooled": state.pool,
        "at_bound": state.at_bound,
        "requests": m.requests.astype(jnp.int32),
        "offers": m.offers.astype(jnp.int32),
        "helps": m.helps.astype(jnp.int32),
        "cost": held + works * context.served_cost,
    }


def _observe_first(context: Context, ring: Ring, e: Event, m: Move) -> Observables:
    """Return server 0's own part: its jobs in its queue and in the pool, and what it pays for serving."""
    queue, pooled = ring.first_queue, ring.owned_by_first
    works = ((m.serves | m.helps) & (e.server == 0)).astype(jnp.float32)
    return {
        "first_queued": queue,
        "first_pooled": pooled,
        "first_cost": (queue + pooled).astype(jnp.float32) + works * context.served_cost,
    }


def build(spec: Spec, *, horizon: float, warmup: float) -> Kernel:
    """Return the kernel of a Spec."""
    return Kernel(
        family="pooling",
        spec=spec,
        init=init,
        step=step,
        step_time=lambda spec, params: 1.0 / total_rate(spec, params),
        metrics=metrics(spec),
        prepare=prepare,
        draw=draw,
        horizon=horizon,
        warmup=warmup,
        largest_count=spec.most_jobs,
    )
