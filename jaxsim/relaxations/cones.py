"""Locality on graphs: which later costs a choice at a node can touch, and nothing else.

Where a node's next state depends on itself and its neighbours only, what happens at node j in step t reaches
at step t + k no node farther than k. So the costs to go of a choice are those inside this cone; the others
have the same mean whatever was chosen and only add noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Float, Int

Rings = tuple[Int[Array, "nodes _"], ...]
"""`balls` of radius 1, 2, ... as arrays."""


def balls(neighbours: Sequence[Any], reach: int) -> tuple[np.ndarray, ...]:
    """Return, for radius 1 .. reach, the nodes within it of each node, padded with the number of nodes.

    Args:
        neighbours: for each node the numbers of its neighbours.
        reach: largest radius.
    """
    nodes = len(neighbours)
    near = [set(map(int, row)) for row in neighbours]
    rows = [{j} for j in range(nodes)]
    out = []
    for _ in range(reach):
        rows = [ball.union(*(near[i] for i in ball)) for ball in rows]
        table = np.full((nodes, max(map(len, rows))), nodes, np.int32)
        for j, ball in enumerate(rows):
            table[j, : len(ball)] = sorted(ball)
        out.append(table)
    return tuple(out)


def _around(
    values: Float[Array, "steps nodes"], ball: Int[Array, "nodes size"], scale: Any
) -> Float[Array, "steps nodes"]:
    """Return the scaled sum of the values over each node's ball."""
    padded = jnp.concatenate([values, jnp.zeros((values.shape[0], 1), values.dtype)], axis=1)
    total = jnp.zeros_like(values)
    for k in range(ball.shape[1]):
        total = total + padded[:, ball[:, k]]
    return total if scale is None else total * scale


def cone(
    costs: Float[Array, "steps nodes"],
    rings: Rings,
    memory: int | Int[Array, "*step"],
    scales: tuple[Any, ...] | None = None,
) -> Float[Array, "steps nodes"]:
    """Return later costs inside the cone of influence of each node and step.

        W(j, t) = sum over k = 1 .. memory, and nodes i within distance min(k, reach) of j, of cost(i, t + k).

    Args:
        costs: of each step and node.
        rings: `balls` of radius 1 .. reach. A cone cut at ``reach`` leaves out what spreads farther: a bias
            that is 0 where the graph's diameter or ``memory`` is no larger.
        memory: steps after which consequences are cut, one number or one per step (traced or not); steps - 1
            or more cuts nothing.
        scales: factor of each ring, one number or one per node.
    """
    steps, factors = costs.shape[0], scales or (None,) * len(rings)
    later = jnp.pad(costs, ((0, len(rings)), (0, 0)))
    total = jnp.zeros_like(costs)
    kept = jnp.reshape(jnp.asarray(memory), (-1, 1))
    for lag, (ring, factor) in enumerate(zip(rings[:-1], factors, strict=False), 1):
        total = total + jnp.where(lag <= kept, _around(later[lag : lag + steps], ring, factor), 0.0)
    sums = jnp.cumsum(jnp.pad(costs, ((1, 0), (0, 0))), axis=0)  # sums[t]: costs before step t
    time = jnp.arange(steps)
    end = jnp.clip(time + memory + 1, 0, steps)
    first = jnp.minimum(time + len(rings), end)
    return total + _around(sums[end] - sums[first], rings[-1], factors[-1])


def cone_excess(
    costs: Float[Array, "steps nodes"], rings: Rings, memory: int | Int[Array, "*step"]
) -> Float[Array, "steps nodes"]:
    """Return `cone` minus what its nodes would cost if they cost as much as those outside it.

        sum_k [ S_k - |ball| (T_k - S_k) / (N - |ball|) ] = sum_k (S_k - |ball| T_k / N) N / (N - |ball|)

    with S_k the costs inside at lag k and T_k those of all N nodes. Given what came before a choice, nodes
    outside its cone are independent of it and share the noise that is common to all: a path baseline without
    bias. Every ball must leave nodes outside.
    """
    nodes = costs.shape[1]
    sizes = [jnp.sum(ring < nodes, axis=1) for ring in rings]
    scales = tuple(nodes / (nodes - size) for size in sizes)
    return cone(costs - jnp.mean(costs, axis=1, keepdims=True), rings, memory, scales)
