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
from jaxsim.core.kernel import Control, Kernel, Metric, Observables
from jaxsim.core.parts import Parts
from jaxsim.core.random import Key, Stream, apart
from jaxsim.core.status import no_trouble
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Complex, Int, Num, UInt, UInt16, UInt32
from jaxsim.models.balancing import control, epoch, tables
from jaxsim.models.balancing.actions import Observation
from jaxsim.models.balancing.context import Context, observe, prepare
from jaxsim.models.balancing.model import Params, Spec, State, pack, queues_of, wired
from jaxsim.models.balancing.pairing import draw_links


@pytree
class Draws:
    """The random words of an epoch, two to a complex number (see `random.Key.joined`).

    queues: one word for each queue. arrivals: one for each where the number of arrivals is drawn first, else
    none. schedulers: a word for each, or one for every two, or none, as the policy's ``bits`` ask for.
    regime: one word.
    """

    queues: Complex[Array, " half_nodes"]
    arrivals: Complex[Array, " half_nodes_or_none"]
    schedulers: Complex[Array, " pairs"]
    regime: UInt32[Array, ""]


def first_state(key: Key, spec: Spec, params: Params) -> State:
    """Return empty queues, a first regime from its law, and a graph where each replication has its own."""
    u = samplers.uniform(key.pair(Stream.ENVIRONMENT, 1)[0])
    regime = samplers.by_cdf(jnp.cumsum(params.start), u)
    links = draw_links(key, params.wiring.degrees, spec.width) if spec.redrawn else None
    cells = pack(spec, jnp.zeros(spec.nodes, jnp.uint8), regime)
    alone = control.empty(spec) if spec.control else None
    return State(cells, regime, no_trouble(), links, alone)


def init(key: Key, spec: Spec, context: Context) -> State:
    """Return the first state; its status says whether the tables can be trusted."""
    return dataclasses.replace(first_state(key, spec, context.params), status=context.trouble)


def draw(key: Key, spec: Spec, policy: Any) -> Draws:
    """Return the epoch's words: the queues' and the regime's are the same under all policies.

    Of the schedulers only what their policy reads is drawn; with 16 bits one word serves two of them.
    """
    pairs = jnp.arange((spec.nodes + 1) // 2, dtype=jnp.uint32)
    read = {0: 0, 16: (spec.nodes + 3) // 4, 32: pairs.size}[policy.bits]
    staged = tables.layout(spec, policy).staged
    return Draws(
        queues=key.joined(Stream.EVENTS, pairs),
        arrivals=key.joined(Stream.ARRIVALS, pairs if staged else pairs[:0]),
        schedulers=key.joined(Stream.POLICY, pairs[:read]),
        regime=key.pair(Stream.ENVIRONMENT, 0)[0],
    )


def words(pairs: Complex[Array, " pairs"], nodes: int) -> UInt32[Array, " nodes"]:
    """Return a word for each node: all first words, then the second ones."""
    first, second = apart(pairs)
    # Cut before they are joined: the loops that read a slice of the whole would not be vectorized.
    return jnp.concatenate([first, second[: nodes - first.shape[0]]])


def scheduler_words(draws: Draws, policy: Any, nodes: int) -> UInt[Array, " count"]:
    """Return what each scheduler's policy reads: 32 bits, 16, or none."""
    if policy.bits == 0:
        return jnp.zeros(0, jnp.uint32)
    if policy.bits == 32:
        return words(draws.schedulers, nodes)
    halves = [half.astype(jnp.uint16) for w in apart(draws.schedulers) for half in (w, w >> np.uint32(16))]
    return jnp.concatenate(halves)[:nodes]


def _row(
    spec: Spec, params: Params, size: tables.Layout, action: Any, seen: Observation, state: State
) -> UInt32[Array, " nodes"]:
    """Return the row that belongs to each queue's level, regime and state."""
    level = tables.level(spec, params, size, action, seen)
    return level * np.uint32(spec.regimes * spec.states) + state.cells.astype(jnp.uint32)


def _arrivals(
    spec: Spec, params: Params, context: Context, size: tables.Layout, action: Any, seen: Observation,
    state: State, word: UInt32[Array, " nodes"],
) -> UInt32[Array, " nodes"]:  # fmt: skip
    """Return the number of packets that reach each queue during the epoch."""
    if size.levels is not None:
        row = _row(spec, params, size, action, seen, state)
        return alias.sample_packed(context.arrivals, row, size.arrival_bits, word)
    relative = tables.inflow(spec, params, action, seen, size.denominator)
    rate = params.arrival_rates[state.regime] * params.delay * relative
    return epoch.inverse_poisson(rate.astype(jnp.float32), size.arrivals, word).astype(jnp.uint32)


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


@pytree
class Words:
    """Random words, one for each node: for queues, for arrivals (where they are drawn), for schedulers."""

    queues: UInt32[Array, " nodes"]
    arrivals: UInt32[Array, " nodes"] | None
    schedulers: UInt[Array, " count"]


def transition(
    word: Words, spec: Spec, context: Context, policy: Any, state: State
) -> tuple[UInt[Array, " nodes"], Num[Array, " nodes"]]:
    """Return the last state of each queue and what it lost (or, where the Spec says so, is expected to)."""
    params = wired(context.params, state)
    seen = observe(spec, params, state)
    action = policy(word.schedulers, seen)
    size = tables.layout(spec, policy)
    server = params.server_class.astype(jnp.uint32) if len(spec.buffers) > 1 else np.uint32(0)
    if word.arrivals is not None:
        arrivals = _arrivals(spec, params, context, size, action, seen, state, word.arrivals)
        row = (server * np.uint32(size.arrivals + 1) + arrivals) * np.uint32(spec.states) + seen.queues[0]
    else:
        each = np.uint32((size.levels or 0) * spec.regimes * spec.states)
        row = server * each + _row(spec, params, size, action, seen, state)
    if spec.expected:
        end = alias.sample_packed(context.table, row, alias.bits(size.states), word.queues)
        return end, context.expected.at[row].get(mode="promise_in_bounds")
    outcome = alias.sample_packed(context.table, row, size.bits, word.queues).astype(jnp.uint16)
    lost = outcome // np.uint16(size.states)
    return outcome - lost * np.uint16(size.states), lost


def next_regime(params: Params, state: State, word: UInt32[Array, ""]) -> Int[Array, ""]:
    """Return the regime of the next epoch."""
    return samplers.by_cdf(jnp.cumsum(params.switch[state.regime]), samplers.uniform(word))


def step(draws: Draws, spec: Spec, context: Context, policy: Any, state: State) -> tuple[State, Observables]:
    """Take one epoch.

    Observables: ``drops``, packets lost in the epoch, all queues together (sampled; or expected given the
    epoch's start, and the number of arrivals where that is drawn first); ``jobs``, packets in all queues at
    the start of the epoch; with ``control`` also ``own``, what the own-queue policy is expected to lose per
    queue given the regimes so far.
    """
    size = tables.layout(spec, policy)
    word = Words(
        words(draws.queues, spec.nodes),
        words(draws.arrivals, spec.nodes) if size.staged else None,
        scheduler_words(draws, policy, spec.nodes),
    )
    end, lost = transition(word, spec, context, policy, state)
    if spec.expected:
        jobs, drops = jnp.sum(queues_of(spec, state).astype(jnp.int32)), jnp.sum(lost)
    else:
        jobs, drops = _totals(spec, size, state, lost)
    observed = {"drops": drops, "jobs": jobs}
    alone = state.alone
    if alone is not None and context.own is not None:
        alone, observed["own"] = control.advance(context.params, context.own, alone, state.regime)
    regime = next_regime(context.params, state, draws.regime)
    return State(pack(spec, end, regime), regime, state.status, state.links, alone), observed


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
        better="lower",
    ),
    Metric("queue_length", "jobs", "step", _per_node, "packets", "mean queue at the starts of epochs"),
)
CONTROL = Metric(
    "own_queue_given_regimes", "own", "horizon", 1.0, "packets",
    "packets that the own-queue policy is expected to lose per queue, given the regime path",
)  # fmt: skip


def _cut(spec: Spec, params: Params, policy: Any, count: int) -> Parts:
    from jaxsim.models.balancing.parts import cut  # it is made of this file's pieces

    return cut(spec, params, policy, count)


def _controlled(spec: Spec) -> tuple[Kernel, tuple[Control, ...]]:
    return kernel(dataclasses.replace(spec, control=True)), (Control("own", control.mean),)


def kernel(spec: Spec) -> Kernel:
    """Return the kernel of a Spec; one step is one epoch and lasts ``delay``; the horizon is 50."""
    return Kernel(
        family="balancing",
        spec=spec,
        init=init,
        step=step,
        step_time=_delay,
        metrics=(*METRICS, CONTROL) if spec.control else METRICS,
        prepare=prepare,
        draw=draw,
        cut=_cut,
        controlled=_controlled,
        horizon=50.0,
        largest_count=spec.nodes * (spec.states + epoch.poisson_cut(spec.packets)),
    )
