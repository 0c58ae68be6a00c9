"""The static sizes, the traced parameters and the state of a system of queues on a graph."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Int, UInt, UInt8, UInt32
from jaxsim.models.balancing.graphs import Graph


@dataclass(frozen=True)
class Spec:
    """Static sizes and choices.

    topology: the graph's name. nodes, width: N and the largest degree d.
    degrees: the degrees that occur. inflow: the largest sum over a node's neighbours of 1/degree, rounded up
        to a tenth: how many times its own share a node receives at most when all offload.
    stencil: the lattice's shape where neighbours are found by shifting, else None.
    buffers: B of each class of server; regimes: number of arrival regimes.
    packets: bounds the mean number of packets that reach one scheduler in an epoch (with a margin, so that
        rates can move without a new compilation); services: the same for services offered by one server.
    slowest: a lower bound of the mean number of services offered in an epoch, for sizing tables.
    fair_classes: how many different relative arrival rates uniform random routing gives.
    redrawn: every replication has a configuration model of its own, with the graph's degrees.
    expected: report expected drops instead of sampled ones: given state and arrival rate at the epoch's start
        where one table gives the outcome; where the number of arrivals is drawn first (`tables.Layout`,
        ``staged``), given that number too, which has the same mean and removes less variance.
    control: report also what own queue is expected to lose given the regime path, a control variate.
    """

    topology: str
    nodes: int
    width: int
    degrees: tuple[int, ...]
    inflow: float
    stencil: tuple[int, ...] | None
    buffers: tuple[int, ...]
    regimes: int
    packets: float
    services: float
    slowest: float
    fair_classes: int
    redrawn: bool = False
    expected: bool = False
    control: bool = False

    @property
    def states(self) -> int:
        """Number of states of a queue, largest buffer + 1."""
        return max(self.buffers) + 1

    @property
    def units(self) -> int:
        """Least common multiple of the degrees: offloaded packets come in whole parts of it."""
        return math.lcm(*self.degrees)

    @property
    def fair_units(self) -> int | None:
        """Units that uniform routing splits packets into, where the graph varies: lcm of the degrees + 1."""
        return math.lcm(*(d + 1 for d in self.degrees)) if self.redrawn else None

    @property
    def regular(self) -> bool:
        """Whether all nodes have the same degree."""
        return len(self.degrees) == 1


@pytree
class Wiring:
    """The graph as arrays; the first two are empty on a stencil, and where replications have their own.

    neighbours: node behind each slot, padded with the own node. inbound: for each node the places, in a
    flattened (d + 1, N) table of what nodes put into their slots, that lead to it; padded with (d + 1) N.
    degrees: number of slots besides the own queue. fair: relative arrival rates under uniform random routing,
    sum over the closed neighbourhood of 1 / (degree + 1); fair_class: which of them a node has.
    """

    neighbours: Int[Array, "table_nodes width"]
    inbound: Int[Array, "table_nodes width"]
    degrees: Int[Array, " nodes"]
    fair: Float[Array, " fair_classes"]
    fair_class: Int[Array, " irregular_nodes"]


@pytree
class Params:
    """Rates, per unit of time.

    delay: length of an epoch. arrival_rates: packets per scheduler in each regime.
    switch[r, s]: probability of regime s in the next epoch after r; start: law of the first regime.
    service_rates: of each class of server; server_class: class of each node (empty if there is one class).
    wiring: the graph.
    """

    delay: Float[Array, ""]
    arrival_rates: Float[Array, " regimes"]
    switch: Float[Array, "regimes regimes"]
    start: Float[Array, " regimes"]
    service_rates: Float[Array, " classes"]
    server_class: Int[Array, " unlike_nodes"]
    wiring: Wiring


@pytree
class Links:
    """A graph of the replication's own: ``neighbours`` and ``inbound`` as in `Wiring`."""

    neighbours: Int[Array, "nodes width"]
    inbound: Int[Array, "nodes width"]


@pytree
class State:
    """The queues at the start of an epoch, the arrival regime that holds during it, and the status.

    cells: regime * states + queue length, one small number for each node. It says where the laws of the
    node's epoch are, so that no loop over queues has to look up its replication's regime.
    links: None where all replications share one graph.
    alone: law of a queue of each class under own queue given the regimes so far, where the Spec asks for it.
    """

    cells: UInt[Array, " nodes"]
    regime: Int[Array, ""]
    status: UInt32[Array, ""]
    links: Links | None = None
    alone: Float[Array, "classes states"] | None = None


def pack(spec: Spec, queues: UInt[Array, " nodes"], regime: Int[Array, ""]) -> UInt[Array, " nodes"]:
    """Return the cells of queues in a regime."""
    kind = jnp.uint8 if spec.regimes * spec.states <= 256 else jnp.uint16
    return queues.astype(kind) + (regime * spec.states).astype(kind)


def wired(params: Params, state: State) -> Params:
    """Return the parameters with the replication's own graph, if it has one."""
    if state.links is None:
        return params
    links = state.links
    wiring = dataclasses.replace(params.wiring, neighbours=links.neighbours, inbound=links.inbound)
    return dataclasses.replace(params, wiring=wiring)


def queues_of(spec: Spec, state: State) -> UInt8[Array, " nodes"]:
    """Return the queue lengths of a state."""
    return (state.cells - (state.regime * spec.states).astype(state.cells.dtype)).astype(jnp.uint8)


def fair_rates(graph: Graph) -> np.ndarray:
    """Return each node's relative arrival rate when schedulers route uniformly: sum of 1/(degree + 1)."""
    share = 1.0 / (graph.degrees + 1.0)
    used = np.arange(graph.width) < graph.degrees[:, None]
    flow = np.bincount(
        graph.neighbours[used],
        weights=np.broadcast_to(share[:, None], used.shape)[used],
        minlength=graph.nodes,
    )
    return np.round(share + flow, 12)


def offload_inflow(graph: Graph) -> np.ndarray:
    """Return the relative rate at which each node receives when all offload everything: sum of 1/degree."""
    used = np.arange(graph.width) < graph.degrees[:, None]
    share = np.broadcast_to((1.0 / graph.degrees)[:, None], used.shape)[used]
    return np.bincount(graph.neighbours[used], weights=share, minlength=graph.nodes)


def inbound_places(graph: Graph) -> np.ndarray:
    """Return, for each node, where in the flattened (d + 1, N) table the slots that lead to it are."""
    nodes, width = graph.nodes, graph.width
    used = np.arange(width) < graph.degrees[:, None]
    sender, slot = np.nonzero(used)
    target = graph.neighbours[used]
    order = np.argsort(target, kind="stable")
    count = np.bincount(target, minlength=nodes)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    place = np.arange(target.size) - np.repeat(first, count)
    table = np.full((nodes, width), (width + 1) * nodes, np.int32)
    table[target[order], place] = ((slot + 1) * nodes + sender)[order]
    return table


def wire(graph: Graph, redrawn: bool = False) -> Wiring:
    """Return the graph as arrays for the kernel; only its degrees matter if replications draw their own."""
    values, classes = np.unique(fair_rates(graph), return_inverse=True)
    lattice = graph.stencil is not None or redrawn
    empty = np.zeros((0, graph.width), np.int32)
    return Wiring(
        neighbours=jnp.asarray(empty if lattice else graph.neighbours, jnp.int32),
        inbound=jnp.asarray(empty if lattice else inbound_places(graph), jnp.int32),
        degrees=jnp.asarray(graph.degrees, jnp.int32),
        fair=jnp.asarray(values, jnp.float32),
        fair_class=jnp.asarray(classes.reshape(-1) if len(values) > 1 else [], jnp.int32),
    )
