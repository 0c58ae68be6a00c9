"""The decisions of one replication, in order: what a ledger of the system would record."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.kernel import System
from jaxsim.core.random import key
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Float, Int, UInt32, Whole
from jaxsim.core.validation import integer
from jaxsim.models.pricing import diffusion, packets
from jaxsim.statistics.accumulators import two_sum


@pytree
class Decisions:
    """What was decided at the ends of steps 1 .. n of a replication; arrays with a leading axis of length n.

    In the packet model a step is an event: its row holds what was decided for the time before it (queues and
    workload are scaled, time is the scaled time of the event).

    time: model time. regime: of the environment, 0 .. K-1. workload: W. queues, prices: Q_j and P_j.
    rates: service rate given to each user, all pools together (0 for users not selected).
    selected: whether each user was selected. status: the status word after the step.
    """

    time: Float[Array, "*n"]
    regime: Int[Array, "*n"]
    workload: Float[Array, "*n"]
    queues: Float[Array, "*n users"]
    prices: Float[Array, "*n users"]
    rates: Float[Array, "*n users"]
    selected: Bool[Array, "*n users"]
    status: UInt32[Array, "*n"]


def decisions(
    system: System, policy: Any, *, seed: Whole = 0, replication: Whole = 0, steps: Whole = 100
) -> Decisions:
    """Return the decisions of one replication: the path that ``simulate`` takes under that seed and number.

    Args:
        system, policy: as given to ``simulate`` (``system(...)`` and ``catalogue.game(system)``, say).
        seed, replication: which path. steps: n, how many steps of the kernel.

    Raises:
        InvalidInput: if a number is out of range.
    """
    count = integer("steps", steps, low=1, high=1 << 22)
    root = key(seed).replication(integer("replication", replication, low=0, high=(1 << 31) - 1))
    spec = system.kernel.spec
    record = _packets if isinstance(spec, packets.PacketSpec) else _record
    return record(spec, count, system.params, policy, root)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _record(spec: diffusion.Spec, steps: int, params: Any, policy: Any, root: Any) -> Decisions:
    context = diffusion.prepare(spec, params, policy)

    def one(state: diffusion.State, number: Array) -> tuple[diffusion.State, Decisions]:
        draws = diffusion.draw(root.at(number), spec, policy)
        state, done = diffusion.advance(draws, spec, context, policy, state)
        action, market = done.actions[0], spec.market
        pairs = jnp.asarray([[j in pair for j in range(market.users)] for pair in market.coalitions])
        selected = pairs[jnp.asarray(action.coalition, jnp.int32)]
        regime = jnp.zeros((), jnp.int32) if state.regime is None else state.regime
        rates = jnp.where(selected, jnp.sum(params.users.rate[regime], axis=0), 0.0)
        time = (number.astype(jnp.float32) + 1) * params.time_step
        queues, prices = jnp.stack(action.queues), jnp.stack([jnp.asarray(p) for p in action.prices])
        held = jnp.sum(queues / params.users.mu)
        return state, Decisions(time, regime, held, queues, prices, rates, selected, state.status)

    return lax.scan(one, diffusion.init(root, spec, context), jnp.arange(steps))[1]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _packets(spec: packets.PacketSpec, steps: int, params: Any, policy: Any, root: Any) -> Decisions:
    context = packets.prepare(spec, params, policy)

    def one(carry: tuple[packets.PacketState, Array, Array], number: Array) -> tuple[Any, Decisions]:
        state, clock, lost = carry
        draws = packets.draw(root.at(number), spec, policy)
        seen = packets.observe(spec, context, state)
        action = policy(draws.policy, seen)
        after, observed = packets.step(draws, spec, context, policy, state)
        queues, prices = jnp.stack(seen.queues), jnp.stack([jnp.asarray(p) for p in action.prices])
        rates = jnp.where(queues > 0, jnp.stack(action.rates), 0.0)
        clock, more = two_sum(clock, observed["duration"] + lost)  # what rounding takes is kept
        regime = jnp.asarray(seen.regime, jnp.int32)
        held = jnp.sum(queues / params.users.mu)
        return (after, clock, more), Decisions(
            clock, regime, held, queues, prices, rates, rates > 0, after.status
        )

    start = (packets.init(root, spec, context), jnp.zeros(()), jnp.zeros(()))
    return lax.scan(one, start, jnp.arange(steps))[1]
