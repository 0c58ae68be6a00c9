"""Which event comes next: the merged Poisson clock of all arrivals and all units of capacity.

The events of all servers form one Poisson process of rate Lambda = sum_i (lambda_i + mu_i); each event is,
independently, a job at server i with probability lambda_i / Lambda or a unit of capacity there with
probability mu_i / Lambda. The chain at event times is simulated; a step lasts 1 / Lambda on average.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxsim.core import alias, samplers
from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Bool, Float, Int, UInt32
from jaxsim.models.pooling.spec import Context, Params, Spec

_BELOW_ONE = np.float32(1.0 - 2.0**-24)
_ONE_WORD_SERVERS = 1 << 12


class Draws(NamedTuple):
    """The random words of one step, and the step's number."""

    words: tuple[Array, ...]
    step: UInt32[Array, ""]


class Event(NamedTuple):
    """An event: where it happens, whether a job (or a unit of capacity) comes, and two uniform numbers.

    coin is for the policy and lot decides whether an offer earns a token; both are uniform on [0, 1) and
    independent of each other and of the rest.
    """

    server: Int[Array, ""]
    arrival: Bool[Array, ""]
    coin: Float[Array, ""]
    lot: Float[Array, ""]


def draw(key: Key, spec: Spec, policy: object) -> Draws:
    """Return two words per step, or four where the servers are unequal or more than 4096."""
    words = key.pair(Stream.EVENTS)
    if not spec.equal or spec.servers > _ONE_WORD_SERVERS:
        words = words + key.pair(Stream.POLICY)
    return Draws(words, key.step)


def scaled(word: UInt32[Array, ""], count: int) -> tuple[Int[Array, ""], UInt32[Array, ""]]:
    """Return (floor(word * count / 2**32), the fraction as 32 bits) for count <= 2**16."""
    low = (word & np.uint32(0xFFFF)) * np.uint32(count)
    high = (word >> np.uint32(16)) * np.uint32(count) + (low >> np.uint32(16))
    fraction = (high << np.uint32(16)) | (low & np.uint32(0xFFFF))
    return (high >> np.uint32(16)).astype(jnp.int32), fraction


def event(draws: Draws, spec: Spec, context: Context) -> Event:
    """Return the next event.

    With equal servers and N <= 4096 two words do: the first gives the server and, from what is left of it,
    the lot (to within N / 2**32); the second the kind of event and, rescaled, the policy's coin.
    """
    words = draws.words
    if spec.equal:
        server, rest = scaled(words[0], spec.servers)
        if spec.servers > _ONE_WORD_SERVERS:
            rest = words[2]
        u = samplers.uniform(words[1])
        share = context.arrival_share
        arrival = u < share
        coin = jnp.where(arrival, u / share, (u - share) / (1 - share))
        return Event(server, arrival, jnp.minimum(coin, _BELOW_ONE), samplers.uniform(rest))
    which = alias.sample_wide(context.thresholds, context.aliases, words[0], words[1])
    arrival = which < spec.servers
    server = jnp.where(arrival, which, which - spec.servers)
    return Event(server, arrival, samplers.uniform(words[2]), samplers.uniform(words[3]))


def total_rate(spec: Spec, params: Params) -> Float[Array, ""]:
    """Return Lambda = sum_i (lambda_i + mu_i)."""
    both = params.arrival_rate + params.service_rate
    return jnp.sum(both) * (spec.servers if spec.equal else 1)


def prepare(spec: Spec, params: Params, policy: object) -> Context:
    """Return what the events need: the share of arrivals, or the alias table, and the cost of a job."""
    del policy
    rates = params.arrival_rate + params.service_rate
    rho = params.arrival_rate / params.service_rate
    served_cost = params.processing_cost * total_rate(spec, params)
    if spec.equal:
        share = params.arrival_rate / rates
        nothing = jnp.zeros(0, jnp.uint32)
        return Context(rho, share, nothing, nothing.astype(jnp.int32), params.token_probability, served_cost)
    weights = jnp.concatenate([params.arrival_rate, params.service_rate])
    thresholds, aliases = alias.wide(weights)
    zero = jnp.zeros((), weights.dtype)
    return Context(rho, zero, thresholds, aliases, params.token_probability, served_cost)
