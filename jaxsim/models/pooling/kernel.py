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
from jaxsim.core.once import once
from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Bool, Int
from jaxsim.models.pooling import ring as rings
from jaxsim.models.pooling.events import Draws, Event, draw, event, prepare, step_time
from jaxsim.models.pooling.metrics import metrics
from jaxsim.models.pooling.score import log_chance
from jaxsim.models.pooling.spec import (
    FULL_QUEUE,
    FULL_RING,
    OFFER,
    SERVE,
    Action,
    Context,
    Observation,
    Ring,
    Spec,
    State,
    at_bound,
    of_server,
    pack,
    unpack,
)


class Move(NamedTuple):
    """What happens at the server: at most one of the first four is true; helps and earns imply offers.

    bound_before, bound_after: whether its tokens are 0 or C. full: whether a job finds no room in the word.
    """

    keeps: Bool[Array, ""]
    requests: Bool[Array, ""]
    serves: Bool[Array, ""]
    offers: Bool[Array, ""]
    helps: Bool[Array, ""]
    earns: Bool[Array, ""]
    bound_before: Bool[Array, ""]
    bound_after: Bool[Array, ""]
    full: Bool[Array, ""]


def move(spec: Spec, context: Context, seen: Observation, pool: Int[Array, ""], e: Event, a: Action) -> Move:
    """Apply the rules of the mechanism to an event and the server's action.

    A request without a token keeps the job; an offer at C tokens, or service of an empty queue, is idleness.
    """
    may_request = may_offer = True
    if spec.tokens == "bounded":
        may_request, may_offer = seen.tokens > 0, seen.tokens < spec.token_cap
    requests = e.arrival & a.request & may_request
    keeps = e.arrival & ~requests
    serves = ~e.arrival & (a.use == SERVE) & (seen.queue > 0)
    offers = ~e.arrival & (a.use == OFFER) & may_offer
    earns = offers & (e.lot < of_server(context.token_probability, e.server))
    after = seen.tokens + earns - requests
    bounds = at_bound(spec, seen.tokens), at_bound(spec, after)
    full = keeps & (seen.queue >= spec.longest_queue)
    return Move(keeps, requests, serves, offers, offers & (pool > 0), earns, *bounds, full)


def init(key: Key, spec: Spec, context: Context) -> State:
    """Return an empty pool and queues and tokens that are independent over servers.

    With `Spec.initial_tokens` None they follow the stationary law of complete pooling with phi >= rho:
    S = 0 with probability 1/(1 + C (1 - rho)) and then Q is geometric, P(Q = n) = (1 - rho) rho^n; else Q = 0
    and S is uniform on 1 .. C. It is near that of other equilibrium policies, and tokens relax as slowly as
    C^2, so that starting elsewhere would cost a long warm-up.
    """
    return filled(spec, *initial(key, spec, context))


def filled(spec: Spec, queue: Int[Array, " servers"], tokens: Int[Array, " servers"]) -> State:
    """Return the state of servers with these queues and tokens, and an empty pool."""
    words = pack(spec, queue, tokens, jnp.zeros(spec.servers, bool))
    ring = rings.empty(spec.pool_slots, queue[0]) if spec.waits == "exact" else None
    bound = jnp.sum(at_bound(spec, tokens), dtype=jnp.int32)
    return State(words, jnp.int32(0), jnp.sum(queue, dtype=jnp.int32), bound, ring)


def initial(key: Key, spec: Spec, context: Context) -> tuple[Int[Array, " servers"], Int[Array, " servers"]]:
    """Return the queues and tokens of `init`."""
    nothing = jnp.zeros(spec.servers, jnp.int32)
    if spec.tokens == "unlimited":
        return nothing, nothing
    if spec.initial_tokens is not None:
        return nothing, nothing + spec.initial_tokens
    rho = jnp.broadcast_to(context.utilization, nothing.shape)
    first, second = key.pair(Stream.INITIAL, jnp.arange(spec.servers, dtype=jnp.uint32))
    broke = samplers.uniform(first) * (1 + spec.token_cap * (1 - rho)) < 1
    waiting = jnp.floor(samplers.exponential(second) / -jnp.log(rho)).astype(jnp.int32)
    queue = jnp.where(broke, jnp.minimum(waiting, spec.longest_queue), 0)
    return queue, jnp.where(broke, 0, 1 + samplers.index(second, spec.token_cap))


def step(draws: Draws, spec: Spec, context: Context, policy: Any, state: State) -> tuple[State, Observables]:
    """Let one event happen; report what it did and the state it left.

    Every step has the same expected length, so the mean over steps of what the events leave is the average
    over time. (Reporting what they find would be as good, and make XLA copy what it is about to overwrite.)
    """
    e = event(draws, spec, context)
    queue, tokens, busy = unpack(spec, state.words.at[e.server].get(mode="promise_in_bounds"))
    seen = Observation(e.server, queue, tokens, busy)
    m = once(move(spec, context, seen, state.pool, e, policy(e.coin, seen)), context.one)
    keeps, requests, serves, _, helps, earns, before, after, _ = (x.astype(jnp.int32) for x in m)

    added = keeps - serves
    new_tokens = tokens + earns - requests if spec.tokens == "bounded" else tokens
    word = pack(spec, queue + added, new_tokens, jnp.where(m.offers, m.helps, busy))
    words = state.words.at[e.server].set(word, mode="promise_in_bounds", unique_indices=True)
    pool = state.pool + requests - helps
    too_many = state.jobs + pool > spec.most_jobs
    held = (state.held + added) | jnp.where(m.full | too_many, FULL_QUEUE, 0)
    next_ring, observed = None, {}
    if state.ring is not None:
        next_ring, served = rings.turn(
            state.ring, state.pool, draws.step, e.server, m.requests, m.helps, added
        )
        held = held | jnp.where(served.overflow, FULL_RING, 0)
        observed = {"waited": served.waited, **_observe_first(next_ring, e, m)}
    if spec.score:
        observed = {**observed, "log_chance": log_chance(spec, context, policy, seen, e, m)}
    new = State(words, pool, held, state.at_bound + after - before, next_ring)
    return new, _observe(new, m) | observed


def _observe(state: State, m: Move) -> Observables:
    return {
        "queued": state.jobs,
        "pooled": state.pool,
        "at_bound": state.at_bound,
        "requests": m.requests.astype(jnp.int32),
        "offers": m.offers.astype(jnp.int32),
        "helps": m.helps.astype(jnp.int32),
        "works": (m.serves | m.helps).astype(jnp.int32),
    }


def _observe_first(ring: Ring, e: Event, m: Move) -> Observables:
    """Return server 0's own part: its jobs in its queue and in the pool, and the jobs it serves."""
    works = (m.serves | m.helps) & (e.server == 0)
    return {
        "first_queued": ring.first_queue,
        "first_pooled": ring.owned_by_first,
        "first_works": works.astype(jnp.int32),
    }


def build(spec: Spec, *, horizon: float, warmup: float) -> Kernel:
    """Return the kernel of a Spec."""
    return Kernel(
        family="pooling",
        spec=spec,
        init=init,
        step=step,
        step_time=step_time,
        metrics=metrics(spec),
        prepare=prepare,
        draw=draw,
        horizon=horizon,
        warmup=warmup,
        largest_count=spec.most_jobs,
    )
