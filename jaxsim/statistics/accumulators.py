"""Accumulators: what is kept of a stream of numbers while it passes.

Each is an object with four pure functions, ``init() -> S``, ``update(S, x) -> S``, ``merge(S, S) -> S`` and
``finalize(S)``, whose states are pytrees: they run inside ``jit``, ``vmap`` and ``scan``, merge in any
order, and never drift: integers are counted exactly, floats are compensated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Complex, Float, Int, Num

_LIMB = 16


@pytree
class IntegerTotal:
    """An exact total: ``recent`` plus ``low + high * 2**16``; ``recent`` is folded before it can overflow."""

    recent: Int[Array, ""]
    low: Int[Array, ""]
    high: Int[Array, ""]


@pytree
class FloatTotal:
    """A total in two floats, value + error, renormalized at every addition (Dekker 1971).

    Its rounding error per addition is about 2**-48 of the total, where a plain float32 has 2**-24. The two
    are the parts of one complex number, because XLA computes each array that a loop carries in a loop of its
    own: one array is one pass over memory.
    """

    both: Complex[Array, ""]

    @property
    def value(self) -> Any:
        """The leading part, of the shape of the whole."""
        return self.both.real

    @property
    def error(self) -> Any:
        """What the leading part lacks."""
        return self.both.imag


def two_sum(a: Float[Array, "*n"], b: Float[Array, "*n"]) -> tuple[Array, Array]:
    """Return (s, e) with s = fl(a + b) and s + e = a + b exactly (Knuth 1969, no branch)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@dataclass(frozen=True)
class Totals:
    """Totals of named numbers, one `IntegerTotal` or `FloatTotal` each.

    ``update`` adds a step's observables; ``fold`` must follow at most ``2**31 / largest`` updates later and
    makes room again (at most 2**15 folds between two calls of ``init``).
    """

    def init(self, example: Mapping[str, Any]) -> dict[str, IntegerTotal | FloatTotal]:
        """Return zero totals for observables shaped like the example (arrays or ShapeDtypeStructs)."""

        def zero(leaf: Any) -> IntegerTotal | FloatTotal:
            if jnp.issubdtype(leaf.dtype, jnp.floating):
                nothing = jnp.zeros(leaf.shape, leaf.dtype)
                return FloatTotal(lax.complex(nothing, nothing))
            nothing = jnp.zeros(leaf.shape, jnp.int32)
            return IntegerTotal(nothing, nothing, nothing)

        return {name: zero(leaf) for name, leaf in example.items()}

    def update(self, totals: dict[str, Any], observed: Mapping[str, Num[Array, "..."]]) -> dict[str, Any]:
        """Add one step's observables."""

        def add(total: IntegerTotal | FloatTotal, x: Array) -> IntegerTotal | FloatTotal:
            if isinstance(total, FloatTotal):
                value, lost = two_sum(total.value, x.astype(total.value.dtype))
                return FloatTotal(lax.complex(*two_sum(value, lost + total.error)))
            return IntegerTotal(total.recent + x.astype(jnp.int32), total.low, total.high)

        return {name: add(totals[name], x) for name, x in observed.items()}

    def fold(self, totals: dict[str, Any]) -> dict[str, Any]:
        """Move the recent part of integer totals into their limbs."""

        def tidy(total: IntegerTotal | FloatTotal) -> IntegerTotal | FloatTotal:
            if isinstance(total, FloatTotal):
                return total
            low = total.low + (total.recent & ((1 << _LIMB) - 1))
            return IntegerTotal(jnp.zeros_like(total.recent), low, total.high + (total.recent >> _LIMB))

        return {name: tidy(total) for name, total in totals.items()}

    def merge(self, a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
        """Return the totals of both streams."""

        def join(x: IntegerTotal | FloatTotal, y: Any) -> IntegerTotal | FloatTotal:
            if isinstance(x, FloatTotal):
                value, lost = two_sum(x.value, y.value)
                return FloatTotal(lax.complex(*two_sum(value, x.error + y.error + lost)))
            return IntegerTotal(x.recent + y.recent, x.low + y.low, x.high + y.high)

        return {name: join(a[name], b[name]) for name in a}

    def finalize(self, totals: dict[str, Any]) -> dict[str, Any]:
        """Return the totals as float64 on the host; integer totals are exact up to 2**53."""

        def read(total: IntegerTotal | FloatTotal) -> Any:
            if isinstance(total, FloatTotal):
                return total.value.astype(np.float64) + total.error.astype(np.float64)
            recent, low, high = (x.astype(np.float64) for x in (total.recent, total.low, total.high))
            return recent + low + high * float(1 << _LIMB)

        # All arrays come in one transfer.
        return {name: read(total) for name, total in jax.device_get(totals).items()}


@pytree
class MomentState:
    """Count, mean and sum of squared deviations."""

    count: Float[Array, "*n"]
    mean: Float[Array, "*n"]
    squares: Float[Array, "*n"]


@dataclass(frozen=True)
class Moments:
    """Mean and variance in one pass (Welford 1962), merged pairwise (Chan, Golub, LeVeque 1983)."""

    def init(self, shape: tuple[int, ...] = ()) -> MomentState:
        """Return the moments of nothing."""
        nothing = jnp.zeros(shape)
        return MomentState(nothing, nothing, nothing)

    def update(self, state: MomentState, x: Float[Array, "*n"]) -> MomentState:
        """Add one number (or one array of numbers, elementwise)."""
        count = state.count + 1
        delta = x - state.mean
        mean = state.mean + delta / count
        return MomentState(count, mean, state.squares + delta * (x - mean))

    def merge(self, a: MomentState, b: MomentState) -> MomentState:
        """Return the moments of both samples."""
        count = a.count + b.count
        share = b.count / jnp.maximum(count, 1)
        delta = b.mean - a.mean
        squares = a.squares + b.squares + delta**2 * a.count * share
        return MomentState(count, a.mean + delta * share, squares)

    def finalize(self, state: MomentState) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        """Return mean and unbiased variance (NaN where fewer than one, respectively two, numbers passed)."""
        mean = jnp.where(state.count > 0, state.mean, jnp.nan)
        variance = jnp.where(state.count > 1, state.squares / jnp.maximum(state.count - 1, 1), jnp.nan)
        return mean, variance


@dataclass(frozen=True)
class Histogram:
    """Counts in fixed bins, in bounded memory; what falls outside is counted at the ends, never dropped.

    edges: increasing bin edges e_0 < ... < e_n. There are n + 2 counts: below e_0, the n bins
        [e_i, e_{i+1}), and at or above e_n.
    """

    edges: tuple[float, ...]

    def init(self) -> Int[Array, " bins"]:
        """Return empty bins."""
        return jnp.zeros(len(self.edges) + 1, jnp.int32)

    def update(self, counts: Int[Array, " bins"], x: Num[Array, "*n"]) -> Int[Array, " bins"]:
        """Count the numbers."""
        place = jnp.searchsorted(jnp.asarray(self.edges), jnp.ravel(jnp.asarray(x)), side="right")
        return counts.at[place].add(1)

    def merge(self, a: Int[Array, " bins"], b: Int[Array, " bins"]) -> Int[Array, " bins"]:
        """Return the counts of both samples."""
        return a + b

    def finalize(self, counts: Int[Array, " bins"]) -> dict[str, np.ndarray]:
        """Return edges and counts."""
        return {"edges": np.asarray(self.edges), "counts": np.asarray(counts)}

    def quantile(self, counts: Num[Array, " bins"] | Num[np.ndarray, " bins"], p: float) -> float:
        """Return the p-quantile by linear interpolation inside its bin; -inf or inf if it falls outside."""
        share = np.cumsum(np.asarray(counts, np.float64))
        target = p * share[-1]
        place = int(np.searchsorted(share, target))
        if place == 0 and share[0] > 0:
            return -np.inf
        if place >= len(self.edges):
            return np.inf
        before = share[place - 1] if place else 0.0
        inside = (target - before) / max(share[place] - before, 1.0)
        low, high = self.edges[max(place - 1, 0)], self.edges[place]
        return low + (high - low) * inside
