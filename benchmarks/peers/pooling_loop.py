"""The pooling mechanism as a reinforcement-learning environment in the manner of gymnax and PureJaxRL.

``step(key, state)`` under ``vmap`` and ``lax.scan``, keys split at every step, arrays of 32-bit integers:
what one writes without a package, on the same JAX and the same device.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


class Servers(NamedTuple):
    """Queues, tokens and the pool."""

    queue: Any
    tokens: Any
    pool: Any


def step(
    key: Any, state: Servers, rate: Any, phi: Any, threshold: Any, offer: Any, servers: int, cap: int
) -> tuple[Servers, Any]:
    """One event; returns what is averaged."""
    one, two, three, four = jax.random.split(key, 4)
    i = jax.random.randint(one, (), 0, servers)
    arrival = jax.random.bernoulli(two, rate / (1 + rate))
    coin, lot = jax.random.uniform(three), jax.random.uniform(four)
    queue, tokens = state.queue[i], state.tokens[i]
    request = arrival & (coin < queue + 1 - threshold) & (tokens > 0)
    serve = ~arrival & (queue > 0)
    offered = ~arrival & (queue == 0) & (coin < offer) & (tokens < cap)
    earn, help = offered & (lot < phi), offered & (state.pool > 0)
    new = Servers(
        state.queue.at[i].add((arrival & ~request) * 1 - serve * 1),
        state.tokens.at[i].add(earn * 1 - request * 1),
        state.pool + request - help,
    )
    bound = jnp.mean((new.tokens == 0) | (new.tokens == cap))
    return new, jnp.stack([jnp.mean(new.queue), new.pool * 1.0, bound, request * 1.0, offered * 1.0])


@functools.partial(jax.jit, static_argnames=("servers", "cap", "replications", "steps", "warmup"))
def run(
    key: Any, rate: Any, phi: Any, threshold: Any, offer: Any, *, servers: int, cap: int, replications: int,
    steps: int, warmup: int,
) -> Any:  # fmt: skip
    """Averages over so many steps after the warm-up, for every replication."""

    def one(key: Any) -> Any:
        first, key = jax.random.split(key)
        start = Servers(
            jnp.zeros(servers, jnp.int32), jax.random.randint(first, (servers,), 0, cap + 1), jnp.int32(0)
        )

        def body(carry: Any, _: Any) -> Any:
            key, state, sums = carry
            key, now = jax.random.split(key)
            state, seen = step(now, state, rate, phi, threshold, offer, servers, cap)
            return (key, state, sums + seen), None

        (key, state, _), _ = lax.scan(body, (key, start, jnp.zeros(5)), length=warmup)
        (_, _, sums), _ = lax.scan(body, (key, state, jnp.zeros(5)), length=steps)
        return sums / steps

    return jax.vmap(one)(jax.random.split(key, replications))
