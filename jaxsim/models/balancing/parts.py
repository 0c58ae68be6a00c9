"""One enormous graph over several devices: each steps its own queues and copies of those near its border.

Part p owns a block of nodes, neighbours beside each other. The arrivals at an own queue depend on what its
neighbours do, and that on what *they* see, so a part also holds copies of the nodes one edge away (whose
schedulers it repeats) and two edges away (whose queues those see). Random words belong to the node of the
whole graph, so the copies do what the originals do, and one message per epoch, the queues at the border,
keeps the copies right. On a cycle a border is two nodes to each side; on a torus of side s, 2 s.

The paths are those of the uncut graph: queues and drops agree node by node for all policies that deal in
whole parts of packets; shares that are real numbers are added in another order on lattices.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.kernel import Kernel, Observables
from jaxsim.core.parts import Links, Parts
from jaxsim.core.random import Key, Stream
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, UInt, UInt32
from jaxsim.core.validation import require
from jaxsim.models.balancing import graphs, tables
from jaxsim.models.balancing import kernel as uncut
from jaxsim.models.balancing.context import Context, prepare
from jaxsim.models.balancing.model import Params, Spec, State, inbound_places, pack, queues_of


@dataclass(frozen=True)
class PartSpec:
    """A part: its own Spec, on which it looks like a small graph, and the nodes of the whole."""

    part: Spec
    whole: int


@pytree
class PartParams:
    """Parameters of a part, the number of each node in the whole graph, and which are the part's own."""

    params: Params
    numbers: UInt32[Array, " nodes"]
    own: Bool[Array, " nodes"]


@pytree
class PartContext:
    """What is constant along a path: the `Context` of the part, and where it lies."""

    context: Context
    numbers: UInt32[Array, " nodes"]
    own: Bool[Array, " nodes"]


def _prepare(spec: PartSpec, part: PartParams, policy: Any) -> PartContext:
    return PartContext(prepare(spec.part, part.params, policy), part.numbers, part.own)


def _init(key: Key, spec: PartSpec, context: PartContext) -> State:
    return uncut.init(key, spec.part, context.context)


def _word(key: Key, stream: Stream, numbers: UInt32[Array, " nodes"], whole: int) -> Array:
    """Return the words that `kernel.words` gives to nodes with these numbers."""
    half = np.uint32((whole + 1) // 2)
    first, second = key.pair(stream, jnp.where(numbers < half, numbers, numbers - half))
    return jnp.where(numbers < half, first, second)


def _scheduler_words(key: Key, numbers: UInt32[Array, " nodes"], whole: int, bits: int) -> UInt[Array, " n"]:
    """Return what `kernel.scheduler_words` gives to nodes with these numbers."""
    if bits == 0:
        return jnp.zeros(0, jnp.uint32)
    if bits == 32:
        return _word(key, Stream.POLICY, numbers, whole)
    quarter = np.uint32((whole + 3) // 4)
    place = numbers // quarter
    first, second = key.pair(Stream.POLICY, numbers - place * quarter)
    word = jnp.where(place < 2, first, second)
    return jnp.where(place % 2 == 0, word, word >> np.uint32(16)).astype(jnp.uint16)


def _step(
    key: Key, spec: PartSpec, context: PartContext, policy: Any, state: State
) -> tuple[State, Observables]:
    """Take one epoch of the part; count its own queues."""
    here, numbers = spec.part, context.numbers
    staged = tables.layout(here, policy).staged
    words = uncut.Words(
        _word(key, Stream.EVENTS, numbers, spec.whole),
        _word(key, Stream.ARRIVALS, numbers, spec.whole) if staged else None,
        _scheduler_words(key, numbers, spec.whole, policy.bits),
    )
    # Apart from what reads them: words that are fused with a look-up are not vectorized.
    words = lax.optimization_barrier(words)
    end, lost = uncut.transition(words, here, context.context, policy, state)
    own = context.own
    wide = lost if jnp.issubdtype(lost.dtype, jnp.floating) else lost.astype(jnp.int32)
    observed = {
        "drops": jnp.sum(jnp.where(own, wide, 0)),
        "jobs": jnp.sum(jnp.where(own, queues_of(here, state).astype(jnp.int32), 0)),
    }
    params = context.context.params
    regime = uncut.next_regime(params, state, key.pair(Stream.ENVIRONMENT, 0)[0])
    return State(pack(here, end, regime), regime, state.status, None, None), observed


def _border(state: State) -> Array:
    return state.cells


def _informed(state: State, cells: Array) -> State:
    return dataclasses.replace(state, cells=cells)


@dataclass(frozen=True)
class Cover:
    """A part of a graph: its nodes in ascending order, which of them it owns, and which act (at most one
    edge away).
    """

    nodes: np.ndarray
    own: np.ndarray
    acting: np.ndarray


def table_of(spec: Spec, params: Params) -> tuple[np.ndarray, np.ndarray]:
    """Return the neighbour table and the degrees of the graph, also of a lattice."""
    degrees = np.asarray(params.wiring.degrees)
    if spec.stencil is None:
        return np.asarray(params.wiring.neighbours), degrees
    side = spec.stencil[-1]
    graph = graphs.cycle(side) if len(spec.stencil) == 1 else graphs.torus(side)
    return graph.neighbours, degrees


def near_order(neighbours: np.ndarray) -> np.ndarray:
    """Return the nodes so that neighbours lie close: breadth first, from the lowest number on."""
    count = len(neighbours)
    seen, order, start = np.zeros(count, bool), [], 0
    while start < count:
        front = np.array([start])
        seen[start] = True
        while front.size:
            order.append(front)
            front = np.unique(neighbours[front])
            front = front[~seen[front]]
            seen[front] = True
        rest = np.flatnonzero(~seen[start:])
        start = start + int(rest[0]) if rest.size else count
    return np.concatenate(order)


def covers(neighbours: np.ndarray, order: np.ndarray, count: int) -> list[Cover]:
    """Cut the nodes into blocks and return each with the nodes at most two edges away."""
    found = []
    for block in np.array_split(order, count):
        near = np.union1d(block, neighbours[block])
        nodes = np.union1d(near, neighbours[near])
        found.append(Cover(nodes, np.isin(nodes, block), np.isin(nodes, near)))
    return found


def _padded(rows: list[np.ndarray], fill: Any) -> np.ndarray:
    longest = max(len(row) for row in rows)
    return np.stack(
        [np.concatenate([r, np.full((longest - len(r), *r.shape[1:]), fill, r.dtype)]) for r in rows]
    )


def _links(cover: list[Cover], owner: np.ndarray, size: int) -> tuple[tuple[int, ...], Links]:
    """Return which parts tell each other what: the copies of each, asked of their owners."""
    count, lists = len(cover), {}
    for part, here in enumerate(cover):
        copies = np.flatnonzero(~here.own)
        for other in np.unique(owner[here.nodes[copies]]):
            mine = copies[owner[here.nodes[copies]] == other]
            there = np.searchsorted(cover[other].nodes, here.nodes[mine])
            lists[int(other), part] = there.astype(np.int32), mine.astype(np.int32)
    shifts = tuple(sorted({(to - of) % count for of, to in lists}))
    none = np.zeros(0, np.int32)
    send, receive = [], []
    for shift in shifts:
        pairs = [lists.get((part, (part + shift) % count), (none, none)) for part in range(count)]
        send.append(jnp.asarray(_padded([there for there, _ in pairs], 0)))
        came = [pairs[(part - shift) % count][1] for part in range(count)]
        receive.append(jnp.asarray(_padded(came, size)))
    return shifts, Links(tuple(send), tuple(receive))


def _part_params(
    params: Params, here: Cover, table: np.ndarray, degrees: np.ndarray, size: int
) -> PartParams:
    """Return the parameters of one part, padded to ``size`` nodes that nobody reaches."""
    spare = size - len(here.nodes)
    numbers = np.concatenate([here.nodes, np.full(spare, here.nodes[0])])
    place = np.searchsorted(here.nodes, table[here.nodes])
    known = here.nodes[np.minimum(place, len(here.nodes) - 1)] == table[here.nodes]
    itself = np.arange(size, dtype=np.int32)[:, None]
    neighbours = np.broadcast_to(itself, (size, table.shape[1])).copy()
    neighbours[: len(here.nodes)] = np.where(known, place, itself[: len(here.nodes)])
    acting = np.concatenate([here.acting, np.zeros(spare, bool)])
    reach = np.where(acting, degrees[numbers], 0).astype(np.int32)
    inbound = inbound_places(graphs.Graph("part", neighbours.astype(np.int32), reach))
    wiring = params.wiring

    def at(values: Array) -> Array:
        return jnp.asarray(np.asarray(values)[numbers]) if values.shape[0] else values

    wiring = dataclasses.replace(
        wiring,
        neighbours=jnp.asarray(neighbours, jnp.int32),
        inbound=jnp.asarray(inbound, jnp.int32),
        degrees=at(wiring.degrees),
        fair_class=at(wiring.fair_class),
    )
    local = dataclasses.replace(params, server_class=at(params.server_class), wiring=wiring)
    own = np.concatenate([here.own, np.zeros(spare, bool)])
    return PartParams(local, jnp.asarray(numbers, jnp.uint32), jnp.asarray(own))


def cut(spec: Spec, params: Params, policy: Any, count: int) -> Parts:
    """Cut the graph into so many parts of equally many nodes.

    Raises:
        InvalidInput: if there are fewer nodes than parts, or the Spec asks for what parts cannot give.
    """
    remedy = "leave it out, or cut the replications"
    require(not spec.redrawn, "redraw", True, "gives each replication its own graph", remedy)
    require(not spec.control, "control", True, "is not counted node by node", remedy)
    require(spec.nodes >= count, "nodes", spec.nodes, f"are fewer than {count} devices", "use fewer devices")
    table, degrees = table_of(spec, params)
    order = np.arange(spec.nodes) if spec.stencil is not None else near_order(table)
    cover = covers(table, order, count)
    size = max(len(here.nodes) for here in cover)
    owner = np.empty(spec.nodes, np.int64)
    for part, here in enumerate(cover):
        owner[here.nodes[here.own]] = part
    shifts, links = _links(cover, owner, size)
    stacked = [_part_params(params, here, table, degrees, size) for here in cover]
    part = PartSpec(dataclasses.replace(spec, nodes=size, stencil=None), spec.nodes)

    def together(where: Any, values: Any) -> Any:
        if where[0].name != "cells":
            return values[0]
        cells = np.empty((*values.shape[1:-1], spec.nodes), values.dtype)
        for i, here in enumerate(cover):
            cells[..., here.nodes[here.own]] = values[i][..., : len(here.nodes)][..., here.own]
        return cells

    def whole(states: State) -> State:
        """Put the own nodes of all parts in their places."""
        return jax.tree_util.tree_map_with_path(together, states)

    uncut_kernel = uncut.kernel(spec)
    kernel = Kernel(
        family="balancing",
        spec=part,
        init=_init,
        step=_step,
        step_time=uncut_kernel.step_time,
        metrics=uncut_kernel.metrics,
        prepare=_prepare,
        largest_count=uncut.kernel(part.part).largest_count,
    )
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *stacked)
    return Parts(kernel, params, shifts, links, _border, _informed, whole)
