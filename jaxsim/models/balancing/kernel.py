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
from jaxsim.core.types import Array, Float, Int, UInt, UInt16, UInt32
from jaxsim.models.balancing import epoch, exchange, tables
from jaxsim.models.balancing.actions import Observation, blank
from jaxsim.models.balancing.model import Params, Spec, State, pack, queues_of

CUT_TOLERANCE = 2.0**-20


@pytree
class Draws:
    """The random words of an epoch: per queue, for the schedulers and for the regime; and the key itself.

    schedulers: a word for each, or a word for every two of them, or none, as the policy's ``bits`` ask for.
    """

    key: Key
    queues: UInt32[Array, " nodes"]
    schedulers: UInt32[Array, " words"]
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
    queues = queues_of(spec, state)
    around = exchange.at_neighbours(spec, wiring, queues)
    speeds = None
    if len(spec.buffers) > 1:
        own = params.service_rates[params.server_class]
        speeds = (own, *exchange.at_neighbours(spec, wiring, own))
    opened = exchange.open_slots(spec, wiring)
    return Observation((queues, *around), opened, wiring.degrees, state.regime, spec.units, speeds)


def prepare(spec: Spec, params: Params, policy: Any) -> Context:
    """Build the table of epoch laws for the rates that the policy can bring about."""
    empty = pack(spec, jnp.zeros(spec.nodes, jnp.uint8), jnp.zeros((), jnp.int32), no_trouble())
    action = policy(blank(policy, spec.nodes), observe(spec, params, empty))
    denominator = policy.denominator(spec)
    size = tables.layout(spec, action, denominator)
    loads = params.arrival_rates * params.delay
    laws, cut = [], []
    for number, buffer in enumerate(spec.buffers):
        services = params.service_rates[number] * params.delay
        law = epoch.arrival_laws(services, buffer, size.states, size.arrivals, size.offered, size.drops)
        if size.levels is not None:
            rates = tables.level_rates(spec, params, action, size.levels, denominator)
            law = epoch.mix(loads[:, None] * rates, law)
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
    return pack(spec, jnp.zeros(spec.nodes, jnp.uint8), regime, no_trouble())


def init(key: Key, spec: Spec, context: Context) -> State:
    """Return the first state; its status says whether the tables can be trusted."""
    return dataclasses.replace(first_state(key, spec, context.params), status=context.trouble)


def draw(key: Key, spec: Spec, policy: Any) -> Draws:
    """Return the epoch's words: the queues' and the regime's are the same under all policies.

    Of the schedulers only what their policy reads is drawn; with 16 bits one word serves two of them.
    """
    nodes = jnp.arange(spec.nodes, dtype=jnp.uint32)
    count = {0: 0, 16: (spec.nodes + 1) // 2, 32: spec.nodes}[policy.bits]
    queues, schedulers = key.pair(Stream.EVENTS, nodes)[0], key.pair(Stream.POLICY, nodes[:count])[0]
    return Draws(key, queues, schedulers, key.pair(Stream.ENVIRONMENT, 0)[0])


def split_words(words: UInt32[Array, " words"], policy: Any, nodes: int) -> UInt[Array, " count"]:
    """Return what each scheduler's policy reads: 32 bits, 16 (word i serves i and i + nodes / 2), or none."""
    if policy.bits != 16:
        return words
    high = (words >> np.uint32(16)).astype(jnp.uint16)
    return jnp.concatenate([words.astype(jnp.uint16), high])[:nodes]


def _rows(
    spec: Spec, context: Context, size: tables.Layout, denominator: int | None, action: Any,
    seen: Observation, cells: UInt[Array, " nodes"], key: Key,
) -> UInt32[Array, " nodes"]:  # fmt: skip
    """Return the row of the table that each queue draws from."""
    params = context.params
    server = params.server_class.astype(jnp.uint32) if len(spec.buffers) > 1 else np.uint32(0)
    if size.levels is not None:
        level = server * np.uint32(size.levels) + tables.level(spec, params, action, seen)
        return level * np.uint32(spec.regimes * spec.states) + cells.astype(jnp.uint32)
    relative = tables.inflow(spec, params, action, seen, denominator)
    rate = params.arrival_rates[seen.regime] * params.delay * relative
    word = key.pair(Stream.ARRIVALS, jnp.arange(spec.nodes, dtype=jnp.uint32))[0]
    arrivals = epoch.inverse_poisson(rate.astype(jnp.float32), size.arrivals, word).astype(jnp.uint32)
    row = server * np.uint32(size.arrivals + 1) + arrivals
    return row * np.uint32(spec.states) + seen.queues[0].astype(jnp.uint32)


def _totals(
    spec: Spec, size: tables.Layout, state: State, lost: UInt16[Array, " nodes"]
) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """Return the sums of queues and losses in one pass, 16 bits for each in as many columns as that takes."""
    largest = max(size.drops, spec.regimes * spec.states - 1)
    columns = max(128, -(-spec.nodes // (65535 // largest)))
    both = state.cells.astype(jnp.uint32) | (lost.astype(jnp.uint32) << np.uint32(16))
    whole = spec.nodes // columns * columns
    sums = jnp.sum(both[:whole].reshape(-1, columns), axis=0, dtype=jnp.uint32)
    sums = jnp.concatenate([sums, both[whole:]])
    cells = jnp.sum((sums & np.uint32(65535)).astype(jnp.int32))
    jobs = cells - state.regime * (spec.states * spec.nodes)
    return jobs, jnp.sum((sums >> np.uint32(16)).astype(jnp.int32))


def step(draws: Draws, spec: Spec, context: Context, policy: Any, state: State) -> tuple[State, Observables]:
    """Take one epoch.

    Observables: ``drops``, packets lost in the epoch, all queues together (sampled; or expected given the
    epoch's start); ``jobs``, packets in all queues at the start of the epoch.
    """
    params = context.params
    seen = observe(spec, params, state)
    action = policy(split_words(draws.schedulers, policy, spec.nodes), seen)
    denominator = policy.denominator(spec)
    size = tables.layout(spec, action, denominator)
    row = _rows(spec, context, size, denominator, action, seen, state.cells, draws.key)
    if spec.expected:
        end = alias.sample_packed(context.table, row, alias.bits(size.states), draws.queues)
        drops = jnp.sum(context.expected.at[row].get(mode="promise_in_bounds"))
        jobs = jnp.sum(seen.queues[0].astype(jnp.int32))
    else:
        outcome = alias.sample_packed(context.table, row, size.bits, draws.queues).astype(jnp.uint16)
        lost = outcome // np.uint16(size.states)
        end = outcome - lost * np.uint16(size.states)
        jobs, drops = _totals(spec, size, state, lost)
    stay = jnp.cumsum(params.switch[state.regime])
    regime = samplers.by_cdf(stay, samplers.uniform(draws.regime))
    return pack(spec, end, regime, state.status), {"drops": drops, "jobs": jobs}


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
