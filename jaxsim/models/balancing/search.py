"""Direct optimization of a table policy: the score function inside the cone of influence of each node.

The expected drops per queue J(zeta) are a sum of D(x, z), the drops of one queue in one epoch given its state
and arrival rate x. The table moves x only, at once and through the queue's next state e ~ P(x, z, .):

    dJ/dx(j, t) = E[ D'(x, z) + W(j, t) d log P(x, z, e) / dx ],
    W(j, t) = sum over later epochs t + k, and nodes i within distance k of j, of D(i, t+k) - mean D(t+k).

What happens at j at time t can touch no other node (the locality cone), and the mean over all nodes of the
same replication carries the common noise of the regime path (the baseline). Both drop out in the mean, up to
the share of the cone in the graph. Cut for speed, and measured in the tests: distances beyond `REACH`, lags
beyond `MEMORY` units of time. With x_j = lambda delay (1 - zeta(z_j) + sum over neighbours i of
zeta(z_i) / d_i), the chain rule is one sum over neighbours.

With one action a per epoch instead, drawn with probability zeta(z), the score is that of the action,

    dJ/dzeta(z) = E[ sum over (j, t) with z(j, t) = z of W(j, t) (a - zeta(z)) / (zeta(z) (1 - zeta(z))) ],

and the action of j at t can touch drops within distance 1 at t, within k + 1 at t + k.

The optimum is found by Adam on [0, 1] and averaged over the last iterates; paths come from the exact kernel.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import random
from jaxsim.core.kernel import System
from jaxsim.core.random import Key
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Float, Int, Num, UInt8
from jaxsim.core.validation import integer, positive, require, scalar
from jaxsim.models.balancing import epoch, exchange
from jaxsim.models.balancing.context import prepare
from jaxsim.models.balancing.graphs import Graph
from jaxsim.models.balancing.kernel import draw, init, scheduler_words, step
from jaxsim.models.balancing.model import Params, Spec, State, queues_of
from jaxsim.models.balancing.policies import Reading, Table
from jaxsim.models.balancing.theory import epochs_of
from jaxsim.relaxations import cone, cones

REACH = 3
MEMORY = 20.0
GRID = 512
"""Points of the grid of arrival rates on which derivatives are tabulated (paths are sampled exactly)."""
SAMPLES = 1 << 18
"""Queue-epochs of one gradient."""
EDGE = 0.02
"""With one action per epoch the search keeps so far from 0 and 1, where scores are unbounded; tables that end
within twice of it are moved onto the boundary."""


@pytree
class Scores:
    """On a grid of mean arrivals x = g * spacing: D[g, z], D'[g, z] and d log P(x, z, e) / dx [g, z, e]."""

    spacing: Float[Array, ""]
    drops: Float[Array, "grid states"]
    slope: Float[Array, "grid states"]
    score: Float[Array, "grid states states"]


def scores(spec: Spec, params: Params) -> Scores:
    """Tabulate expected drops and their derivatives; d Poisson(n; x) / dx = Poisson(n-1) - Poisson(n)."""
    most = (1.0 + spec.inflow) * spec.packets
    arrivals, offered = epoch.poisson_cut(most), epoch.poisson_cut(spec.services)
    cut = epoch.largest_drops(most, spec.slowest, arrivals)
    services = params.service_rates[0] * params.delay
    law = epoch.arrival_laws(services, spec.buffers[0], spec.states, arrivals, offered, cut)
    lost = jnp.einsum("nsde,d->ns", law, jnp.arange(cut + 1.0))
    end = jnp.sum(law, axis=2)
    spacing = jnp.float32(most / (GRID - 1))
    chance = epoch.poisson(jnp.arange(GRID) * spacing, arrivals)
    slope = jnp.pad(chance, ((0, 0), (1, 0)))[:, :-1] - chance
    reach = jnp.einsum("gn,nse->gse", chance, end)
    score = jnp.einsum("gn,nse->gse", slope, end) / jnp.maximum(reach, 1e-7)
    return Scores(spacing, chance @ lost, slope @ lost, score)


def balls(graph: Graph, reach: int) -> tuple[np.ndarray, ...]:
    """Return, for radius 1 .. reach, the nodes within it of each node, padded with N."""
    return cones.balls([graph.neighbours[j, : graph.degrees[j]] for j in range(graph.nodes)], reach)


def _path(
    spec: Spec, context: Any, policy: Table, key: Key, epochs: int
) -> tuple[
    UInt8[Array, "epochs nodes"], UInt8[Array, "epochs nodes"], Int[Array, " epochs"], Bool[Array, "epochs _"]
]:
    """Simulate one replication; return states before and after each epoch, regimes, and actions if any."""

    def one(state: State, number: Array) -> tuple[State, Any]:
        draws = draw(key.at(number), spec, policy)
        after, _ = step(draws, spec, context, policy, state)
        z = queues_of(spec, state)
        once = policy.reading == "epoch"
        away = (
            policy.away(scheduler_words(draws, policy, spec.nodes), z, state.regime)
            if once
            else jnp.zeros(0, bool)
        )
        return after, (z, queues_of(spec, after), state.regime, away)

    return lax.scan(one, init(key, spec, context), jnp.arange(epochs, dtype=jnp.uint32))[1]


def _place(
    spec: Spec, params: Params, score: Scores, offloaded: Float[Array, "epochs nodes"], path: Any
) -> Int[Array, "epochs nodes"]:
    """Return where each queue and epoch is in the tables of scores, given what share each node offloads."""
    before, _, regimes, _ = path
    wiring = params.wiring

    def cell(share: Array, regime: Array) -> Array:
        opened = exchange.open_slots(spec, wiring)[1:]
        each = share / wiring.degrees
        parts = tuple(each if o is True else jnp.where(o, each, 0.0) for o in opened)
        flow = exchange.arriving(spec, wiring, (1.0 - share, *parts))
        return jnp.round(params.arrival_rates[regime] * params.delay * flow / score.spacing)

    cells = jax.vmap(cell)(offloaded, regimes).astype(jnp.int32)
    return jnp.minimum(cells, GRID - 1) * spec.states + before


def _by_state(spec: Spec, before: Array, slope: Array) -> Float[Array, " states"]:
    """Return the sum of a slope over all nodes and epochs in each state."""
    states = jnp.arange(spec.states)[:, None, None]
    return jnp.sum(jnp.where(before == states, slope, 0.0), axis=(1, 2))


def _packet_slope(
    spec: Spec, params: Params, score: Scores, rings: tuple[Any, ...], memory: int, table: Array, path: Any
) -> tuple[Num[Array, ""], Num[Array, " states"]]:
    """Return expected drops per queue of a path and the gradient's estimate with respect to the table."""
    before, after, regimes, _ = path
    wiring = params.wiring
    place = _place(spec, params, score, table[before], path)
    drops = score.drops.ravel()[place]
    excess = drops - jnp.mean(drops, axis=1, keepdims=True)
    weight = cone(excess, rings, memory)
    pull = score.slope.ravel()[place] + weight * score.score.ravel()[place * spec.states + after]

    def chain(pull: Array) -> Array:
        around = exchange.at_neighbours(spec, wiring, pull)
        opened = exchange.open_slots(spec, wiring)[1:]
        reached = sum(v if o is True else jnp.where(o, v, 0.0) for v, o in zip(around, opened, strict=True))
        return reached / wiring.degrees - pull

    load = (params.arrival_rates[regimes] * params.delay)[:, None]
    slope = load * jax.vmap(chain)(pull) / spec.nodes
    return jnp.sum(drops) / spec.nodes, _by_state(spec, before, slope)


def _epoch_slope(
    spec: Spec, params: Params, score: Scores, rings: tuple[Any, ...], memory: int, table: Array, path: Any
) -> tuple[Num[Array, ""], Num[Array, " states"]]:
    """Return the same for one action per epoch."""
    before, _, _, away = path
    drops = score.drops.ravel()[_place(spec, params, score, away.astype(jnp.float32), path)]
    excess = drops - jnp.mean(drops, axis=1, keepdims=True)
    # The cone one epoch earlier: lag 0 reaches distance 1.
    weight = cone(jnp.pad(excess, ((1, 0), (0, 0))), rings, memory + 1)[:-1]
    chance = table[before]
    slope = weight * (away - chance) / (chance * (1.0 - chance)) / spec.nodes
    return jnp.sum(drops) / spec.nodes, _by_state(spec, before, slope)


@functools.partial(jax.jit, static_argnames=("spec", "sizes", "reading"))
def _descend(
    spec: Spec, params: Params, rings: tuple[Any, ...], start: Array, root: Key, sizes: tuple[int, ...],
    reading: Reading,
) -> tuple[Array, Array]:  # fmt: skip
    """Run Adam, ``sizes = (iterations, lanes, epochs, memory)``; return averaged table and objectives."""
    iterations, lanes, epochs, memory = sizes
    score = scores(spec, params)
    slope_of = _packet_slope if reading == "packet" else _epoch_slope
    least = 0.0 if reading == "packet" else EDGE

    def estimate(table: Array, number: Array) -> tuple[Array, Array]:
        policy = Table(table, reading)
        context = prepare(spec, params, policy)
        numbers = number * lanes + jnp.arange(lanes)

        def lane(replication: Array) -> tuple[Array, Array]:
            path = _path(spec, context, policy, root.replication(replication), epochs)
            return slope_of(spec, params, score, rings, memory, table, path)

        values, slopes = jax.vmap(lane)(numbers)
        return jnp.mean(values), jnp.mean(slopes, axis=0)

    def adam(carry: tuple[Array, ...], number: Array) -> tuple[tuple[Array, ...], Array]:
        table, first, second, mean, count = carry
        value, slope = estimate(table, number)
        first, second = 0.8 * first + 0.2 * slope, 0.95 * second + 0.05 * slope**2
        k = number + 1.0
        unbiased = (first / (1 - 0.8**k)) / (jnp.sqrt(second / (1 - 0.95**k)) + 1e-8)
        rate = 0.1 * (1.0 - 0.9 * number / iterations)
        table = jnp.clip(table - rate * unbiased, least, 1.0 - least)
        late = number >= iterations // 2
        mean = jnp.where(late, mean + table, mean)
        return (table, first, second, mean, count + late), value

    zero = jnp.zeros_like(start)
    carry, values = lax.scan(adam, (start, zero, zero, zero, jnp.float32(0)), jnp.arange(iterations))
    return carry[3] / carry[4], values


def best_table(
    system: System,
    graph: Graph,
    *,
    iterations: int = 80,
    samples: int = SAMPLES,
    seed: int = 0,
    reading: Reading = "packet",
    memory: float = MEMORY,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the static table zeta(0 .. B) with the least expected drops over the kernel's horizon.

    Args:
        system, graph: as made by `jaxsim.models.balancing.assemble(graph, ...)`; one class of servers.
        iterations: Adam steps. samples: queue-epochs per step. seed: of the paths.
        reading: of the table, ``packet`` or ``epoch`` (noisier: take some times more samples).
        memory: units of time after which an action's consequences are cut; large buffers remember longer.

    Returns:
        (table, objective after each step): drops per queue over the horizon, at the steps' tables.

    Raises:
        InvalidInput: for unequal servers, for which a table by own state alone is no policy of interest.
    """
    spec, params = cast(Spec, system.kernel.spec), cast(Params, system.params)
    same = len(spec.buffers) == 1
    require(
        same, "service_rate", f"{len(spec.buffers)} kinds", "are not handled here", "give one kind of server"
    )
    iterations = integer("iterations", iterations, low=2)
    delay = float(params.delay)
    epochs, _ = epochs_of(float(system.kernel.horizon), delay)
    lanes = max(1, round(integer("samples", samples, low=1) / (epochs * spec.nodes)))
    lags = max(1, round(scalar("memory", memory, positive) / delay))
    sizes = (iterations, lanes, epochs, min(lags, epochs - 1) if epochs > 1 else 1)
    rings = tuple(jnp.asarray(b) for b in balls(graph, REACH))
    start = jnp.linspace(0.0, 0.8, spec.states)
    spec = dataclasses.replace(spec, expected=True)
    if reading == "epoch":
        start = jnp.clip(start, EDGE, 1.0 - EDGE)
    table, values = _descend(spec, params, rings, start, random.key(seed), sizes, reading)
    if reading == "epoch":
        table = jnp.where(table < 2 * EDGE, 0.0, jnp.where(table > 1 - 2 * EDGE, 1.0, table))
    scale = system.kernel.horizon / (epochs * delay)
    return np.asarray(table, np.float64), np.asarray(values) * scale
