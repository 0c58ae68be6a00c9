"""Sparse graphs: who may send packets to whom, as padded neighbour tables.

A graph is a table ``neighbours[j, k]``: the node behind slot k + 1 of node j (slot 0 is its own queue).
Rows are padded with the node itself beyond its degree. A self-loop adds a slot to its node that leads home,
a multi-edge adds a slot for every copy: a node of degree d always sends a d-th of its offloaded packets
through each slot.

Source: Tahir, Cui, Koeppl (2023), section 2.1. Sizes corrected from the printed ones: cube-connected cycles
of order o have o 2^o nodes (160 for order 5, printed 125), the torus of side 11 has 121 (printed 111).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxsim.core.validation import integer, numbers, refuse, require

MOST_NODES = 1 << 24
MOST_SLOTS = 1 << 27


@dataclass(frozen=True)
class Graph:
    """A graph on nodes 0 .. N-1.

    name: how it is called in specs and reports.
    neighbours: int32 (N, d), padded with the own node.
    degrees: int32 (N,), the number of slots besides the own queue.
    stencil: the shape of the lattice, (N,) for a cycle and (side, side) for a torus, on which neighbours are
        found by shifting; None where the table is needed.
    """

    name: str
    neighbours: np.ndarray
    degrees: np.ndarray
    stencil: tuple[int, ...] | None = None

    @property
    def nodes(self) -> int:
        """Number of nodes N."""
        return int(self.degrees.shape[0])

    @property
    def width(self) -> int:
        """Largest degree d."""
        return int(self.neighbours.shape[1])


def from_edges(name: str, nodes: int, edges: np.ndarray) -> Graph:
    """Return the graph with these edges (E, 2); every copy of an edge counts, a self-loop gives one slot.

    Raises:
        InvalidInput: if there is no node, or a node has no edge, or the table would not fit the memory.
    """
    require(nodes >= 1, "nodes", nodes, "leaves an empty graph", "give a graph with nodes and edges")
    edges = np.asarray(edges, np.int64).reshape(-1, 2)
    loops = edges[:, 0] == edges[:, 1]
    ends = np.concatenate([edges[:, 0], edges[~loops, 1]])
    others = np.concatenate([edges[:, 1], edges[~loops, 0]])
    degrees = np.bincount(ends, minlength=nodes)
    lonely = int(np.count_nonzero(degrees == 0))
    if lonely:
        refuse(
            name, f"{lonely} nodes without an edge", "cannot share their packets", "connect or remove them"
        )
    width = int(degrees.max())
    require(
        nodes * width <= MOST_SLOTS,
        name,
        f"{nodes} nodes, largest degree {width}",
        "makes too large a neighbour table",
        f"keep nodes x largest degree below {MOST_SLOTS}: the model is for sparse graphs",
    )
    order = np.argsort(ends, kind="stable")
    first = np.concatenate([[0], np.cumsum(degrees)[:-1]])
    slot = np.arange(ends.size) - np.repeat(first, degrees)
    table = np.repeat(np.arange(nodes, dtype=np.int32)[:, None], width, axis=1)
    table[ends[order], slot] = others[order]
    return Graph(name, table, degrees.astype(np.int32))


def cycle(nodes: Any) -> Graph:
    """Return the cycle: node i next to i - 1 and i + 1 (mod N), degree 2."""
    nodes = integer("nodes", nodes, low=3, high=MOST_NODES)
    i = np.arange(nodes, dtype=np.int32)
    table = np.stack([(i - 1) % nodes, (i + 1) % nodes], axis=1).astype(np.int32)
    return Graph(f"cycle of {nodes}", table, np.full(nodes, 2, np.int32), stencil=(nodes,))


def torus(side: Any) -> Graph:
    """Return the square grid with opposite sides joined: side^2 nodes of degree 4."""
    side = integer("side", side, low=3, high=4096)
    i = np.arange(side * side, dtype=np.int32).reshape(side, side)
    shifts = [np.roll(i, 1, 0), np.roll(i, -1, 0), np.roll(i, 1, 1), np.roll(i, -1, 1)]
    table = np.stack([s.ravel() for s in shifts], axis=1)
    return Graph(f"torus {side} x {side}", table, np.full(side * side, 4, np.int32), stencil=(side, side))


def ccc(order: Any) -> Graph:
    """Return the cube-connected cycles: a cycle of length o at each of 2^o corners, degree 3.

    Node (w, p) at position p of corner w is next to (w, p - 1), (w, p + 1) and (w xor 2^p, p).
    """
    order = integer("order", order, low=3, high=19)
    corner, place = np.divmod(np.arange(order << order, dtype=np.int64), order)
    before = corner * order + (place - 1) % order
    after = corner * order + (place + 1) % order
    across = (corner ^ (1 << place)) * order + place
    table = np.stack([before, after, across], axis=1).astype(np.int32)
    return Graph(f"cube-connected cycles of order {order}", table, np.full(order << order, 3, np.int32))


def bethe(depth: Any, degree: Any) -> Graph:
    """Return the Bethe lattice: a tree whose inner nodes have the given degree, cut at ``depth``.

    It has 1 + sum_{o=1..depth} d (d-1)^(o-1) nodes, numbered level by level; a leaf has degree 1.
    """
    depth, degree = integer("depth", depth, low=1, high=40), integer("degree", degree, low=2, high=64)
    sizes = [1] + [degree * (degree - 1) ** (o - 1) for o in range(1, depth + 1)]
    nodes = integer("depth and degree: nodes", sum(sizes), high=MOST_NODES)
    parents = [np.zeros(degree, np.int64)]
    for o in range(1, depth):
        first = sum(sizes[:o])
        parents.append(np.repeat(np.arange(first, first + sizes[o]), degree - 1))
    edges = np.stack([np.concatenate(parents), np.arange(1, nodes)], axis=1)
    return from_edges(f"Bethe lattice of depth {depth}, degree {degree}", nodes, edges)


def degree_sequence(nodes: Any, degrees: Any) -> np.ndarray:
    """Return one degree per node: the sequence itself if it has N entries, else the values in turn.

    Two values give each degree to half of the nodes. An odd sum is made even by raising the last node that
    has the smallest degree by one.
    """
    nodes = integer("nodes", nodes, low=2, high=MOST_NODES)
    values = [integer("degrees", d, low=1, high=1024) for d in np.atleast_1d(numbers("degrees", degrees))]
    require(len(values) > 0, "degrees", degrees, "is empty", "give for instance degrees=2,3")
    require(len(values) <= nodes, "degrees", degrees, f"has more than {nodes} entries", "give one per node")
    sequence = np.resize(np.asarray(values, np.int64), nodes)
    if sequence.sum() % 2:
        sequence[np.flatnonzero(sequence == sequence.min())[-1]] += 1
    return sequence


def configuration(nodes: Any, degrees: Any, seed: Any = 0) -> Graph:
    """Return a configuration model: half-edges of the given degrees joined uniformly at random.

    Self-loops and multi-edges stay, as in the model: a multi-edge is two slots to the same queue; a self-loop
    uses two half-edges of its node and both lead to the node's own queue.

    Args:
        nodes: N.
        degrees: one value, a few values taken in turn, or N values; see `degree_sequence`.
        seed: of the random graph, apart from the seed of the simulation.
    """
    sequence = degree_sequence(nodes, degrees)
    generator = np.random.default_rng(integer("graph_seed", seed, low=0))
    stubs = generator.permutation(np.repeat(np.arange(sequence.size), sequence)).reshape(-1, 2)
    loops = stubs[stubs[:, 0] == stubs[:, 1]]
    text = ",".join(f"{d:d}" for d in np.unique(sequence)[:6])
    return from_edges(
        f"configuration model of {nodes}, degrees {text}", nodes, np.concatenate([stubs, loops])
    )
