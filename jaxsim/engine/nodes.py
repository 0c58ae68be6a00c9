"""Nodes of one replication over the devices: a step of each part, then the exchange at its borders."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jax import lax

from jaxsim.core.kernel import Kernel, Observables
from jaxsim.core.parts import Parts
from jaxsim.core.types import Array

AXIS = "nodes"


@dataclass(frozen=True)
class Exchanging:
    """A step of a part, after which its copies of other parts' nodes are brought up to date.

    One message goes each way between parts that touch (`jax.lax.ppermute`), and none between others.
    """

    step: Callable[..., tuple[Any, Observables]]
    border: Callable[[Any], Array]
    informed: Callable[[Any, Array], Any]
    shifts: tuple[int, ...]
    parts: int

    def __call__(self, draws: Any, spec: Any, context: Any, policy: Any, state: Any) -> Any:
        """Take the step; see the kernel contract."""
        inner, links = context
        state, observed = self.step(draws, spec, inner, policy, state)
        known = own = self.border(state)
        for shift, send, receive in zip(self.shifts, links.send, links.receive, strict=True):
            to = [(part, (part + shift) % self.parts) for part in range(self.parts)]
            told = lax.ppermute(own.at[send].get(mode="promise_in_bounds"), AXIS, to)
            known = known.at[receive].set(told, mode="drop", unique_indices=False)
        return self.informed(state, known), observed


@dataclass(frozen=True)
class _Prepare:
    prepare: Callable[..., Any]

    def __call__(self, spec: Any, params: Any, policy: Any) -> Any:
        inner, links = params
        return self.prepare(spec, inner, policy), links


@dataclass(frozen=True)
class _Init:
    init: Callable[..., Any]

    def __call__(self, key: Any, spec: Any, context: Any) -> Any:
        return self.init(key, spec, context[0])


def exchanging(parts: Parts, count: int) -> tuple[Kernel, Any]:
    """Return the kernel that steps one part and exchanges its border, and the parameters of all parts."""
    inner = parts.kernel
    step = Exchanging(inner.step, parts.border, parts.informed, parts.shifts, count)
    kernel = dataclasses.replace(inner, step=step, prepare=_Prepare(inner.prepare), init=_Init(inner.init))
    return kernel, (parts.params, parts.links)
