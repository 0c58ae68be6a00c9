"""What the pooling model is made of: static sizes, traced parameters, the state, and what a server sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from jaxsim.core.status import Status, raise_bit
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Float, Int, Num, UInt, UInt32

IDLE, SERVE, OFFER = 0, 1, 2
"""What a server does with a unit of capacity: waste it, serve its own queue, offer it to the pool."""

MOST_JOBS = 2**19 - 1
"""Default limit of the jobs in the system: sums over 4096 steps then stay within 31 bits."""


FULL_QUEUE, FULL_RING = 1 << 30, 1 << 29
"""Bits above the jobs in `State.held`: a queue outgrew its word, the pool its ring."""


@dataclass(frozen=True)
class Spec:
    """Static sizes and choices.

    servers: N.
    token_cap: C; a server holds 0 .. C tokens.
    equal: all servers have the same rates (then no alias table is needed to draw the next event).
    tokens: ``"bounded"`` is the mechanism; ``"unlimited"`` is the fluid relaxation, in which token counts
        are not kept at all and never forbid anything.
    waits: ``"little"`` counts the jobs of the pool only; ``"exact"`` keeps it as a FIFO queue of owners and
        times of request, so that each job's waiting time is known when it is served.
    pool_slots: slots of that queue (a power of two; 1 if there is none).
    signal: servers remember whether their last offer found a job (one bit each).
    initial_tokens: tokens of every server at time 0 (its queue is empty), or None for the stationary law
        of complete pooling (see `kernel.init`).
    score: report the log-probability of random choices (see `score`).
    word_bits: 16 or 32: a server's tokens, signal and queue are packed in one word of that width.
    """

    servers: int = 100
    token_cap: int = 100
    equal: bool = True
    tokens: Literal["bounded", "unlimited"] = "bounded"
    waits: Literal["little", "exact"] = "little"
    pool_slots: int = 1
    signal: bool = False
    initial_tokens: int | None = None
    score: bool = False
    word_bits: Literal[16, 32] = 16

    @property
    def token_bits(self) -> int:
        """Bits of a word that hold the tokens."""
        return self.token_cap.bit_length() if self.tokens == "bounded" else 0

    @property
    def queue_shift(self) -> int:
        """Where the queue begins inside a word: above the tokens and the signal."""
        return self.token_bits + int(self.signal)

    @property
    def longest_queue(self) -> int:
        """The longest queue that a word holds; one job more raises ``QUEUE_OVERFLOW``."""
        return min((1 << (self.word_bits - self.queue_shift)) - 1, MOST_JOBS)

    @property
    def most_jobs(self) -> int:
        """The most jobs in the system at once; one more raises ``QUEUE_OVERFLOW``."""
        return max(MOST_JOBS, 64 * self.servers)


@pytree
class Params:
    """Rates and costs, traced: changing them never recompiles.

    arrival_rate, service_rate: lambda_i and mu_i, scalars if the servers are equal, else of shape (servers,).
    token_probability: phi, the probability that an offer earns a token; of shape (servers,) it gives phi_i.
    processing_cost: c, paid for every job that is served.
    """

    arrival_rate: Float[Array, "*servers"]
    service_rate: Float[Array, "*servers"]
    token_probability: Float[Array, "*earners"]
    processing_cost: Float[Array, ""]


@pytree
class Context:
    """What is constant along a path.

    utilization: rho_i = lambda_i / mu_i.
    arrival_share: lambda / (lambda + mu) where the servers are equal, else 0 (unused); stretch_arrival and
        stretch_unit are 1 / arrival_share and 1 / (1 - arrival_share).
    thresholds, aliases: the alias table over 2 N events: arrivals at servers 0..N-1, then capacity units
        (empty where the servers are equal).
    token_probability: phi.
    one: the number 1, see `jaxsim.core.once`.
    """

    utilization: Float[Array, "*servers"]
    arrival_share: Float[Array, ""]
    stretch_arrival: Float[Array, ""]
    stretch_unit: Float[Array, ""]
    thresholds: UInt32[Array, " events"]
    aliases: Int[Array, " events"]
    token_probability: Float[Array, "*earners"]
    one: Float[Array, ""]


@pytree
class Ring:
    """The pool as a FIFO queue: slot ``head`` is served next; a job is its owner and the step it came at.

    owned_by_first, first_queue: jobs of server 0 in the pool and in its own queue, carried like `State.jobs`.
    """

    owner: Int[Array, " slots"]
    since: UInt32[Array, " slots"]
    head: Int[Array, ""]
    owned_by_first: Int[Array, ""]
    first_queue: Int[Array, ""]


@pytree
class State:
    """The system between two events.

    words: per server, tokens, signal bit and queue packed (see `pack`).
    pool: jobs in the pool.
    held: jobs in all own queues, and above them the bits `FULL_QUEUE` and `FULL_RING`, which stay set (a
        status word apart would be one more array to write at every event).
    at_bound: servers with 0 or C tokens. Like the jobs they follow from ``words`` and are carried because a
        sum over servers at every event would cost.
    ring: the pool's FIFO queue, or None.
    """

    words: UInt[Array, " servers"]
    pool: Int[Array, ""]
    held: Int[Array, ""]
    at_bound: Int[Array, ""]
    ring: Ring | None

    @property
    def jobs(self) -> Int[Array, "*n"]:
        """Jobs in all own queues."""
        return self.held & np.int32(FULL_RING - 1)

    @property
    def status(self) -> UInt32[Array, "*n"]:
        """The status bits that were set so far."""
        status = jnp.zeros_like(self.held, jnp.uint32)
        status = raise_bit(status, Status.QUEUE_OVERFLOW, self.held >= FULL_QUEUE)
        return raise_bit(status, Status.BUFFER_OVERFLOW, (self.held & np.int32(FULL_RING)) > 0)


@pytree
class Observation:
    """What a server sees when a job or a unit of capacity comes to it: itself, and nothing of the others.

    server: its number. queue: its jobs before the event. tokens: its tokens (0 if tokens are unlimited).
    pool_busy: whether its last offer found a job in the pool (False before its first, or if not kept).
    """

    server: Int[Array, ""]
    queue: Int[Array, ""]
    tokens: Int[Array, ""]
    pool_busy: Bool[Array, ""]


@pytree
class Action:
    """What the server would do: with a job that arrives, and with a unit of capacity that arrives.

    request: send the job to the pool (True) or keep it.
    use: ``IDLE``, ``SERVE`` or ``OFFER``.
    """

    request: Bool[Array, ""]
    use: Int[Array, ""]


def unpack(spec: Spec, word: UInt[Array, "*n"]) -> tuple[Array, Array, Array]:
    """Return (queue, tokens, signal) of packed words."""
    wide = word.astype(jnp.uint32)
    tokens = (wide & np.uint32((1 << spec.token_bits) - 1)).astype(jnp.int32)
    queue = (wide >> np.uint32(spec.queue_shift)).astype(jnp.int32)
    if spec.signal:
        return queue, tokens, ((wide >> np.uint32(spec.token_bits)) & np.uint32(1)) == 1
    return queue, tokens, jnp.zeros(word.shape, bool)


def pack(
    spec: Spec, queue: Int[Array, "*n"], tokens: Int[Array, "*n"], signal: Bool[Array, "*n"]
) -> UInt[Array, "*n"]:
    """Return the words ``queue | signal | tokens``, from high to low bits."""
    word: Any = (queue << spec.queue_shift) | tokens
    if spec.signal:
        word = word | (signal.astype(jnp.int32) << spec.token_bits)
    return word.astype(jnp.uint16 if spec.word_bits == 16 else jnp.uint32)


def of_server(value: Float[Array, "*servers"], server: Int[Array, ""]) -> Float[Array, ""]:
    """Return the value itself, or the server's own where there is one for each."""
    return value if value.ndim == 0 else value.at[server].get(mode="promise_in_bounds")


def at_bound(spec: Spec, tokens: Num[Array, "*n"]) -> Bool[Array, "*n"]:
    """Whether a token count is 0 or C; never, if tokens are unlimited."""
    if spec.tokens == "unlimited":
        return jnp.zeros(tokens.shape, bool)
    return (tokens == 0) | (tokens == spec.token_cap)
