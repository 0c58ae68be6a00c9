"""A random graph for every replication: the configuration model, drawn inside the kernel's ``init``.

A node of degree d has d half-edges; a uniformly random perfect matching of all half-edges makes the graph.
Self-loops and multi-edges stay: both halves of a self-loop lead to the node's own queue. So thousands of
random graphs are replications, and intervals are over graphs and paths together.

Source: Fosdick, Larremore, Nishimura, Ugander (2018); Tahir, Cui, Koeppl (2023), section 2.1.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Int
from jaxsim.models.balancing.model import Links


def draw_links(key: Key, degrees: Int[Array, " nodes"], width: int) -> Links:
    """Return a configuration model with these degrees (their sum is even).

    Half-edge (j, k), k < degree(j), has number j * width + k. Sorted by random words of 64 bits they are in
    uniformly random order (but for ties, of chance below 2**-64 per pair), and consecutive ones are joined.
    """
    nodes = degrees.shape[0]
    number = jnp.arange(nodes * width, dtype=jnp.int32)
    node, slot = number // width, number % width
    unused = (slot >= degrees[node]).astype(jnp.uint32)
    words = key.pair(Stream.INITIAL, number.astype(jnp.uint32))
    *_, order = lax.sort((unused, *words, number), num_keys=3)
    # The used ones come first and are even in number, so that pairs do not mix used and unused; an odd last
    # one can only be unused and is joined to itself.
    even = nodes * width // 2 * 2
    pairs = order[:even].reshape(-1, 2)
    mate = number.at[pairs.reshape(-1)].set(pairs[:, ::-1].reshape(-1))
    used = unused == 0
    neighbours = jnp.where(used, node[mate], node)
    inbound = jnp.where(used, (slot[mate] + 1) * nodes + node[mate], (width + 1) * nodes)
    return Links(neighbours.reshape(nodes, width), inbound.reshape(nodes, width).astype(jnp.int32))
