"""Drops of a table policy as an objective with choices, for gradient estimators.

With offload probabilities zeta(z) by own state, queue j meets in epoch t the relative arrival rate

    x_j = lambda(r) delay (1 - zeta(z_j) + sum over neighbours i of zeta(z_i) / d_i),

which moves its expected drops D(x, z) at once and, through its next state e ~ P(x, z, .), later drops. So
what is conditioned on the epoch's start is averaged exactly (D in the place of sampled drops), next states
are the choices, and a choice at j can touch at lag k only nodes within distance k
(`jaxsim.relaxations.cones`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core import alias
from jaxsim.core.kernel import System
from jaxsim.core.random import Key
from jaxsim.core.status import no_trouble
from jaxsim.core.types import Array, Float, Int
from jaxsim.core.validation import require
from jaxsim.models.balancing import control, epoch, exchange, tables
from jaxsim.models.balancing.actions import blank
from jaxsim.models.balancing.context import Context, prepare
from jaxsim.models.balancing.graphs import Graph
from jaxsim.models.balancing.kernel import draw, init, step
from jaxsim.models.balancing.model import Params, Spec, State, queues_of
from jaxsim.models.balancing.policies import Table
from jaxsim.models.balancing.search import GRID, REACH, Scores, balls, scores
from jaxsim.relaxations import Sample, cone, cone_excess


class Trace(NamedTuple):
    """A path, epoch by epoch: states before and after, the regime, and own queue's expected drops."""

    before: Int[Array, "epochs nodes"]
    after: Int[Array, "epochs nodes"]
    regime: Int[Array, " epochs"]
    own: Float[Array, " epochs"]


def table_objective(
    system: System, graph: Graph, *, epochs: int, reach: int = REACH, offers: bool = False
) -> Callable[[Float[Array, ""]], Callable[[Any, Key], Sample]]:
    """Return delay -> objective(zeta, key): expected drops per queue over the horizon, as the simulator's.

    A path has ``epochs`` epochs (static), whatever the delay. Where the horizon takes fewer, several systems
    follow one another on it, each from empty, and the value is their mean; what is left over does not count.

    Args:
        system: of one class of servers, sized for the longest delay asked for.
        graph: its graph. epochs: at least ceil(horizon / delay).
        reach: distance beyond which consequences are cut; a ball of that radius must leave nodes outside.
        offers: whether ``to_go`` are all costs in the cone, with the mean of the nodes outside as path
            baseline and own queue's expected drops on the same regimes as exogenous quantity. By default the
            path baseline is taken off already.

    Returns:
        The sample's choices have the shape (epochs, nodes).

    Raises:
        InvalidInput: for unequal servers, for which a table by own state alone is no policy of interest, and
            for a reach that covers the graph.
    """
    spec, horizon = cast(Spec, system.kernel.spec), system.kernel.horizon
    same = len(spec.buffers) == 1
    kinds = f"{len(spec.buffers)} kinds"
    require(same, "service_rate", kinds, "are not handled here", "give one kind of server")
    spec = dataclasses.replace(spec, expected=True, control=offers)
    near = balls(graph, reach)
    require(
        near[-1].shape[1] < graph.nodes, "reach", reach, "covers the graph", "lower it, or take more nodes"
    )
    rings = tuple(jnp.asarray(ball) for ball in near)

    def at(delay: Float[Array, ""]) -> Callable[[Any, Key], Sample]:
        params = dataclasses.replace(cast(Params, system.params), delay=jnp.asarray(delay, jnp.float32))
        lasts = jnp.ceil(horizon / params.delay - 1e-4).astype(jnp.int32)
        systems = epochs // lasts
        left = jnp.where(jnp.arange(epochs) < systems * lasts, lasts - 1 - jnp.arange(epochs) % lasts, -1)
        share = (left >= 0) * horizon / (lasts * params.delay * systems * spec.nodes)
        score, laws = scores(spec, params), _laws(spec, params)

        def objective(zeta: Float[Array, " states"], key: Key) -> Sample:
            policy = Table(lax.stop_gradient(zeta))
            path = _path(spec, _context(spec, params, policy, laws), policy, key, lasts, epochs)
            drops, chance = _parts(spec, params, score, zeta, path)
            costs = lax.stop_gradient(drops) * share[:, None]
            excess = cone_excess(costs, rings, left)
            sample = Sample(jnp.sum(drops * share[:, None]), chance, excess)
            if not offers:
                return sample
            inside = cone(costs, rings, left)
            own = jnp.broadcast_to((path.own * share)[:, None], costs.shape)
            return sample._replace(to_go=inside, baseline=inside - excess, exogenous=cone(own, rings, left))

        return objective

    return at


def _laws(spec: Spec, params: Params) -> Float[Array, "n states drops states"]:
    """Return the law of drops and last state given the arrivals of an epoch, at any arrival rate."""
    size = tables.layout(spec, Table(jnp.zeros(spec.states)))
    services = params.service_rates[0] * params.delay
    return epoch.arrival_laws(services, spec.buffers[0], size.states, size.arrivals, size.offered, size.drops)


def _context(
    spec: Spec, params: Params, policy: Table, laws: Float[Array, "n states drops states"]
) -> Context:
    """Return the kernel's context from laws that are known, without what is not read here (the drops)."""
    size = tables.layout(spec, policy)
    if size.staged:
        return prepare(spec, params, policy)
    action = policy(blank(policy, spec.nodes), tables.unseen(spec))
    loads = params.arrival_rates * params.delay
    rates = loads[:, None] * tables.level_rates(spec, params, action, size)
    ends = epoch.mix(rates, jnp.sum(laws, axis=2, keepdims=True)).reshape(-1, size.states)
    own = control.own_laws(loads, laws)[None] if spec.control else None
    nothing = jnp.zeros(0, jnp.uint32)
    return Context(params, alias.packed(ends), nothing, jnp.zeros(ends.shape[0]), own, no_trouble())


def _path(spec: Spec, context: Context, policy: Table, key: Key, lasts: Array, epochs: int) -> Trace:
    """Simulate systems one after the other, each ``lasts`` epochs from its own first state."""

    def one(state: State, number: Array) -> tuple[State, tuple[Array, ...]]:
        now = key.at(number)
        state = jax.tree.map(
            lambda new, old: jnp.where(number % lasts == 0, new, old), init(now, spec, context), state
        )
        after, seen = step(draw(now, spec, policy), spec, context, policy, state)
        own = seen.get("own", jnp.zeros(()))
        return after, (queues_of(spec, state), queues_of(spec, after), state.regime, own)

    return Trace(*lax.scan(one, init(key, spec, context), jnp.arange(epochs, dtype=jnp.int32))[1])


def _parts(
    spec: Spec, params: Params, score: Scores, zeta: Float[Array, " states"], path: Trace
) -> tuple[Float[Array, "epochs nodes"], Float[Array, "epochs nodes"]]:
    """Return D(x, z) and log P(x, z, e), tabulated in x, with their derivatives in zeta."""
    offloaded = jnp.zeros(path.before.shape)
    for state in range(spec.states):
        offloaded = jnp.where(path.before == state, zeta[state], offloaded)

    def rate(share: Array, regime: Array) -> Array:
        each = share / params.wiring.degrees
        opened = exchange.open_slots(spec, params.wiring)[1:]
        parts = tuple(each if o is True else jnp.where(o, each, 0.0) for o in opened)
        flow = exchange.arriving(spec, params.wiring, (1.0 - share, *parts))
        return params.arrival_rates[regime] * params.delay * flow

    x = jax.vmap(rate)(offloaded, path.regime)
    fixed = lax.stop_gradient(x)
    grid = jnp.minimum(jnp.round(fixed / score.spacing).astype(jnp.int32), GRID - 1)
    cell = grid * spec.states + path.before
    slope, chance = score.slope.ravel()[cell], score.score.ravel()[cell * spec.states + path.after]
    drops = score.drops.ravel()[cell] + slope * (fixed - grid * score.spacing)
    return drops + slope * (x - fixed), chance * (x - fixed)
