"""The system before its limit: packets in queues, one event per step.

J renewal streams bring batches; the environment jumps; the selected pair is served head of line at the rates
Lambda(P Q, alpha) that its utility game gives over the capacity of each pool, an empty queue never. Times to
the next events are the state (times between batches are kept in units of their mean, so that a change of
regime rescales what is left of them), the least of them happens next.

At heavy-traffic scale r, time t stands for r^2 t and queues and workloads are divided by r:

    lambda^r_j = lambda_j + theta_j / (r m_j),   generator G / r^2,   utilities of the scaled queues.

Utilities are taken at the scaled queues because the game of users of different kinds is not radially
homogeneous, as (6.2) would have it.

Source: Dai (2024), section 2, equations (2.4) to (2.11), (3.1), (3.16), (6.3), (6.8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxsim.core import samplers
from jaxsim.core.kernel import Kernel, Metric, Observables
from jaxsim.core.random import Key, Stream
from jaxsim.core.status import Status, no_trouble, raise_bit
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, UInt32
from jaxsim.models.pricing import closed_form, environment, laws, stages
from jaxsim.models.pricing.laws import PacketLaw, TimeLaw
from jaxsim.models.pricing.market import Market, Terms, Users, Vector, effective_rates, pick, terms_of
from jaxsim.statistics.accumulators import two_sum

LONGEST_QUEUE = 1 << 30


@dataclass(frozen=True)
class PacketSpec:
    """Static choices: the market, the laws of times and of packet lengths, and whether paths stop."""

    market: Market
    interarrival: TimeLaw = "hyperexponential"
    packets: PacketLaw = "hyperexponential"
    stops: bool = False


@pytree
class PacketParams:
    """The users, the scale r, capacities C_v(i) and of one user, the scaled time when paths stop, and stages.

    stages: of a packet, in units of its mean length, of all users or each; None unless lengths are their sum.
    """

    users: Users
    scale: Float[Array, ""]
    capacity: Float[Array, "regimes pools"]
    alone: Float[Array, "regimes pools users"]
    until: Float[Array, ""]
    stages: stages.Stages | None = None


@pytree
class PacketContext:
    """What is constant along a path: arrival rates lambda^r, parameters of the laws, tables of the chain."""

    params: PacketParams
    arrival_rate: Float[Array, "regimes users"]
    chance: Float[Array, "regimes users"]
    decay: Float[Array, "regimes users"]
    law: tuple[Vector, Vector]
    effective: Float[Array, "regimes users"]
    clockwork: environment.Clockwork


@pytree
class PacketState:
    """The system between two events.

    queues: packets of each user. arrival: time to its next batch, in units of the mean. work: what is left of
    its packet in service, in units of the mean length. regime, holding: of the environment, and what is left
    of its holding time, in units of the mean; None with a single regime. clock: scaled time as a sum of two
    floats, None unless paths stop. parts: the stages of each packet in service, in units of the mean length;
    None unless lengths are the sum of stages.
    """

    queues: Vector
    arrival: Vector
    work: Vector
    regime: Any
    holding: Any
    clock: Any
    parts: Any
    status: UInt32[Array, ""]


@pytree
class PacketObservation:
    """What a policy of the packet model sees: scaled queues, regime, terms and the pools' capacities."""

    queues: Vector
    regime: Any
    capacity: tuple[Any, ...]
    alone: tuple[Vector, ...]
    terms: Terms


@pytree
class PacketAction:
    """Prices and the rate of each user, all pools together; rates of empty queues are not read."""

    prices: Vector
    rates: Vector


class PacketDraws(NamedTuple):
    """Two words for the time that begins, two for a batch's size or a regime, the policy's, and the key."""

    time: tuple[Array, Array]
    what: tuple[Array, Array]
    policy: tuple[Array, Array] | None
    key: Key


def draw(key: Key, spec: PacketSpec, policy: Any) -> PacketDraws:
    """Return the words of an event."""
    lots = key.pair(Stream.POLICY) if policy.random else None
    return PacketDraws(key.pair(Stream.EVENTS), key.pair(Stream.ARRIVALS), lots, key)


def prepare(spec: PacketSpec, params: PacketParams, policy: Any) -> PacketContext:
    """Return what events need."""
    users = params.users
    chance, decay = laws.batch_parameters(users.batch_mean, users.batch_scv)
    return PacketContext(
        params,
        scaled_arrivals(params),
        chance,
        decay,
        (
            tuple(laws.parameter(spec.interarrival, users.interarrival_scv)),
            () if spec.packets == "stages" else tuple(laws.parameter(spec.packets, users.packet_scv)),
        ),
        effective_rates(spec.market, users.rate),
        environment.prepare("split", users.generator, params.scale),
    )


def scaled_arrivals(params: PacketParams) -> Float[Array, "regimes users"]:
    """Return lambda^r_j(i), (6.3)."""
    users = params.users
    return users.arrival_rate + users.theta / (params.scale * users.batch_mean)


def init(key: Key, spec: PacketSpec, context: PacketContext) -> PacketState:
    """Return empty queues; times to the first batches and first packets are drawn from their laws."""
    users, market = range(spec.market.users), spec.market

    def times(law: TimeLaw, values: Vector, offset: int) -> Vector:
        # A replication's key at another stream step, so that a law that rejects has words of its own.
        return tuple(
            laws.time(
                law,
                values[j],
                key.pair(Stream.INITIAL, offset + j),
                key.at(jnp.uint32(2**32 - 1 - offset - j)),
            )
            for j in users
        )

    made, parts = context.params.stages, None
    if made is not None:
        # Numbers of steps that no path reaches.
        keys = [key.at(jnp.uint32(2**32 - 1 - market.users - j)) for j in users]
        drawn = [k.words(Stream.SERVICES, stages.WORDS) for k in keys]
        parts = tuple(made.of(j).sample(words) for j, words in enumerate(drawn))
    regime = holding = None
    if market.regimes > 1:
        first, second = key.pair(Stream.INITIAL, 3 * market.users)
        regime = samplers.by_cdf(context.clockwork.start, samplers.uniform(first))
        holding = samplers.exponential(second)
    clock = (jnp.zeros(()), jnp.zeros(())) if spec.stops else None
    return PacketState(
        queues=tuple(jnp.zeros((), jnp.int32) for _ in users),
        arrival=times(spec.interarrival, context.law[0], 0),
        work=_first_packets(spec, context, times, parts),
        regime=regime,
        holding=holding,
        clock=clock,
        parts=parts,
        status=no_trouble(),
    )


def _first_packets(spec: PacketSpec, context: PacketContext, times: Any, parts: Any) -> Vector:
    if spec.packets == "stages":
        return tuple(jnp.sum(each) for each in parts)
    return times(spec.packets, context.law[1], spec.market.users)


def observe(spec: PacketSpec, context: PacketContext, state: PacketState) -> PacketObservation:
    """Return what the policy sees."""
    market, params = spec.market, context.params
    label = 0 if state.regime is None else state.regime
    where = (label, market.regimes)
    capacity, alone = pick(params.capacity, where), pick(params.alone, where)
    queues = tuple(q.astype(jnp.float32) / params.scale for q in state.queues)
    terms = terms_of(market, params.users, context.effective, label)
    return PacketObservation(queues, label, tuple(capacity), tuple(map(tuple, alone)), terms)


def earliest(times: list[Any]) -> tuple[Any, list[Any]]:
    """Return the least of some times, and for each whether it is the first that attains it."""
    best, who = times[0], jnp.zeros((), jnp.int32)
    for number, value in enumerate(times[1:], start=1):
        sooner = value < best
        best, who = jnp.where(sooner, value, best), jnp.where(sooner, number, who)
    return best, [who == number for number in range(len(times))]


def chosen(flags: list[Any], values: list[Any]) -> Any:
    """Return the value whose flag is set, else the last."""
    result = values[-1]
    for flag, value in zip(flags[:-1], values[:-1], strict=True):
        result = jnp.where(flag, value, result)
    return result


def step(
    draws: PacketDraws, spec: PacketSpec, context: PacketContext, policy: Any, state: PacketState
) -> tuple[PacketState, Observables]:
    """Let the next event happen: a batch comes, a packet leaves, the environment jumps, or the path stops.

    Observables are integrals over the time to the event, in scaled time.
    """
    params, market = context.params, spec.market
    users, square = range(market.users), params.scale * params.scale
    seen = observe(spec, context, state)
    action = policy(draws.policy, seen)
    label = (seen.regime, market.regimes)
    coming = pick(context.arrival_rate, label)
    serving = [jnp.where(state.queues[j] > 0, action.rates[j], 0.0) * params.users.mu[j] for j in users]
    times = [state.arrival[j] / coming[j] for j in users]
    times += [
        jnp.where(serving[j] > 0, state.work[j] / jnp.maximum(serving[j], 1e-30), jnp.inf) for j in users
    ]
    jumping: Any = 0.0
    if state.regime is not None:
        jumping = pick(context.clockwork.holding, label) / square
        times.append(jnp.where(jumping > 0, state.holding / jnp.maximum(jumping, 1e-30), jnp.inf))
    if state.clock is not None:
        times.append(jnp.maximum(params.until - state.clock[0] - state.clock[1], 0.0) * square)
    length, happens = earliest(times)

    new: Any = None
    parts = state.parts
    if params.stages is not None:
        own = _stages_of(params.stages, happens[market.users : 2 * market.users])
        new = own.sample(draws.key.words(Stream.SERVICES, stages.WORDS))
    fresh = _fresh_time(spec, context, draws, happens, new)
    size = _batch_size(context, draws, label, happens[: market.users])
    arrival, work, queues = [], [], []
    for j in users:
        comes, leaves = happens[j], happens[market.users + j]
        left = jnp.maximum(state.arrival[j] - coming[j] * length, 0.0)
        arrival.append(jnp.where(comes, fresh, left))
        left = jnp.maximum(state.work[j] - serving[j] * length, 0.0)
        work.append(jnp.where(leaves, fresh, left))
        queues.append(state.queues[j] + jnp.where(comes, size, 0) - leaves.astype(jnp.int32))
    regime, holding, clock = state.regime, state.holding, state.clock
    if regime is not None:
        jumps = happens[2 * market.users]
        left = jnp.maximum(holding - jumping * length, 0.0)
        holding = jnp.where(jumps, samplers.exponential(draws.time[0]), left)
        regime = jnp.where(jumps, environment.move(context.clockwork, regime, draws.what[0]), regime)
    duration = length / square
    if clock is not None:
        total, lost = two_sum(clock[0], duration)
        clock = two_sum(total, clock[1] + lost)
    observed, cost = _observe(seen, action, duration)
    if parts is not None:
        leaving = happens[market.users : 2 * market.users]
        rest = [jnp.where(leaving[j], 0.0, work[j]) for j in users]
        each = [stages.done(parts[j], state.work[j], rest[j]) / params.users.mu[j] for j in users]
        for name, amount in zip(stages.NAMES, sum(each) / square, strict=True):
            observed[f"work_{name}"] = amount
        parts = tuple(jnp.where(leaving[j], new, parts[j]) for j in users)
    ends = jnp.zeros((), bool) if clock is None else happens[-1]
    observed["events"] = 1 - ends.astype(jnp.int32)
    longest = jnp.max(jnp.stack(queues))
    status = raise_bit(state.status, Status.QUEUE_OVERFLOW, longest > LONGEST_QUEUE)
    status = raise_bit(status, Status.NON_FINITE, ~(jnp.isfinite(cost) & jnp.isfinite(length)))
    lasting = (tuple(queues), tuple(arrival), tuple(work), regime, holding, clock, parts)
    return PacketState(*lasting, status), observed


def _stages_of(made: stages.Stages, leaving: list[Any]) -> stages.Stages:
    """Return the stages of the user whose packet leaves."""
    if made.means.ndim == 1:
        return made
    return stages.Stages(chosen(leaving, list(made.means)), chosen(leaving, list(made.scvs)))


def _fresh_time(
    spec: PacketSpec, context: PacketContext, draws: PacketDraws, happens: list[Any], parts: Any
) -> Any:
    """Return the time that begins with the event: to the user's next batch, or of its next packet."""
    users = spec.market.users
    between, lengths = list(context.law[0]), list(context.law[1])
    if spec.interarrival == spec.packets:
        value = chosen(happens[: 2 * users], between + lengths)
        return laws.time(spec.interarrival, value, draws.time, draws.key)
    comes = jnp.any(jnp.stack(happens[:users]))
    first = laws.time(spec.interarrival, chosen(happens[:users], between), draws.time, draws.key)
    if spec.packets == "stages":
        second = jnp.sum(parts)
    else:
        second = laws.time(spec.packets, chosen(happens[users : 2 * users], lengths), draws.time, draws.key)
    return jnp.where(comes, first, second)


def _batch_size(context: PacketContext, draws: PacketDraws, label: Any, comes: list[Any]) -> Any:
    chance, decay = pick(context.chance, label), pick(context.decay, label)
    users = range(len(comes))
    now = [chosen(comes, [table[j] for j in users]) for table in (chance, decay)]
    return laws.batch(now[0], now[1], draws.what[0])


def _observe(seen: PacketObservation, action: PacketAction, duration: Any) -> tuple[Observables, Any]:
    """Return integrals of workload, cost, queues and prices over the time, and the cost rate."""
    m, terms = seen.terms.market, seen.terms
    each = zip(m.kinds, action.prices, seen.queues, terms.mu, terms.rate, strict=True)
    cost = sum((closed_form.dual_cost(*user, m.reading) for user in each), jnp.zeros(()))
    held = sum(q / mu for q, mu in zip(seen.queues, terms.mu, strict=True))
    observed = {"duration": duration, "workload": held * duration, "cost": cost * duration}
    observed["emptied"] = jnp.where(held > 0, 0.0, duration)
    for j in range(m.users):
        observed[f"queue_{j + 1}"] = seen.queues[j] * duration
        observed[f"price_{j + 1}"] = action.prices[j] * duration
    return observed, cost


def event_rate(spec: PacketSpec, params: PacketParams) -> Any:
    """Return the expected number of events per unit of scaled time in a stable system, long run."""
    users, square = params.users, params.scale * params.scale
    each = jnp.sum(scaled_arrivals(params) * (1.0 + users.batch_mean), axis=1) * square
    each = each - jnp.diagonal(users.generator)
    start = jnp.diff(environment.prepare("split", users.generator, params.scale).start, prepend=0.0)
    return jnp.sum(start * each)


def metrics(spec: PacketSpec) -> tuple[Metric, ...]:
    """Return what is measured: averages over scaled time."""
    users = range(1, spec.market.users + 1)
    per = "duration"
    return (
        Metric("workload", "workload", per, unit="scaled work", summary="mean scaled workload"),
        Metric("cost", "cost", per, summary="mean total dual cost of the scaled queues", better="lower"),
        *(Metric(f"queue_{j}", f"queue_{j}", per, unit="scaled packets") for j in users),
        *(Metric(f"price_{j}", f"price_{j}", per) for j in users),
        *(
            Metric(f"work_{name}", f"work_{name}", per, unit="work", summary=f"work done per time: {name}")
            for name in (stages.NAMES if spec.packets == "stages" else ())
        ),
        Metric("emptied", "emptied", per, summary="share of time in which all queues are empty"),
        Metric("events", "events", per, summary="events per unit of scaled time"),
    )


def step_time(spec: PacketSpec, params: PacketParams) -> Any:
    """Return the expected scaled time between events. Named: kernels of one Spec are equal, compile once."""
    return 1.0 / event_rate(spec, params)


def kernel(spec: PacketSpec) -> Kernel:
    """Return the kernel of a Spec; one step is one event; time is scaled time."""
    return Kernel(
        family="pricing",
        spec=spec,
        init=init,
        step=step,
        step_time=step_time,
        metrics=metrics(spec),
        prepare=prepare,
        draw=draw,
        horizon=20.0,
        largest_count=1,
        unbounded=("users.upper_prices", "until"),
    )
