"""From an action to a row of the tables of epoch laws: which arrival rates can occur, and which one does.

*Levels*: the relative arrival rates x / lambda that a queue can meet form a finite set (counts of senders,
units of L-ths, own states of the neighbours); a row of the table is a level, a regime and a state. Where
there is no such set, rates are plain numbers.

*Stages*: one look-up gives last state and drops together. Where that table would be too large, or rates are
plain numbers, the number of arrivals is drawn first (from a table of Poisson laws by row, or by inversion)
and then the outcome given arrivals and state. All sample the same law exactly.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import alias
from jaxsim.core.types import Array, Float, Num, UInt32
from jaxsim.core.validation import refuse
from jaxsim.models.balancing import epoch, exchange
from jaxsim.models.balancing.actions import Fixed, Observation, Offload, OwnState, Slots, blank
from jaxsim.models.balancing.model import Params, Spec

MOST_CELLS = 1 << 20
"""Largest table of one stage (4 MiB); beyond it two stages are smaller and faster."""
MOST_ARRIVALS = 80.0
"""Mean number of arrivals up to which the Poisson law can be inverted in 32 bits."""


@dataclass(frozen=True)
class Layout:
    """Static shape of the tables.

    levels: how many relative arrival rates there are, None if they are plain numbers.
    denominator: of what a policy puts into slots, None if it does not deal in whole parts.
    heaviest: the largest relative arrival rate. staged: whether the number of arrivals is drawn first.
    arrivals, offered, drops: where counts are cut. states: of a queue.
    """

    levels: int | None
    denominator: int | None
    heaviest: float
    staged: bool
    arrivals: int
    offered: int
    drops: int
    states: int

    @property
    def bits(self) -> int:
        """Columns of a row of outcomes, as a power of two."""
        return alias.bits((self.drops + 1) * self.states)

    @property
    def arrival_bits(self) -> int:
        """Columns of a row of arrivals, as a power of two."""
        return alias.bits(self.arrivals + 1)


def unseen(spec: Spec) -> Observation:
    """Return an observation of empty queues on no graph in particular: actions have the right shape on it."""
    queues = (jnp.zeros(spec.nodes, jnp.uint8),) * (spec.width + 1)
    some = jnp.ones(spec.nodes, bool)
    opened = (True, *([True if spec.regular else some] * spec.width))
    speeds = (jnp.ones(spec.nodes),) * (spec.width + 1) if len(spec.buffers) > 1 else None
    degrees = jnp.ones(spec.nodes, jnp.int32)
    regime = jnp.zeros((), jnp.int32)
    return Observation(queues, opened, degrees, regime, spec.units, speeds, spec.fair_units)


def layout(spec: Spec, policy: Any) -> Layout:
    """Choose the tables for a policy; static, nothing is computed.

    Raises:
        InvalidInput: if a queue can meet more packets in an epoch than the tables are made for.
    """
    action = jax.eval_shape(lambda: policy(blank(policy, spec.nodes), unseen(spec)))
    denominator = policy.denominator(spec)
    most = _heaviest(spec, action)
    mean = most * spec.packets
    arrivals = epoch.poisson_cut(mean)
    drops = epoch.largest_drops(mean, spec.slowest, arrivals)
    levels = _levels(spec, action, denominator)
    offered = epoch.poisson_cut(spec.services)
    size = Layout(levels, denominator, most, levels is None, arrivals, offered, drops, spec.states)
    if mean > 1000 or (levels is None and mean > MOST_ARRIVALS):
        refuse(
            "delay",
            f"{mean:.0f} packets may reach one queue in an epoch",
            "is beyond the tables of this kernel",
            "shorten the delay, or use a graph with smaller degrees",
        )
    rows = len(spec.buffers) * spec.regimes * (levels or 0) * spec.states
    return dataclasses.replace(size, staged=True) if rows << size.bits > MOST_CELLS else size


def _heaviest(spec: Spec, action: Any) -> float:
    if isinstance(action, Fixed):
        return 1.0 + spec.inflow if action.uniform and not spec.regular else 1.0
    return 1.0 + (spec.width if isinstance(action, Slots) else spec.inflow)


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
    spec: Spec, params: Params, action: Any, size: Layout
) -> Float[Array, "levels regimes states"]:
    """Return the relative arrival rate of each level, regime and own state."""
    shape = (size.levels or 0, spec.regimes, spec.states)
    if isinstance(action, Fixed):
        rates = params.wiring.fair if action.uniform else jnp.ones(1)
        return jnp.broadcast_to(rates[:, None, None], shape)
    if isinstance(action, OwnState):
        around = np.array(list(itertools.combinations_with_replacement(range(spec.states), spec.width)))
        around = around[np.argsort(_rank(list(around.T)))]
        inflow = jnp.mean(action.table[:, around], axis=-1)
        return jnp.broadcast_to(1.0 - action.table + inflow.T[:, :, None], shape)
    assert size.denominator
    return jnp.broadcast_to((jnp.arange(shape[0]) / size.denominator)[:, None, None], shape)


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


def level(
    spec: Spec, params: Params, size: Layout, action: Any, seen: Observation
) -> UInt32[Array, "*nodes"]:
    """Return the level of every queue (one number if all share it)."""
    if isinstance(action, Fixed):
        many = action.uniform and spec.fair_classes > 1
        return params.wiring.fair_class.astype(jnp.uint32) if many else jnp.uint32(0)
    if isinstance(action, OwnState):
        kind = jnp.uint8 if spec.states ** min(spec.width, 3) < 200 else jnp.uint16
        kind = jnp.uint32 if (spec.states + spec.width) ** spec.width >= 1 << 16 else kind
        around = tuple(q.astype(kind) for q in _sorted(seen.queues[1:]))
        return _rank(list(around)).astype(jnp.uint32)
    return exchange.arriving(spec, params.wiring, action.parts, size.denominator).astype(jnp.uint32)


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
