"""The controlled process as a kernel: one step is one epoch (uniformized clock) or one event (jump clock).

In state s the policy assigns the actors, the sets Γ_k fire at rates r_s(Γ_k) ν_k, and one uniform number u
picks what happens: with the rates laid end to end, u Λ falls on an action's branch, an exogenous exit, or
beyond them all (a null event, probability β(s) = 1 - Σ_k r_s(Γ_k) ν_k/Λ - γ(s)/Λ). The jump clock uses the
total rate q(s) in the place of Λ: no null events, steps of mean length 1/q(s).

Time and costs of a step are their means given the state (``holding="mean"``, the default: same
expectations, less variance) or sampled, G(s) = g(s) X with X exponential of mean 1/Λ (or 1/q(s)).
Discounting at rate α multiplies a weight by Λ/(Λ+α) per epoch (q/(q+α) per event; e^{-αX} where X is
sampled), which is exact in expectation.

Source: Ahn, Righter (2005), sections 2 and 3.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import samplers
from jaxsim.core.kernel import Kernel, Metric, Observables
from jaxsim.core.random import Key, Stream
from jaxsim.core.status import Status, no_trouble, raise_bit
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Float, Int, UInt32
from jaxsim.models.actors.assignment import members_of
from jaxsim.models.actors.model import ActorsParams, ActorsSpec, Local, Model


class Draws(NamedTuple):
    """Random words of a step: the event, the holding time, and one per actor for the policy."""

    event: UInt32[Array, ""]
    holding: UInt32[Array, ""]
    policy: UInt32[Array, " actors"]


class Observation(NamedTuple):
    """What a policy sees: the state's number and what holds in that state (a `Local` without the state
    axis).
    """

    state: Int[Array, ""]
    local: Any


@pytree
class ActorsState:
    """The state's number, the discount weight reached, and the status word."""

    state: Int[Array, ""]
    weight: Float[Array, ""]
    status: UInt32[Array, ""]


@pytree
class Context:
    """Parameters in single precision, and the exact initial state."""

    local: Any
    uniform_rate: Any
    discount_rate: Any
    initial: Any


def prepare(spec: ActorsSpec, params: ActorsParams, policy: Any) -> Context:
    """Bring the parameters into the precision of simulation."""
    local = jax.tree.map(jnp.asarray, params.local)
    rate, alpha = jnp.asarray(params.uniform_rate), jnp.asarray(params.discount_rate)
    return Context(local, rate.astype(local.speeds.dtype), alpha.astype(local.speeds.dtype), params.initial)


def draw(key: Key, spec: ActorsSpec, policy: Any) -> Draws:
    """Words of one step; actors draw from their own stream, so policies compared meet the same events."""
    event, holding = key.words(Stream.EVENTS, 2)
    return Draws(event, holding, key.words(Stream.POLICY, spec.actors))


def init(key: Key, spec: ActorsSpec, context: Context) -> ActorsState:
    """Start in the initial state with weight 1."""
    one = jnp.ones((), context.local.speeds.dtype)
    return ActorsState(jnp.asarray(context.initial, jnp.int32), one, no_trouble())


def here(local: Local, state: Array) -> Local:
    """What holds in one state: every leaf without its state axis."""
    return jax.tree.map(lambda leaf: leaf.at[state].get(mode="promise_in_bounds"), local)


class Flow(NamedTuple):
    """Rates of everything that can happen in a state under an assignment, their successors and rewards."""

    rates: Float[Array, " events"]
    targets: Int[Array, " events"]
    rewards: Float[Array, " events"]


def flow(local: Local, assignment: Array) -> Flow:
    """Lay the branches of the actions and the exogenous exits end to end."""
    members = members_of(assignment, local.caps.shape[0], local.speeds.dtype)
    fired = local.law.rates(local.speeds, members) * local.rates
    return Flow(
        jnp.concatenate([(fired[:, None] * local.chances).reshape(-1), local.exogenous]),
        jnp.concatenate([local.targets.reshape(-1), local.exits]),
        jnp.concatenate([local.rewards.reshape(-1), jnp.zeros_like(local.exogenous)]),
    )


def feasible(local: Local, assignment: Array) -> Bool[Array, ""]:
    """Whether an assignment respects admissible sets and caps (whether it idles is the policy's affair)."""
    members = members_of(assignment, local.caps.shape[0], jnp.int32)
    allowed = jnp.all((members == 0) | local.allowed)
    known = jnp.all((assignment >= 0) & (assignment <= local.caps.shape[0]))
    return allowed & known & jnp.all(jnp.sum(members, axis=0) <= local.caps)


def step(
    draws: Draws, spec: ActorsSpec, context: Context, policy: Any, state: ActorsState
) -> tuple[ActorsState, Observables]:
    """Assign, wait, let one event (or none) happen; report what the time brought."""
    local = here(context.local, state.state)
    assignment = policy(draws.policy, Observation(state.state, local))
    now = flow(local, assignment)
    edges = jnp.cumsum(now.rates)
    clock = context.uniform_rate if spec.clock == "uniformized" else edges[-1]
    absorbed = edges[-1] <= 0
    clock = jnp.where(absorbed, context.uniform_rate, clock)
    place = samplers.uniform(draws.event) * clock
    event = jnp.sum(place >= edges, dtype=jnp.int32)
    count = now.rates.shape[0]
    null = absorbed | (event >= count) if spec.clock == "uniformized" else absorbed
    picked = jnp.minimum(event, count - 1)
    reward = jnp.where(null, 0.0, now.rewards[picked])
    after = jnp.where(null, state.state, now.targets[picked])
    time, cost, shrink = _holding(spec, context, clock, local.costs, draws.holding)
    status = raise_bit(state.status, Status.INFEASIBLE_ACTION, ~feasible(local, assignment))
    broken = ~jnp.isfinite(edges[-1]) | (edges[-1] > clock * (1 + 1e-5))
    status = raise_bit(status, Status.NON_FINITE, broken)
    observed: Observables = {
        "time": time,
        "cost": cost,
        "reward": reward,
        "net": reward - cost,
        "discounted": state.weight * (shrink * reward - _discounted_cost(spec, context, clock, cost, shrink)),
        "events": (~null).astype(jnp.int32),
        "working": jnp.sum(assignment < local.caps.shape[0], dtype=jnp.int32).astype(time.dtype) * time,
    }
    return ActorsState(after, state.weight * shrink, status), observed


def _holding(
    spec: ActorsSpec, context: Context, clock: Array, cost_rate: Array, word: Array
) -> tuple[Array, Array, Array]:
    """Time in the state, cost in that time, and the factor by which the discount weight shrinks."""
    alpha = context.discount_rate
    if spec.holding == "sampled":
        time = samplers.exponential(word) / clock
        return time, cost_rate * time, jnp.exp(-alpha * time)
    time = 1 / clock
    return time, cost_rate * time, clock / (clock + alpha)


def _discounted_cost(spec: ActorsSpec, context: Context, clock: Array, cost: Array, shrink: Array) -> Array:
    """∫ over the stay of e^{-αt} g dt, or its mean g/(clock + α) = (g/clock) shrink."""
    if spec.holding == "mean":
        return cost * shrink
    exponent = context.discount_rate * (-jnp.log(shrink) / jnp.maximum(context.discount_rate, 1e-30))
    small = exponent < 1e-6
    return cost * jnp.where(small, 1.0, -jnp.expm1(-exponent) / jnp.where(small, 1.0, exponent))


METRICS = (
    Metric("net_benefit", "net", per="time", summary="rewards minus costs per unit of time", better="higher"),
    Metric("cost_rate", "cost", per="time", summary="mean cost rate"),
    Metric("reward_rate", "reward", per="time", summary="rewards per unit of time"),
    Metric("working", "working", per="time", summary="mean number of actors that are assigned"),
    Metric("event_share", "events", summary="share of steps in which something happens"),
)

TOTALS = (
    Metric("total", "net", per="horizon", summary="rewards minus costs over the horizon", better="higher"),
    Metric(
        "discounted", "discounted", per="horizon", summary="discounted rewards minus costs over the horizon"
    ),
)
"""For finite horizons and discounting: sums from time 0 (no warm-up)."""


def _step_time(_: ActorsSpec, params: ActorsParams) -> float:
    return 1.0 / float(np.asarray(params.uniform_rate))


def build(spec: ActorsSpec, *, horizon: float = 1000.0, warmup: float = 0.0) -> Kernel:
    """Put the kernel together.

    A step counts as 1/Λ of model time, exactly for the uniformized clock; with the jump clock steps are
    longer on average, so a horizon T covers at least T.
    """
    metrics = METRICS if spec.criterion == "average" else METRICS + TOTALS
    return Kernel(
        "actors",
        spec,
        init,
        step,
        _step_time,
        metrics,
        prepare=prepare,
        draw=draw,
        horizon=horizon,
        warmup=warmup,
    )


def kernel_of(model: Model, **changes: Any) -> Kernel:
    """The kernel of a model: ``build(model.spec, ...)``."""
    return build(model.spec, **changes)
