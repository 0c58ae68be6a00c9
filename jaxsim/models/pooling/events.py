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
from jaxsim.core.random import Key, Stream, apart
from jaxsim.core.types import Array, Bool, Complex, Float, Int, UInt32
from jaxsim.models.pooling.spec import Context, Params, Spec

_BELOW_ONE = np.float32(1.0 - 2.0**-24)
_ONE_WORD_SERVERS = 1 << 12


class Draws(NamedTuple):
    """The random words of one step, in pairs (see `random.Key.joined`), and the step's number."""

    pairs: tuple[Complex[Array, ""], ...]
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
    del policy  # every policy may read the coin, which the second word gives
    streams = [Stream.EVENTS]
    if not spec.equal or spec.servers > _ONE_WORD_SERVERS:
        streams.append(Stream.POLICY)
    return Draws(tuple(key.joined(stream) for stream in streams), key.step)


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
    words = [word for pair in draws.pairs for word in apart(pair)]
    if spec.equal:
        server, rest = scaled(words[0], spec.servers)
        if spec.servers > _ONE_WORD_SERVERS:
            rest = words[2]
        u = samplers.uniform(words[1])
        share = context.arrival_share
        arrival = u < share
        coin = jnp.where(arrival, u * context.stretch_arrival, (u - share) * context.stretch_unit)
        return Event(server, arrival, jnp.minimum(coin, _BELOW_ONE), samplers.uniform(rest))
    which = alias.sample_wide(context.thresholds, context.aliases, words[0], words[1])
    arrival = which < spec.servers
    server = jnp.where(arrival, which, which - spec.servers)
    return Event(server, arrival, samplers.uniform(words[2]), samplers.uniform(words[3]))


def total_rate(spec: Spec, params: Params) -> Float[Array, ""]:
    """Return Lambda = sum_i (lambda_i + mu_i)."""
    both = params.arrival_rate + params.service_rate
    return jnp.sum(both) * (spec.servers if spec.equal else 1)


def step_time(spec: Spec, params: Params) -> Float[Array, ""]:
    """Return 1 / Lambda, the expected time between two events."""
    return 1.0 / total_rate(spec, params)


def prepare(spec: Spec, params: Params, policy: object) -> Context:
    """Return what is constant along a path: the share of arrivals or the alias table, and phi."""
    del policy
    arrival, service = params.arrival_rate, params.service_rate
    rho, one = arrival / service, jnp.ones((), service.dtype)
    if spec.equal:
        nothing = jnp.zeros(0, jnp.uint32)
        shares = (arrival / (arrival + service), 1 + service / arrival, 1 + rho)
        table = (nothing, nothing.astype(jnp.int32))
    else:
        zero = jnp.zeros((), service.dtype)
        shares, table = (zero, zero, zero), alias.wide(jnp.concatenate([arrival, service]))
    return Context(rho, *shares, *table, params.token_probability, one)
