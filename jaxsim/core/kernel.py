"""The contract that every model keeps: a pure state-transition kernel and what its numbers mean.

    init(key, spec, context)                  -> State
    draw(key, spec, policy)                   -> Draws
    step(draws, spec, context, policy, state) -> (State, Observables)

All are pure and unbatched in replications; shapes and dtypes of the state are a fixed point of ``step``. The
engine calls them under one ``vmap`` and one loop. ``draw`` is apart from ``step`` for speed alone: the engine
computes the words of the next step at the end of this one, because random bits that are fused with a gather
lose their vectorization (two times slower, measured). It sees the policy so that words which no policy of
that kind reads are never drawn. A kernel that does not care leaves ``draw`` out and receives the key itself.

``context`` is what is constant along a path: `prepare` derives it once from the parameters (tables of
transition probabilities, say); without `prepare` it is the parameters themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from jax.core import Tracer

from jaxsim.core.parts import Parts
from jaxsim.core.random import Key
from jaxsim.core.types import Array, Num, UInt32

Observables = dict[str, Num[Array, ""]]
"""What a step reports: named scalars. Integers are counted exactly, floats are summed with compensation."""


class State(Protocol):
    """What the next step needs and nothing else; a pytree with a status word."""

    @property
    def status(self) -> UInt32[Array, ""]:
        """The union of the `jaxsim.core.status.Status` bits that were set so far."""
        ...


class Policy(Protocol):
    """A pytree that turns an observation into an action; it sees only what its paper lets it see."""

    def __call__(self, key: Any, observation: Any) -> Any:
        """Return the action; ``key`` is a `Key`, or the words that the kernel has drawn for the policy."""
        ...


Weight = float | Callable[[Any, Any], Any]
"""A factor, or a function of (spec, params) that gives it."""


@dataclass(frozen=True)
class Metric:
    """A number that users want, as a ratio of totals over the measured steps of a path.

    name: what it is called on the command line and in results.
    numerator: the observable whose total is taken, or several with their weights, as pairs (observable,
        weight); a weight is a factor or a function of (spec, params). So integer observables are counted
        exactly and weighted once, where a float observable would be summed at every step.
    per: ``"step"`` divides by the number of steps (with a uniformized clock this is the time average, since
        every step has the same expected holding time); ``"horizon"`` gives the total over the horizon asked
        for (the simulated time is a whole number of steps; the total is scaled by their ratio); the name of
        another observable divides by its total.
    scale: a factor, or a function of (spec, params) that gives it.
    unit, summary: for tables, axes and help.
    better: ``lower`` or ``higher`` where policies are ranked by it, else empty.
    """

    name: str
    numerator: str | tuple[tuple[str, Weight], ...]
    per: str = "step"
    scale: Weight = 1.0
    unit: str = ""
    summary: str = ""
    better: Literal["", "lower", "higher"] = ""

    def top(self, spec: Any, params: Any, totals: Mapping[str, Any]) -> Any:
        """Return the numerator of a path with these totals of observables."""

        def value(weight: Weight) -> Any:
            found = weight(spec, params) if callable(weight) else weight
            # A concrete number becomes a Python float: totals on the host keep their 64 bits.
            return found if isinstance(found, Tracer) else float(found)

        parts = ((self.numerator, 1.0),) if isinstance(self.numerator, str) else self.numerator
        return value(self.scale) * sum(value(weight) * totals[name] for name, weight in parts)


@dataclass(frozen=True)
class Control:
    """A control variate: an observable whose expected total is known, whatever the policy.

    observable: its name. mean: (spec, params, warm-up steps, steps after them) -> expected total over the
        latter.
    """

    observable: str
    mean: Callable[[Any, Any, int, int], float]


def _params_themselves(spec: Any, params: Any, policy: Any) -> Any:
    return params


def _key_itself(key: Key, spec: Any, policy: Any) -> Key:
    return key


@dataclass(frozen=True)
class Kernel:
    """A model, ready to run: its static `Spec` and the functions of the contract.

    family: the name of the family.
    spec: static sizes and choices; hashable, so that one compilation serves every set of parameters.
    init, draw, step, prepare: see the module's docstring; ``prepare(spec, params, policy) -> context``.
    step_time: (spec, params) -> expected model time of one step.
    metrics: what the Result reports.
    horizon, warmup: defaults, in model time; kernels that differ in them only share a compilation.
    controlled: (spec) -> the kernel that also reports control variates, and these; where there are any.
    cut: ``cut(spec, params, policy, parts) -> Parts`` where one replication can be cut over several devices.
    unbounded: parameters that may be infinite, by name (``"users.upper_prices"``); an infinity elsewhere is
        refused, and NaN everywhere.
    largest_count: no integer observable exceeds this in absolute value in one step; the engine folds its
        32-bit counters into wider ones before they can overflow.
    """

    family: str
    spec: Any
    init: Callable[[Key, Any, Any], Any]
    step: Callable[[Any, Any, Any, Any, Any], tuple[Any, Observables]]
    step_time: Callable[[Any, Any], Any]
    metrics: tuple[Metric, ...]
    prepare: Callable[[Any, Any, Any], Any] = _params_themselves
    draw: Callable[[Key, Any, Any], Any] = _key_itself
    horizon: float = field(default=1000.0, compare=False)
    warmup: float = field(default=0.0, compare=False)
    cut: Callable[[Any, Any, Any, int], Parts] | None = None
    controlled: Callable[[Any], tuple[Kernel, tuple[Control, ...]]] | None = None
    unbounded: tuple[str, ...] = ()
    largest_count: int = 1 << 15


@dataclass(frozen=True)
class System:
    """A kernel with the parameters to run it at: what ``key=value`` words describe."""

    kernel: Kernel
    params: Any
