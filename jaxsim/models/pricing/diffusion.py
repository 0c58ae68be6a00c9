"""The reflecting diffusion with regime switching: one step of the workload, the queues and the prices.

    W = X + Y >= 0,   dX = b(alpha, M) dt + sigma(alpha, M) dB,   Y grows only while W = 0,

with M the pair of users that the policy selected. Then the policy turns W into queues, prices and the next
pair. A reference policy may run beside it under the same noise, so that costs are compared path by path.

Drift and deviation are those of `coefficients`.

Source: Dai (2024), Definition 3.1, equation (5.11).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxsim.core import samplers
from jaxsim.core.kernel import Kernel, Metric, Observables
from jaxsim.core.random import Key, Stream
from jaxsim.core.status import Status, no_trouble, raise_bit
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Float, UInt32
from jaxsim.models.pricing import closed_form, environment
from jaxsim.models.pricing.coefficients import Covariance, factors, pair_coefficients
from jaxsim.models.pricing.environment import Crossing, Piece
from jaxsim.models.pricing.gaussian import parts_of, shock
from jaxsim.models.pricing.market import (
    Action,
    Market,
    Observation,
    Terms,
    Users,
    Vector,
    effective_rates,
    pick,
    terms_of,
)
from jaxsim.models.pricing.reflection import Scheme, drop, faces, oblique, reflect


@dataclass(frozen=True)
class Spec:
    """Static choices of the diffusion.

    market: users and pools. scheme: how the reflection is stepped. covariance: of the users' noise.
    crossing, pieces: how regimes cross a step, and into how many pieces at most.
    reference: name of the policy that runs beside, or ``none``.
    """

    market: Market
    scheme: Scheme = "exact"
    covariance: Covariance = "independent"
    crossing: Crossing = "matrix"
    pieces: int = 1
    reference: str = "constant"


@pytree
class Params:
    """The users, the length of a step, the workload at time 0 and the reference policy (or None)."""

    users: Users
    time_step: Float[Array, ""]
    initial_workload: Float[Array, ""]
    reference: Any


@pytree
class Context:
    """What is constant along a path.

    drift, deviation: of the workload, by regime and pair. effective: see `effective_rates`.
    first: the sides at time 0, one per policy. factor: of the queues one by one, X_j = theta_j t + sum_k
    factor_jk B_k(t). clockwork: of the environment. face: of each policy that reflects
        in queue space, else None.
    """

    params: Params
    first: tuple[Any, ...]
    drift: Float[Array, "regimes pairs"]
    deviation: Float[Array, "regimes pairs"]
    effective: Float[Array, "regimes users"]
    factor: Float[Array, "regimes users motions"]
    clockwork: environment.Clockwork
    face: tuple[Any, ...]
    trouble: UInt32[Array, ""]


@pytree
class Side:
    """One policy's part of the state.

    workload: W, or None if it is the first side's. queues: at the end of the last step, for policies that
    reflect in queue space or remember queues, else None. prices: remembered. pair: selected, None if the
    market has one pair only.
    """

    workload: Any
    queues: Any
    prices: Vector
    pair: Any


@pytree
class State:
    """The policy's side and the reference's, and the regime (None if there is one only)."""

    sides: tuple[Side, ...]
    regime: Any
    status: UInt32[Array, ""]


class Noise(NamedTuple):
    """The `shock` of the workload over a piece of a step, and one per user where queues reflect apart."""

    workload: Array
    users: tuple[Array, ...]


class Draws(NamedTuple):
    """The randomness of a step: shocks; words for the ``regime`` (a pair per piece) and the ``policy``."""

    pieces: tuple[Noise, ...]
    regime: tuple[tuple[Array, Array], ...]
    policy: tuple[Array, Array] | None


def draw(key: Key, spec: Spec, policy: Any) -> Draws:
    """Return the words of a step; no word is drawn that nobody reads."""
    users = spec.market.users
    apart = "queues" in (policy.dimension, "queues" if spec.reference == "2d-queue" else "workload")
    count = spec.pieces if spec.crossing == "split" and spec.market.regimes > 1 else 1

    inside = spec.scheme == "exact"

    def noise(piece: int) -> Noise:
        each = [key.pair(Stream.SERVICES, piece * users + j) for j in range(users)] if apart else ()
        whole = shock(key.pair(Stream.EVENTS, piece), looks_inside=inside)
        return Noise(whole, tuple(shock(pair, looks_inside=inside) for pair in each))

    jumps = range(count) if spec.market.regimes > 1 else ()
    lots = policy.random or spec.reference == "stochastic"
    return Draws(
        tuple(noise(piece) for piece in range(count)),
        tuple(key.pair(Stream.ENVIRONMENT, piece) for piece in jumps),
        key.pair(Stream.POLICY) if lots else None,
    )


def first_sides(spec: Spec, params: Params, policies: tuple[Any, ...]) -> tuple[Side, ...]:
    """Return the sides at time 0: the initial workload, its queues in equal shares of it, initial prices."""
    market, w = spec.market, params.initial_workload
    shares = tuple(mu * w / market.users for mu in params.users.mu)
    one_pair = len(market.coalitions) == 1
    sides = []
    for number, policy in enumerate(policies):
        shared = number > 0 and one_pair
        queues = shares if policy.keeps_queues else None
        prices = tuple(params.users.initial_prices) if policy.keeps_prices else ()
        pair = None if one_pair else jnp.zeros((), jnp.int32)
        sides.append(Side(None if shared else w, queues, prices, pair))
    return tuple(sides)


def prepare(spec: Spec, params: Params, policy: Any) -> Context:
    """Return drifts, deviations and tables; a non-finite one is trouble."""
    users = params.users
    b, sigma = pair_coefficients(spec.market, spec.covariance, users)
    policies = (policy,) if params.reference is None else (policy, params.reference)
    trouble = raise_bit(no_trouble(), Status.NON_FINITE, ~jnp.all(jnp.isfinite(b) & jnp.isfinite(sigma)))
    return Context(
        params=params,
        first=first_sides(spec, params, policies),
        drift=b,
        deviation=sigma,
        effective=effective_rates(spec.market, users.rate),
        factor=factors(spec.covariance, users),
        clockwork=environment.prepare(spec.crossing, users.generator, params.time_step),
        face=tuple(faces(p.matrix) if p.dimension == "queues" else None for p in policies),
        trouble=trouble,
    )


def init(key: Key, spec: Spec, context: Context) -> State:
    """Return the first state; the regime is drawn from its stationary law."""
    regime = None
    if spec.market.regimes > 1:
        u = samplers.uniform(key.pair(Stream.INITIAL)[0])
        regime = samplers.by_cdf(context.clockwork.start, u)
    return State(context.first, regime, context.trouble)


class Motion(NamedTuple):
    """What the noise makes of one piece: sqrt(time) times standard normals, and exponentials for minima."""

    piece: Piece
    total: Float[Array, ""]
    low: Float[Array, ""]
    users: tuple[tuple[Any, Any], ...]


def motion(spec: Spec, context: Context, piece: Piece, noise: Noise) -> Motion:
    """Return the Brownian increments of a piece.

    Where the users' own motions are needed they are drawn given the workload's: with a the workload's load on
    the motions as a unit vector, S + a (T - a.S) is standard normal and its component along a is T. So the
    workload moves alike whatever policy runs beside it.
    """
    root = jnp.sqrt(piece.time)
    total, low = parts_of(noise.workload)
    if not noise.users:
        return Motion(piece, total * root, low, ())
    size = (piece.regime, spec.market.regimes)
    factor, mu = pick(context.factor, size), context.params.users.mu
    load = jnp.sum(factor / mu[:, None], axis=0) / pick(context.deviation, size, (0, 1))
    count = factor.shape[-1]
    free = [parts_of(each)[0] for each in noise.users[:count]]
    along = total - sum(load[k] * free[k] for k in range(count))
    bound = [free[k] + load[k] * along for k in range(count)]
    rows = range(spec.market.users)
    own = [sum(factor[j, k] * bound[k] for k in range(count)) * root for j in rows]
    lows = [parts_of(each)[1] for each in noise.users]
    return Motion(piece, total * root, low, tuple(zip(own, lows, strict=True)))


def move_workload(
    spec: Spec, context: Context, m: Motion, w: Float[Array, ""], pair: Any
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """Return the workload after a piece, and whether it was 0 during it."""
    sizes = (m.piece.regime, spec.market.regimes), (pair, len(spec.market.coalitions))
    sigma = pick(context.deviation, *sizes)
    increment = pick(context.drift, *sizes) * m.piece.time + sigma * m.total
    return reflect(spec.scheme, w, increment, drop(increment, sigma * sigma * m.piece.time, m.low))


def move_queues(
    spec: Spec, context: Context, m: Motion, queues: Vector, face: Array, matrix: Array
) -> Vector:
    """Return the queues of a policy that reflects in queue space after a piece."""
    size = (m.piece.regime, spec.market.regimes)
    theta, factor = pick(context.params.users.theta, size), pick(context.factor, size)
    variance = jnp.sum(factor * factor, axis=-1) * m.piece.time
    increment = tuple(theta[j] * m.piece.time + own for j, (own, _) in enumerate(m.users))
    if spec.scheme == "projected_euler":
        fall: Vector = tuple(-d for d in increment)
    else:
        fall = tuple(drop(d, variance[j], m.users[j][1]) for j, d in enumerate(increment))
    return oblique(face, matrix, queues, increment, fall)[0]


class Outcome(NamedTuple):
    """What a step did: the workload and action of each side, whether the first was empty, and the terms."""

    workload: tuple[Any, ...]
    actions: tuple[Action, ...]
    emptied: Bool[Array, ""]
    terms: Terms


def advance(draws: Draws, spec: Spec, context: Context, policy: Any, state: State) -> tuple[State, Outcome]:
    """Move the workload over the step, then let each policy act on what it sees at its end."""
    h, status, regime = context.params.time_step, state.status, state.regime
    if spec.market.regimes == 1:
        pieces = [Piece(h, 0)]
    elif spec.crossing == "matrix":
        pieces, regime = [Piece(h, regime)], environment.move(context.clockwork, regime, draws.regime[0][0])
    else:
        pieces, regime, late = environment.cross(context.clockwork, regime, h, list(draws.regime))
        status = raise_bit(status, Status.NOT_CONVERGED, late)
    motions = [motion(spec, context, p, n) for p, n in zip(pieces, draws.pieces, strict=True)]
    terms = terms_of(spec.market, context.params.users, context.effective, regime)
    policies = (policy, context.params.reference)
    sides, levels, actions, empty = [], [], [], []
    for number, side in enumerate(state.sides):
        rules, face = policies[number], context.face[number]
        w, emptied, queues = side.workload, jnp.zeros((), bool), side.queues
        for m in motions:
            if w is not None:
                w, touched = move_workload(spec, context, m, w, side.pair)
                emptied = emptied | touched
            if face is not None:
                queues = move_queues(spec, context, m, queues, face, rules.matrix)
        if w is None:
            seen, when = levels[0], empty[0]
        elif number and side.pair is not None:
            # Equal so far and the same pair: the same motion, which a compiler may round in two ways.
            first = state.sides[0]
            same = (side.workload == first.workload) & (side.pair == first.pair)
            seen, when = jnp.where(same, levels[0], w), jnp.where(same, empty[0], emptied)
        else:
            seen, when = w, emptied
        label = 0 if regime is None else regime
        action = rules(draws.policy, Observation(seen, queues or (), side.prices, when, label, terms))
        keeps = action.queues if rules.keeps_queues else None
        pair = None if side.pair is None else jnp.asarray(action.coalition, jnp.int32)
        sides.append(Side(None if w is None else seen, keeps, action.memory, pair))
        levels.append(seen)
        actions.append(action)
        empty.append(when)
    return State(tuple(sides), regime, status), Outcome(tuple(levels), tuple(actions), empty[0], terms)


def total_cost(terms: Terms, action: Action) -> Any:
    """Return C_0(P Q, c), the dual costs of all users."""
    m = terms.market
    users = zip(m.kinds, action.prices, action.queues, terms.mu, terms.rate, strict=True)
    return sum((closed_form.dual_cost(*user, m.reading) for user in users), jnp.zeros(()))


def step(draws: Draws, spec: Spec, context: Context, policy: Any, state: State) -> tuple[State, Observables]:
    """Take one step of length ``time_step``; report what holds at its end."""
    state, done = advance(draws, spec, context, policy, state)
    action, cost = done.actions[0], total_cost(done.terms, done.actions[0])
    held = done.workload[0]
    if policy.dimension == "queues":
        held = sum(q / mu for q, mu in zip(action.queues, done.terms.mu, strict=True))
    observed = {"workload": held, "cost": cost, "emptied": done.emptied.astype(jnp.int32)}
    for j in range(spec.market.users):
        observed |= {f"queue_{j + 1}": action.queues[j], f"price_{j + 1}": action.prices[j]}
    if len(done.actions) > 1:
        # A difference within the rounding of the costs is none: equal policies must differ by exactly 0.
        difference = cost - total_cost(done.terms, done.actions[1])
        observed["cost_difference"] = jnp.where(jnp.abs(difference) <= 1e-6 * cost, 0.0, difference)
    status = raise_bit(state.status, Status.NON_FINITE, ~jnp.isfinite(cost))
    return dataclasses.replace(state, status=status), observed


def metrics(spec: Spec) -> tuple[Metric, ...]:
    """Return what is measured: averages over the ends of steps."""
    users = range(1, spec.market.users + 1)
    found = [
        Metric("workload", "workload", unit="work", summary="mean workload"),
        Metric("cost", "cost", summary="mean total dual cost", better="lower"),
        *(
            Metric(f"queue_{j}", f"queue_{j}", unit="packets", summary=f"mean queue of user {j}")
            for j in users
        ),
        *(Metric(f"price_{j}", f"price_{j}", summary=f"mean price of user {j}") for j in users),
        Metric("emptied", "emptied", summary="share of steps in which the system was empty"),
    ]
    if spec.reference != "none":
        about = f"mean cost minus that of {spec.reference}, same noise"
        found.append(Metric("cost_difference", "cost_difference", summary=about))
    return tuple(found)


def step_time(spec: Spec, params: Params) -> Any:
    """Return the length of a step. Named, not a lambda: kernels of one Spec are equal and compile once."""
    return params.time_step


def kernel(spec: Spec) -> Kernel:
    """Return the kernel of a Spec; the horizon is the paper's T = 200."""
    return Kernel(
        family="pricing",
        spec=spec,
        init=init,
        step=step,
        step_time=step_time,
        metrics=metrics(spec),
        prepare=prepare,
        draw=draw,
        horizon=200.0,
        largest_count=1,
        unbounded=("users.upper_prices",),
    )
