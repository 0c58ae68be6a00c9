"""What an estimator of a gradient returns, and what it states about its bias."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from jaxsim.core.random import Key
from jaxsim.core.types import Array, Float, Int, UInt32
from jaxsim.learning.objectives import Objective
from jaxsim.relaxations import Sample

Number = Int[Array, ""] | UInt32[Array, ""] | int


class Gradient(NamedTuple):
    """An estimate: value and gradient (shaped like what is tuned), each with its standard error."""

    value: Float[Array, ""]
    value_error: Float[Array, ""]
    gradient: Any
    gradient_error: Any


class Bias(NamedTuple):
    """How far the mean of an estimator may be from the derivative of the mean objective.

    kind: ``none`` (under the condition in ``text``); ``order`` (it falls like a power of the field named
        ``knob``); ``open`` (nothing is promised: measure it).
    """

    kind: str
    text: str
    knob: str = ""
    power: int = 0

    @property
    def short(self) -> str:
        """The kind in a word: none, O(knob^power) or open."""
        return f"O({self.knob}^{self.power})" if self.kind == "order" else self.kind


@runtime_checkable
class Estimator(Protocol):
    """An interchangeable gradient: a pytree that is called with an objective, a point, a key and a number."""

    @property
    def bias(self) -> Bias:
        """What it states about its bias."""
        ...

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient from replications ``first``, ``first + 1``, ... of the key."""
        ...


def sampled(found: Any) -> Sample:
    """Return what an objective has returned as a `Sample`."""
    return found if isinstance(found, Sample) else Sample(jnp.asarray(found))


def numbered(first: Number, count: int) -> UInt32[Array, " count"]:
    """Return the numbers of ``count`` replications from ``first`` on."""
    return jnp.asarray(first).astype(jnp.uint32) + jnp.arange(count, dtype=jnp.uint32)


def averaged(values: Float[Array, " n"], slopes: Any) -> Gradient:
    """Average over the leading axis, with standard errors (NaN from a single replication)."""
    n = values.shape[0]

    def error(x: Array) -> Array:
        return jnp.std(x, axis=0, ddof=1) / n**0.5 if n > 1 else jnp.full(x.shape[1:], jnp.nan, x.dtype)

    def mean(x: Array) -> Array:
        return jnp.mean(x, axis=0)

    return Gradient(mean(values), error(values), jax.tree.map(mean, slopes), jax.tree.map(error, slopes))
