"""Which event comes next: the merged Poisson clock of all arrivals and all units of capacity.

The events of all servers form one Poisson process of rate Lambda = sum_i (lambda_i + mu_i); each event is,
independently, a job at server i with probability lambda_i / Lambda or a unit of capacity there with
probability mu_i / Lambda. The chain at event times is simulated; a step lasts 1 / Lambda on average.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import samplers
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


def draw(key: Key, spec: Spec) -> Draws:
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
    column = samplers.index(words[0], 2 * spec.servers)
    keep = words[1] < context.thresholds.at[column].get(mode="promise_in_bounds")
    which = jnp.where(keep, column, context.aliases.at[column].get(mode="promise_in_bounds"))
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
    served_cost = params.processing_cost * total_rate(spec, params)
    if spec.equal:
        share = params.arrival_rate / rates
        nothing = jnp.zeros(0, jnp.uint32)
        return Context(share, nothing, nothing.astype(jnp.int32), params.token_probability, served_cost)
    weights = jnp.concatenate([params.arrival_rate, params.service_rate])
    thresholds, aliases = alias_table(weights / jnp.sum(weights))
    zero = jnp.zeros((), weights.dtype)
    return Context(zero, thresholds, aliases, params.token_probability, served_cost)


def alias_table(probabilities: Float[Array, " n"]) -> tuple[UInt32[Array, " n"], Int[Array, " n"]]:
    """Return thresholds (of 2**32) and aliases: column j keeps j if a word is below its threshold.

    One sweep in O(n) after a sort: light columns in turn are filled up by the current heavy one, which
    becomes light itself when it falls below 1 and is then filled up by the next.

    Source: Walker (1977); the sweep is that of Huebschle-Schneider and Sanders (2022), section 3.1.
    """
    count = probabilities.shape[0]
    order = jnp.argsort(probabilities)
    mass = (probabilities * count)[order]
    first_heavy = jnp.minimum(jnp.sum(mass < 1), count - 1)

    def one(_: Int[Array, ""], carry: tuple[Array, ...]) -> tuple[Array, ...]:
        light, heavy, left, keep, alias = carry
        # `left` is what remains of the heavy column; once below 1 it is a light one, filled by the next.
        finished = (left < 1) & (heavy < count - 1)
        target = jnp.where(finished, heavy, light)
        giver = jnp.where(finished, heavy + 1, heavy)
        own = jnp.where(finished, left, mass[target])
        valid = finished | (light < first_heavy)
        keep = keep.at[target].set(jnp.where(valid, own, keep[target]))
        alias = alias.at[target].set(jnp.where(valid, giver, alias[target]))
        left = jnp.where(finished, mass[giver] - (1 - left), left - jnp.where(valid, 1 - own, 0))
        return light + (valid & ~finished), giver, left, keep, alias

    start = (jnp.int32(0), first_heavy.astype(jnp.int32), mass[first_heavy])
    blank = (jnp.ones_like(mass), jnp.arange(count, dtype=jnp.int32))
    *_, keep, alias = lax.fori_loop(0, count, one, (*start, *blank))
    whole = jnp.where(keep >= 1, jnp.arange(count, dtype=jnp.int32), alias)
    # The product with 2**32 is taken in two halves: a float32 just below 1 must not round up to 2**32.
    high = jnp.clip(jnp.floor(keep * 2.0**16), 0, 2.0**16 - 1)
    low = jnp.clip((keep * 2.0**16 - high) * 2.0**16, 0, 2.0**16 - 1)
    threshold = (high.astype(jnp.uint32) << np.uint32(16)) | low.astype(jnp.uint32)
    back = jnp.zeros(count, jnp.int32).at[order].set
    return jnp.zeros(count, jnp.uint32).at[order].set(threshold), back(order[whole].astype(jnp.int32))
