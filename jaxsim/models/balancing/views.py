"""Views for learners: who decides about offloading, on what, and what it earns.

    mf-r     6 roles, one per own state z: zeta(z) of all nodes in that state (Algorithm 1)
    mf-g     the same roles, which also see the distribution of states over the whole system
    mf-n     every node, which sees its own state and the distribution over its closed neighbourhood
    nodes    every node, which sees its own state only (parameter sharing, NA-PS)
    targets  every node, which picks a queue; learners look up what its ``neighbours`` see themselves (SAC)

An observation is (one-hot own state, distribution mu), where under ``mf-r`` and ``nodes`` mu is the unit
vector at the own state; one network serves all of them. Where observations are finitely many (all but
``mf-g``), they are numbered, and a policy is evaluated once for each.

Rewards are minus expected drops given state and actions at the epoch's start, D(x, z) of
`jaxsim.models.balancing.search`: their mean for the team of roles, its own for each node. A node's credit is
the excess over the mean of all nodes, summed over distance <= `REACH`: its action reaches its neighbours at
once and their neighbours later, and the mean carries the noise of the regime path, which no action can touch.

Source: Tahir, Cui, Koeppl (2023), Algorithm 1, sections 1.4, 2.2 and 3.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Int, UInt
from jaxsim.core.validation import choice, require
from jaxsim.core.view import View
from jaxsim.models.balancing import exchange
from jaxsim.models.balancing.actions import Observation, Offload, Slots, blank
from jaxsim.models.balancing.context import observe as observed_by
from jaxsim.models.balancing.graphs import Graph
from jaxsim.models.balancing.kernel import kernel
from jaxsim.models.balancing.model import Params, Spec, State, Wiring, queues_of, wired
from jaxsim.models.balancing.policies import Table
from jaxsim.models.balancing.rules import Rule
from jaxsim.models.balancing.search import GRID, balls, scores

VIEWS = ("mf-r", "mf-n", "mf-g", "nodes", "targets")
REACH = 2


@pytree
class Chances:
    """Offload each packet of node i with probability ``chance[i]``."""

    chance: Float[Array, " nodes"]

    @property
    def bits(self) -> int:
        """Nothing is drawn."""
        return 0

    def denominator(self, spec: Spec) -> int | None:
        """No unit: probabilities are real numbers."""
        return None

    def __call__(self, words: UInt[Array, " words"], seen: Observation) -> Offload:
        """Return the probabilities."""
        return Offload(self.chance)


@pytree
class Targets:
    """Send all packets of the epoch to slot ``slot[i]``: 0 is the own queue, k the k-th neighbour's."""

    slot: Int[Array, " nodes"]

    @property
    def bits(self) -> int:
        """Nothing is drawn."""
        return 0

    def denominator(self, spec: Spec) -> int | None:
        """One unit, which is not divided."""
        return 1

    def __call__(self, words: UInt[Array, " words"], seen: Observation) -> Slots:
        """Return the indicator of the chosen slots; a slot that a node lacks is its own queue."""
        slot = self.slot
        for k, here in enumerate(seen.open[1:], 1):
            slot = slot if here is True else jnp.where((slot == k) & ~here, 0, slot)
        return Slots(tuple((slot == k).astype(jnp.uint8) for k in range(len(seen.queues))))


@pytree
class Lookup:
    """Offload with the probability ``table[number of (own state, multiset of neighbours' states)]``.

    The numbering is `numbered`; a table has an entry for each row of `neighbourhoods`.
    """

    table: Float[Array, " observations"]

    @property
    def bits(self) -> int:
        """Nothing is drawn."""
        return 0

    def denominator(self, spec: Spec) -> int | None:
        """No unit: probabilities are real numbers."""
        return None

    def __call__(self, words: UInt[Array, " words"], seen: Observation) -> Offload:
        """Return each node's probability."""
        width = len(seen.queues) - 1
        regular = all(o is True for o in seen.open)
        states = next(s for s in range(2, 1000) if _count(s, width, regular) == self.table.shape[0])
        row = numbered(seen, states).astype(jnp.int32)
        return Offload(self.table.at[row].get(mode="promise_in_bounds"))


def _count(states: int, width: int, regular: bool) -> int:
    symbols = states if regular else states + 1
    return states * math.comb(symbols + width - 1, width)


def numbered(seen: Observation, states: int) -> Int[Array, " nodes"]:
    """Number each node's (own state, multiset of neighbours' states); a missing neighbour is a state more."""
    around = [
        (q if o is True else jnp.where(o, q, states)).astype(jnp.int32)
        for q, o in zip(seen.queues[1:], seen.open[1:], strict=True)
    ]
    for last in range(len(around) - 1, 0, -1):
        for i in range(last):
            low, high = jnp.minimum(around[i], around[i + 1]), jnp.maximum(around[i], around[i + 1])
            around[i], around[i + 1] = low, high
    symbols = states if all(o is True for o in seen.open) else states + 1
    # The multiset x_0 <= x_1 <= ... has the number sum_i C(x_i + i, i + 1), read from small tables.
    rank = jnp.zeros(seen.queues[0].shape, jnp.int32)
    for i, x in enumerate(around):
        places = jnp.asarray([math.comb(value + i, i + 1) for value in range(symbols)], jnp.int32)
        rank = rank + places.at[x].get(mode="promise_in_bounds")
    return seen.queues[0].astype(jnp.int32) * math.comb(symbols + len(around) - 1, len(around)) + rank


def neighbourhoods(states: int, width: int, regular: bool) -> Float[np.ndarray, "observations features"]:
    """Return (one-hot own state, distribution over the closed neighbourhood) of every number."""
    symbols = states if regular else states + 1
    multisets = sorted(
        itertools.combinations_with_replacement(range(symbols), width),
        key=lambda m: sum(math.comb(x + i, i + 1) for i, x in enumerate(m)),
    )
    rows = []
    for own in range(states):
        for multiset in multisets:
            counts = np.bincount([own, *(x for x in multiset if x < states)], minlength=states)
            rows.append(np.concatenate([np.eye(states)[own], counts / counts.sum()]))
    return np.asarray(rows, np.float32)


def seen_by(kind: str, system: System) -> tuple[System, View]:
    """Return the system, reporting what a learner needs, and the view.

    Args:
        kind: one of `VIEWS`. system: as `jaxsim.models.balancing.system` makes it.

    Raises:
        InvalidInput: for another kind, graphs redrawn in each replication, or, in the views of single nodes,
            unequal servers.
    """
    choice("view", kind, VIEWS)
    spec = cast(Spec, system.kernel.spec)
    require(not spec.redrawn, "redraw", True, "has no view", "train on one graph and use it on any")
    same = len(spec.buffers) == 1
    require(same or kind in ("mf-r", "mf-g"), "view", kind, "needs equal servers", "take mf-r or mf-g")
    spec = dataclasses.replace(spec, expected=True, control=True)
    made = dataclasses.replace(kernel(spec), horizon=system.kernel.horizon)
    system = System(made, system.params)
    if kind in ("mf-r", "mf-g"):
        return system, _roles(kind, spec)
    return system, _nodes(kind, spec, cast(Params, system.params).wiring)


def mf_r(system: System) -> tuple[System, View]:
    """Six roles, one per own state (for buffer 5): offload by own state."""
    return seen_by("mf-r", system)


def mf_n(system: System) -> tuple[System, View]:
    """Every node, by its own state and the distribution over its closed neighbourhood."""
    return seen_by("mf-n", system)


def mf_g(system: System) -> tuple[System, View]:
    """The roles, which also see the distribution over the whole system."""
    return seen_by("mf-g", system)


def nodes(system: System) -> tuple[System, View]:
    """Every node by its own state, with rewards of its surroundings (parameter sharing)."""
    return seen_by("nodes", system)


def targets(system: System) -> tuple[System, View]:
    """Every node picks a queue for all packets of the epoch."""
    return seen_by("targets", system)


def _common(spec: Spec) -> dict[str, Any]:
    """Return what all views share."""
    states = jnp.arange(spec.states)

    def summary(scene: Any, state: State) -> Array:
        return jnp.mean((queues_of(spec, state)[:, None] == states).astype(jnp.float32), axis=0)

    return {
        "summary_size": spec.states,
        "summary": summary,
        "hidden": lambda scene, state: (jnp.arange(spec.regimes) == state.regime).astype(jnp.float32),
        "exogenous": lambda observed: observed["own"],
        "finite": True,
        "extra": lambda s, params: scores(s, params) if len(s.buffers) == 1 else None,
    }


def _roles(kind: str, spec: Spec) -> View:
    """Return a view in which the states decide, each for all nodes in it."""
    common, one = _common(spec), jnp.eye(spec.states)

    def observe(scene: Any, state: State) -> Array:
        if kind == "mf-r":
            return jnp.arange(spec.states)
        mu = jnp.broadcast_to(common["summary"](scene, state), one.shape)
        return jnp.concatenate([one, mu], axis=1)

    def act(scene: Any, state: State, action: Array) -> Chances:
        return Chances(action[:, 0].at[queues_of(spec, state).astype(jnp.int32)].get(mode="clip"))

    def reward(scene: Any, state: State, policy: Any, observed: Any, after: Any) -> Array:
        if len(spec.buffers) > 1:
            return -observed["drops"] / spec.nodes
        return -jnp.mean(expected_drops(scene, state, policy))

    table = _own_states(spec) if kind == "mf-r" else None
    return View(
        name=kind, agents=spec.states, features=2 * spec.states, actions=1, observe=observe, act=act,
        blank=lambda s: Chances(jnp.zeros(s.nodes)), reward=reward, table=table,
        deploy=_by_own_state(spec) if kind == "mf-r" else _by_whole(spec), **common,
    )  # fmt: skip


def _graph(spec: Spec, wiring: Wiring) -> Graph:
    """Return the graph that a system was made from."""
    around = exchange.at_neighbours(spec, wiring, jnp.arange(spec.nodes, dtype=jnp.int32))
    return Graph(spec.topology, np.stack([np.asarray(a) for a in around], axis=1), np.asarray(wiring.degrees))


def _nodes(kind: str, spec: Spec, wiring: Wiring) -> View:
    """Return a view in which every node decides for itself."""
    states, width, graph = spec.states, spec.width, _graph(spec, wiring)
    rings = balls(graph, REACH)
    ball = jnp.asarray(rings[-1])
    size = np.sum(rings[-1] < graph.nodes, axis=1)
    # A ball that is the whole graph is compared with nothing.
    common = jnp.asarray(np.where(size < graph.nodes, size, 0), jnp.float32)

    def observe(scene: Any, state: State) -> Array:
        seen = observed_by(spec, scene[1].params, state)
        if kind == "mf-n":
            return numbered(seen, states)
        return seen.queues[0].astype(jnp.int32)

    def act(scene: Any, state: State, action: Array) -> Any:
        return Targets(action) if kind == "targets" else Chances(action[:, 0])

    def reward(scene: Any, state: State, policy: Any, observed: Any, after: Any) -> Array:
        return -expected_drops(scene, state, policy)

    def credit(rewards: Array) -> Array:
        near = jnp.sum(jnp.append(rewards, 0.0).at[ball].get(mode="promise_in_bounds"), axis=1)
        return near - common * jnp.mean(rewards)

    mean_field = kind == "mf-n"
    table = neighbourhoods(states, width, spec.regular) if mean_field else _own_states(spec)
    open_ = np.arange(graph.width) < graph.degrees[:, None]
    around = np.where(open_, graph.neighbours, graph.nodes).astype(np.int32)

    def kind_of_policy(s: Spec) -> Any:
        return Targets(jnp.zeros(s.nodes, jnp.int32)) if kind == "targets" else Chances(jnp.zeros(s.nodes))

    return View(
        name=kind, agents=spec.nodes, features=table.shape[1], actions=1, observe=observe, act=act,
        blank=kind_of_policy, reward=reward, table=table, team=False, credit=credit, neighbours=around,
        deploy={"nodes": _by_own_state, "mf-n": _by_neighbours}.get(kind, lambda s: None)(spec),
        choices=width + 1 if kind == "targets" else None, **_common(spec),
    )  # fmt: skip


def _own_states(spec: Spec) -> Float[np.ndarray, "states features"]:
    """Return the observations of roles that see themselves only."""
    return np.tile(np.eye(spec.states, dtype=np.float32), (1, 2))


def _by_own_state(spec: Spec) -> Any:
    return lambda decide, weights: Table(decide(weights, jnp.asarray(_own_states(spec)))[:, 0])


def _by_neighbours(spec: Spec) -> Any:
    rows = neighbourhoods(spec.states, spec.width, spec.regular)
    return lambda decide, weights: Lookup(decide(weights, jnp.asarray(rows))[:, 0])


def _by_whole(spec: Spec) -> Any:
    return lambda decide, weights: Rule(weights, Whole(decide, spec.states), spec.states, "all")


@dataclasses.dataclass(frozen=True)
class Whole:
    """The rule of a network that sees (one-hot own state, distribution over the system)."""

    decide: Any
    states: int

    def __call__(self, weights: Any, mu: Float[Array, " states"]) -> Float[Array, " states"]:
        """Return the probabilities of all own states."""
        one = jnp.eye(self.states)
        return self.decide(weights, jnp.concatenate([one, jnp.broadcast_to(mu, one.shape)], axis=1))[:, 0]


def expected_drops(scene: Any, state: State, policy: Any) -> Float[Array, " nodes"]:
    """Return D(x, z) of every node in the epoch that begins in this state under this policy."""
    spec, context, score = scene
    params = cast(Params, wired(context.params, state))
    seen = observed_by(spec, params, state)
    action = policy(blank(policy, spec.nodes), seen)
    if isinstance(action, Slots):
        flow = exchange.arriving(spec, params.wiring, action.parts, 1).astype(jnp.float32)
    else:
        each = action.chance / seen.degrees
        parts = tuple(each if o is True else jnp.where(o, each, 0.0) for o in seen.open[1:])
        flow = exchange.arriving(spec, params.wiring, (1.0 - action.chance, *parts))
    x = params.arrival_rates[state.regime] * params.delay * flow / score.spacing
    low = jnp.minimum(x.astype(jnp.int32), GRID - 2)
    cell = low * spec.states + seen.queues[0].astype(jnp.int32)
    # Linear between the points of the grid: the largest error is spacing^2 / 8 times a slope below 1.
    first = score.drops.ravel().at[cell].get(mode="promise_in_bounds")
    second = score.drops.ravel().at[cell + spec.states].get(mode="promise_in_bounds")
    return first + (x - low) * (second - first)
