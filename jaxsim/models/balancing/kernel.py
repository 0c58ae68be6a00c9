"""The exact kernel: one step is one epoch of every queue.

At the start of an epoch schedulers see queue lengths and act; until its end the arrival rate of queue j is

    lambda_j = lambda(regime) * (relative rate brought about by the actions of j and its neighbours),

so queues are independent M/M/1/B systems and their last state and drops are sampled from their joint law, one
word of random bits and one table look-up each. Then the regime moves on.

Source: Tahir, Cui, Koeppl (2023), equation (1), section 1.2.4 and equation (2).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core import alias, samplers
from jaxsim.core.kernel import Kernel, Metric, Observables
from jaxsim.core.random import Key, Stream
from jaxsim.core.status import Status, no_trouble, raise_bit
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, UInt32
from jaxsim.models.balancing import epoch, exchange, tables
from jaxsim.models.balancing.actions import Observation
from jaxsim.models.balancing.model import Params, Spec, State

CUT_TOLERANCE = 2.0**-20


@pytree
class Draws:
    """The random words of an epoch: per queue, per scheduler and for the regime; and the key itself."""

    key: Key
    queues: UInt32[Array, " nodes"]
    schedulers: UInt32[Array, " nodes"]
    regime: UInt32[Array, ""]


@pytree
class Context:
    """What is constant along a path: the parameters, the table of epoch laws and whether it is trustworthy.

    expected: mean drops of each row, where the Spec asks for them instead of sampled ones.
    """

    params: Params
    table: UInt32[Array, " cells"]
    expected: Float[Array, " rows_or_none"]
    trouble: UInt32[Array, ""]


def observe(spec: Spec, params: Params, state: State) -> Observation:
    """Return what schedulers can see."""
    wiring = params.wiring
    around = exchange.at_neighbours(spec, wiring, state.queues)
    speeds = None
    if len(spec.buffers) > 1:
        own = params.service_rates[params.server_class]
        speeds = (own, *exchange.at_neighbours(spec, wiring, own))
    seen = (state.queues, *around)
    opened = exchange.open_slots(spec, wiring)
    return Observation(seen, opened, wiring.degrees, state.regime, spec.units, speeds)


def prepare(spec: Spec, params: Params, policy: Any) -> Context:
    """Build the table of epoch laws for the rates that the policy can bring about."""
    nobody = State(jnp.zeros(spec.nodes, jnp.uint8), jnp.zeros((), jnp.int32), no_trouble())
    action = policy(jnp.zeros(spec.nodes, jnp.uint32), observe(spec, params, nobody))
    denominator = policy.denominator(spec)
    size = tables.layout(spec, action, denominator)
    loads = params.arrival_rates * params.delay
    laws, cut = [], []
    for number, buffer in enumerate(spec.buffers):
        services = params.service_rates[number] * params.delay
        law = epoch.arrival_laws(services, buffer, size.states, size.arrivals, size.offered, size.drops)
        if size.levels is not None:
            rates = tables.level_rates(spec, params, action, size.levels, denominator)
            law = epoch.mix(loads[:, None, None] * rates, law)
        else:
            # Row by row the drops cannot exceed the arrivals; what is cut is weighed by the heaviest load.
            worst = epoch.mix(jnp.full(size.states, tables.heaviest(spec, action) * jnp.max(loads)), law)
            cut.append(epoch.cut_mass(worst))
        flat = law.reshape(-1, (size.drops + 1) * size.states)
        if size.levels is not None:
            cut.append(epoch.cut_mass(flat))
        laws.append(flat)
    law = jnp.concatenate(laws)
    lost = jnp.max(jnp.stack(cut))
    trouble = raise_bit(no_trouble(), Status.NON_FINITE, ~jnp.isfinite(lost))
    trouble = raise_bit(trouble, Status.NOT_CONVERGED, lost > CUT_TOLERANCE)
    if not spec.expected:
        return Context(params, alias.packed(law), jnp.zeros(0), trouble)
    joint = law.reshape(-1, size.drops + 1, size.states)
    drops = jnp.einsum("rds,d->r", joint, jnp.arange(size.drops + 1.0)) / jnp.sum(joint, axis=(1, 2))
    return Context(params, alias.packed(jnp.sum(joint, axis=1)), drops, trouble)


def first_state(key: Key, spec: Spec, params: Params) -> State:
    """Return empty queues and a first regime from its law."""
    u = samplers.uniform(key.pair(Stream.ENVIRONMENT, 1)[0])
    regime = samplers.by_cdf(jnp.cumsum(params.start), u)
    return State(jnp.zeros(spec.nodes, jnp.uint8), regime, no_trouble())


def init(key: Key, spec: Spec, context: Context) -> State:
    """Return the first state; its status says whether the tables can be trusted."""
    return dataclasses.replace(first_state(key, spec, context.params), status=context.trouble)


def draw(key: Key, spec: Spec, policy: Any) -> Draws:
    """Return the epoch's words; the regime has a stream of its own, which all policies share."""
    queues, schedulers = key.pair(Stream.EVENTS, jnp.arange(spec.nodes, dtype=jnp.uint32))
    return Draws(key, queues, schedulers, key.pair(Stream.ENVIRONMENT, 0)[0])


def _rows(
    spec: Spec,
    context: Context,
    size: tables.Layout,
    denominator: int | None,
    action: Any,
    seen: Observation,
    key: Key,
) -> Array:
    """Return the row of the table that each queue draws from."""
    params, z = context.params, seen.queues[0].astype(jnp.int32)
    server = params.server_class if len(spec.buffers) > 1 else 0
    if size.levels is not None:
        level = tables.level(spec, params, action, seen)
        return ((server * spec.regimes + seen.regime) * size.levels + level) * size.states + z
    relative = tables.inflow(spec, params, action, seen, denominator)
    rate = params.arrival_rates[seen.regime] * params.delay * relative
    word = key.pair(Stream.ARRIVALS, jnp.arange(spec.nodes, dtype=jnp.uint32))[0]
    arrivals = epoch.inverse_poisson(rate.astype(jnp.float32), size.arrivals, word)
    return (server * (size.arrivals + 1) + arrivals) * size.states + z


def step(draws: Draws, spec: Spec, context: Context, policy: Any, state: State) -> tuple[State, Observables]:
    """Take one epoch.

    Observables: ``drops``, packets lost in the epoch, all queues together (sampled; or expected given the
    epoch's start); ``jobs``, packets in all queues at the start of the epoch.
    """
    params = context.params
    seen = observe(spec, params, state)
    action = policy(draws.schedulers, seen)
    denominator = policy.denominator(spec)
    size = tables.layout(spec, action, denominator)
    row = _rows(spec, context, size, denominator, action, seen, draws.key)
    if spec.expected:
        end = alias.sample_packed(context.table, row, alias.bits(size.states), draws.queues)
        drops = jnp.sum(context.expected.at[row].get(mode="promise_in_bounds"))
    else:
        outcome = alias.sample_packed(context.table, row, size.bits, draws.queues)
        lost = outcome // np.uint32(size.states)
        end = outcome - lost * np.uint32(size.states)
        drops = jnp.sum(lost.astype(jnp.int32))
    stay = jnp.cumsum(params.switch[state.regime])
    regime = samplers.by_cdf(stay, samplers.uniform(draws.regime))
    jobs = jnp.sum(state.queues.astype(jnp.int32))
    return State(end.astype(jnp.uint8), regime, state.status), {"drops": drops, "jobs": jobs}


def _delay(spec: Spec, params: Params) -> Array:
    return params.delay


def _per_node(spec: Spec, params: Params) -> float:
    return 1.0 / spec.nodes


METRICS = (
    Metric(
        "drops_per_node",
        "drops",
        "horizon",
        _per_node,
        "packets",
        "packets lost per queue over the horizon (whole epochs, scaled to it)",
    ),
    Metric("queue_length", "jobs", "step", _per_node, "packets", "mean queue at the starts of epochs"),
)


def kernel(spec: Spec) -> Kernel:
    """Return the kernel of a Spec; one step is one epoch and lasts ``delay``; the horizon is 50."""
    return Kernel(
        family="balancing",
        spec=spec,
        init=init,
        step=step,
        step_time=_delay,
        metrics=METRICS,
        prepare=prepare,
        draw=draw,
        horizon=50.0,
        largest_count=spec.nodes * (spec.states + epoch.poisson_cut(spec.packets)),
    )
