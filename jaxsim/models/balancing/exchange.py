"""Who reaches whom: values at neighbours, and what arrives when nodes put shares into their slots.

On lattices neighbours are found by shifting the whole array (vectorized over 8-bit states); elsewhere through
the padded neighbour table.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Bool, Num
from jaxsim.models.balancing.model import Spec, Wiring


def _shift(spec: Spec, values: Num[Array, " nodes"], slot: int) -> Num[Array, " nodes"]:
    """Return the value at the neighbour behind slot ``slot`` + 1 of each node of a lattice.

    The array stays flat, so that one long shift is vectorized whatever the side: rows of the torus wrap with
    the flat array; columns take the ends of each row from the other end.
    """
    step = 1 if slot % 2 == 0 else -1
    side = spec.stencil[-1] if spec.stencil else 0
    if spec.stencil == (spec.nodes,):
        return jnp.roll(values, step)
    if slot < 2:
        return jnp.roll(values, step * side)
    edge = np.arange(spec.nodes) % side == (0 if step == 1 else side - 1)
    return jnp.where(edge, jnp.roll(values, -step * (side - 1)), jnp.roll(values, step))


def at_neighbours(spec: Spec, wiring: Wiring, values: Num[Array, " nodes"]) -> tuple[Array, ...]:
    """Return the values at the neighbour behind each slot; behind padded slots the node's own value."""
    if spec.stencil is not None:
        return tuple(_shift(spec, values, slot) for slot in range(spec.width))
    columns = wiring.neighbours.T
    return tuple(values.at[columns[k]].get(mode="promise_in_bounds") for k in range(spec.width))


def open_slots(spec: Spec, wiring: Wiring) -> tuple[Bool[Array, " nodes"] | bool, ...]:
    """Return for each slot 0 .. d whether a node has it (True where all nodes do)."""
    if spec.regular:
        return (True,) * (spec.width + 1)
    return (True, *(wiring.degrees > k for k in range(spec.width)))


def arriving(
    spec: Spec, wiring: Wiring, slots: tuple[Num[Array, " nodes"], ...], most: int | None = None
) -> Num[Array, " nodes"]:
    """Return what reaches each node when nodes put ``slots[k]`` into slot k (0 is the own queue).

    Padded slots must hold zero. ``most``: no slot holds more than this whole number (None: real numbers).
    """
    if spec.stencil is not None:
        width = most.bit_length() if most else 32
        return _arriving_packed(spec, slots, width) if width * len(slots) <= 32 else _sum(spec, slots)
    total = slots[0]
    table = jnp.concatenate([jnp.concatenate(slots), jnp.zeros(1, total.dtype)])
    columns = wiring.inbound.T
    for k in range(spec.width):
        total = total + table.at[columns[k]].get(mode="promise_in_bounds")
    return total


def _sum(spec: Spec, slots: tuple[Num[Array, " nodes"], ...]) -> Num[Array, " nodes"]:
    """Return what arrives on a lattice: through slot k from behind the opposite one, which is k xor 1."""
    total = slots[0]
    for k in range(spec.width):
        total = total + _shift(spec, slots[1 + (k ^ 1)], k)
    return total


def _arriving_packed(spec: Spec, slots: tuple[Num[Array, " nodes"], ...], width: int) -> Num[Array, " nodes"]:
    """Return the same for whole numbers of ``width`` bits, which share one number per node.

    It is moved by a step before it is taken apart, and the sum is moved back: a shift writes its result out.
    So the policy's work is done once and not in the loop of each slot, and the sum is not fused into the loop
    of table look-ups that reads it, which would then no longer be vectorized.
    """
    bits = width * len(slots)
    kind = jnp.uint8 if bits <= 8 else jnp.uint16 if bits <= 16 else jnp.uint32
    code = slots[0].astype(kind)
    for k, part in enumerate(slots[1:], 1):
        code = code | (part.astype(kind) << np.array(k * width, kind))
    moved, mask = _shift(spec, code, 0), np.array((1 << width) - 1, kind)
    narrow = jnp.uint8 if len(slots) << width <= 256 else jnp.uint16
    parts = tuple(((moved >> np.array(k * width, kind)) & mask).astype(narrow) for k in range(len(slots)))
    return _shift(spec, _sum(spec, parts), 1)
