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
import numpy as np
from jax import lax

from jaxsim.core.kernel import System
from jaxsim.core.random import Key
from jaxsim.core.types import Array, Float, Int
from jaxsim.core.validation import require
from jaxsim.models.balancing import exchange
from jaxsim.models.balancing.context import Context, prepare
from jaxsim.models.balancing.graphs import Graph
from jaxsim.models.balancing.kernel import draw, init, step
from jaxsim.models.balancing.model import Params, Spec, State, queues_of
from jaxsim.models.balancing.policies import Table
from jaxsim.models.balancing.search import GRID, REACH, Scores, balls, scores
from jaxsim.relaxations import Sample, cone


class Trace(NamedTuple):
    """A path, epoch by epoch: states before and after, the regime, and own queue's expected drops."""

    before: Int[Array, "epochs nodes"]
    after: Int[Array, "epochs nodes"]
    regime: Int[Array, " epochs"]
    own: Float[Array, " epochs"]


def table_objective(
    system: System, graph: Graph, *, epochs: int, reach: int = REACH, offers: bool = True
) -> Callable[[Float[Array, ""]], Callable[[Any, Key], Sample]]:
    """Return delay -> objective(zeta, key): expected drops per queue over the horizon, as the simulator's.

    A path has ``epochs`` epochs (static), whatever the delay. Where the horizon takes fewer, several systems
    follow one another on it, each from empty, and the value is their mean; what is left over does not count.

    Args:
        system: of one class of servers, sized for the longest delay asked for.
        graph: its graph. epochs: at least ceil(horizon / delay).
        reach: distance beyond which consequences are cut; the graph's diameter or more cuts nothing.
        offers: whether the sample also offers a path baseline (the mean cost of the nodes outside the cone)
            and an exogenous quantity (own queue's expected drops on the same regimes).

    Returns:
        The sample's choices have the shape (epochs, nodes).

    Raises:
        InvalidInput: for unequal servers, for which a table by own state alone is no policy of interest.
    """
    spec, horizon = cast(Spec, system.kernel.spec), system.kernel.horizon
    same = len(spec.buffers) == 1
    kinds = f"{len(spec.buffers)} kinds"
    require(same, "service_rate", kinds, "are not handled here", "give one kind of server")
    spec = dataclasses.replace(spec, expected=True, control=offers)
    rings = tuple(jnp.asarray(ball) for ball in balls(graph, reach))
    sizes = [jnp.asarray(np.sum(np.asarray(ring) < graph.nodes, axis=1)) for ring in rings]

    def at(delay: Float[Array, ""]) -> Callable[[Any, Key], Sample]:
        params = dataclasses.replace(cast(Params, system.params), delay=jnp.asarray(delay, jnp.float32))
        lasts = jnp.ceil(horizon / params.delay - 1e-4).astype(jnp.int32)
        systems = epochs // lasts
        left = jnp.where(jnp.arange(epochs) < systems * lasts, lasts - 1 - jnp.arange(epochs) % lasts, -1)
        counts = (left >= 0) * horizon / (lasts * params.delay * systems * spec.nodes)
        score = scores(spec, params)

        def objective(zeta: Float[Array, " states"], key: Key) -> Sample:
            policy = Table(lax.stop_gradient(zeta))
            path = _path(spec, prepare(spec, params, policy), policy, key, lasts, epochs)
            drops, chance = _parts(spec, params, score, zeta, path)
            costs = lax.stop_gradient(drops) * counts[:, None]
            to_go = cone(costs, rings, left)
            sample = Sample(jnp.sum(drops * counts[:, None]), chance, to_go)
            if not offers:
                return sample
            own = jnp.broadcast_to((path.own * counts)[:, None], costs.shape)
            outside = _outside(costs, rings, sizes, left)
            return sample._replace(baseline=outside, exogenous=cone(own, rings, left))

        return objective

    return at


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


def _outside(
    costs: Array, rings: tuple[Array, ...], sizes: list[Array], left: Array
) -> Float[Array, "epochs nodes"]:
    """Return for each cone what its nodes would cost if they cost as much as those outside it, lag by lag.

    Nodes outside are independent of the choice given what came before; they share the noise of the regimes.
    """
    nodes = costs.shape[1]
    whole = jnp.broadcast_to(jnp.sum(costs, axis=1, keepdims=True), costs.shape)
    total = jnp.zeros_like(costs)
    inside_so_far = jnp.zeros_like(costs)
    for lag, size in enumerate(sizes, 1):
        last = lag == len(sizes)
        # Costs inside the cone at this lag: the cone cut after it, minus the cone cut before it.
        until = left if last else jnp.minimum(left, lag)
        inside = cone(costs, rings, until) - inside_so_far
        everything = _later(whole, until) - _later(whole, jnp.minimum(left, lag - 1))
        share = jnp.where(size < nodes, size / jnp.maximum(nodes - size, 1), 0.0)
        total = total + share * (everything - inside)
        inside_so_far = inside_so_far + inside
    return total


def _later(costs: Array, memory: Array) -> Array:
    """Return the sum of the costs of the next ``memory`` epochs."""
    sums = jnp.cumsum(jnp.pad(costs, ((1, 0), (0, 0))), axis=0)
    time = jnp.arange(costs.shape[0])
    return sums[jnp.minimum(time + 1 + memory, costs.shape[0])] - sums[jnp.minimum(time + 1, costs.shape[0])]
