"""From an action to a row of the table of epoch laws: which arrival rates can occur, and which one does.

Two ways. *Levels*: the relative arrival rates x / lambda that a queue can meet form a finite set (counts of
senders, units of L-ths, own states of the neighbours), and there is a table row per regime, level and state.
*Counts*: rates are any numbers; then the number of arrivals is drawn first, by inversion of its Poisson law,
and there is a table row per number of arrivals and state. Both sample the same law exactly.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core import alias
from jaxsim.core.types import Array, Float, Num, UInt32
from jaxsim.core.validation import refuse
from jaxsim.models.balancing import epoch, exchange
from jaxsim.models.balancing.actions import Fixed, Observation, Offload, OwnState, Slots
from jaxsim.models.balancing.model import Params, Spec

MOST_CELLS = 1 << 20
"""Largest table of levels (4 MiB); beyond it the table of counts is smaller and faster."""
MOST_ARRIVALS = 80.0
"""Mean number of arrivals up to which the Poisson law can be inverted in 32 bits."""


@dataclass(frozen=True)
class Layout:
    """Static shape of the table. levels: how many, or None for a table of counts."""

    levels: int | None
    arrivals: int
    offered: int
    drops: int
    states: int

    @property
    def bits(self) -> int:
        """Columns of a row, as a power of two."""
        return alias.bits((self.drops + 1) * self.states)


def heaviest(spec: Spec, action: Any) -> float:
    """Return the largest relative arrival rate that the action can bring about."""
    if isinstance(action, Fixed):
        return 1.0 + spec.inflow if action.uniform and not spec.regular else 1.0
    return 1.0 + (spec.width if isinstance(action, Slots) else spec.inflow)


def layout(spec: Spec, action: Any, denominator: int | None) -> Layout:
    """Choose the table for an action (its shape is enough).

    Raises:
        InvalidInput: if a queue can meet more packets in an epoch than the tables are made for.
    """
    mean = heaviest(spec, action) * spec.packets
    arrivals = epoch.poisson_cut(mean)
    drops = epoch.largest_drops(mean, spec.slowest, arrivals)
    size = Layout(None, arrivals, epoch.poisson_cut(spec.services), drops, spec.states)
    levels = _levels(spec, action, denominator)
    if levels is not None:
        rows = len(spec.buffers) * spec.regimes * levels * spec.states
        if rows << size.bits <= MOST_CELLS or mean > MOST_ARRIVALS:
            size = Layout(levels, arrivals, size.offered, drops, spec.states)
    if mean > 1000 or (size.levels is None and mean > MOST_ARRIVALS):
        refuse(
            "delay",
            f"{mean:.0f} packets may reach one queue in an epoch",
            "is beyond the tables of this kernel",
            "shorten the delay, or use a graph with smaller degrees",
        )
    return size


def _levels(spec: Spec, action: Any, denominator: int | None) -> int | None:
    if isinstance(action, Fixed):
        return spec.fair_classes if action.uniform else 1
    if isinstance(action, OwnState):
        return (
            math.comb(spec.states + spec.width - 1, spec.width) if spec.regular and spec.width <= 4 else None
        )
    if isinstance(action, Slots) and jnp.issubdtype(action.parts[0].dtype, jnp.integer) and denominator:
        return denominator * (spec.width + 1) + 1
    return None


def level_rates(
    spec: Spec, params: Params, action: Any, levels: int, denominator: int | None
) -> Float[Array, "levels regimes states"]:
    """Return the relative arrival rate of each level, regime and own state."""
    shape = (levels, spec.regimes, spec.states)
    if isinstance(action, Fixed):
        rates = params.wiring.fair if action.uniform else jnp.ones(1)
        return jnp.broadcast_to(rates[:, None, None], shape)
    if isinstance(action, OwnState):
        around = np.array(list(itertools.combinations_with_replacement(range(spec.states), spec.width)))
        around = around[np.argsort(_rank(list(around.T)))]
        inflow = jnp.mean(action.table[:, around], axis=-1)
        return jnp.broadcast_to(1.0 - action.table + inflow.T[:, :, None], shape)
    assert denominator
    return jnp.broadcast_to((jnp.arange(levels) / denominator)[:, None, None], shape)


def _rank(ascending: list[Any]) -> Any:
    """Return the place of a sorted multiset in colexicographic order: sum_i C(x_i + i, i + 1)."""
    total = 0
    for i, x in enumerate(ascending):
        product = x
        for j in range(1, i + 1):
            product = product * (x + j)
        total = total + product // math.factorial(i + 1)
    return total


def _sorted(values: tuple[Array, ...]) -> list[Array]:
    """Return the values in ascending order, elementwise, by exchanging neighbours."""
    out = list(values)
    for last in range(len(out) - 1, 0, -1):
        for i in range(last):
            out[i], out[i + 1] = jnp.minimum(out[i], out[i + 1]), jnp.maximum(out[i], out[i + 1])
    return out


def level(spec: Spec, params: Params, action: Any, seen: Observation) -> UInt32[Array, "*nodes"]:
    """Return the level of every queue (one number if all share it)."""
    if isinstance(action, Fixed):
        many = action.uniform and spec.fair_classes > 1
        return params.wiring.fair_class.astype(jnp.uint32) if many else jnp.uint32(0)
    if isinstance(action, OwnState):
        kind = jnp.uint8 if spec.states ** min(spec.width, 3) < 200 else jnp.uint16
        kind = jnp.uint32 if (spec.states + spec.width) ** spec.width >= 1 << 16 else kind
        around = tuple(q.astype(kind) for q in _sorted(seen.queues[1:]))
        return _rank(list(around)).astype(jnp.uint32)
    return exchange.arriving(spec, params.wiring, action.parts).astype(jnp.uint32)


def inflow(
    spec: Spec, params: Params, action: Any, seen: Observation, denominator: int | None
) -> Num[Array, " nodes"]:
    """Return the relative arrival rate of every queue as a number."""
    wiring = params.wiring
    if isinstance(action, Slots):
        parts = action.parts
        total = exchange.arriving(spec, wiring, parts).astype(jnp.float32)
        whole = jnp.issubdtype(parts[0].dtype, jnp.integer)
        return total / denominator if whole and denominator else total
    if isinstance(action, OwnState):
        rows = action.table
        row = rows[jnp.minimum(seen.regime, rows.shape[0] - 1)]
        chance = row.at[seen.queues[0].astype(jnp.int32)].get(mode="promise_in_bounds")
    else:
        assert isinstance(action, Offload)
        chance = action.chance
    each = chance / seen.degrees.astype(chance.dtype)
    parts = tuple(each if o is True else jnp.where(o, each, 0.0) for o in seen.open[1:])
    return exchange.arriving(spec, wiring, (1.0 - chance, *parts))
