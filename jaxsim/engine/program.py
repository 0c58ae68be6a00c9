"""What runs on the devices: the kernel, or that of a part of its nodes, with all that is constant."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax

from jaxsim.core.kernel import Kernel
from jaxsim.core.random import Key
from jaxsim.core.validation import choice, require
from jaxsim.engine import batch
from jaxsim.engine.checks import defined
from jaxsim.engine.nodes import exchanging
from jaxsim.engine.plan import Plan, bytes_of, make_plan


def _only(states: Any) -> Any:
    """Return the states of the only part."""
    return jax.tree.map(lambda x: x[0], states)


@dataclass(frozen=True)
class Program:
    """A kernel on devices.

    kernel, context: what steps and what is constant (of all parts, where there are several).
    policy, root: as for `simulate`. devices: all; parts: how many of them share a replication's nodes.
    joined: from states of all parts, along a leading axis, to states of the whole.
    memory: bytes over all devices. lanes: replications side by side, None for the plan to choose.
    """

    kernel: Kernel
    context: Any
    policy: Any
    root: Key
    devices: tuple[Any, ...]
    parts: int
    joined: Callable[[Any], Any]
    memory: int
    lanes: int | None

    def plan(self, replications: int) -> Plan:
        """Cut so many replications into lanes, chunks and batches."""
        shape = batch.first_path.eval_shape(self.kernel, self.policy, self.context, self.root, self.parts)
        each = bytes_of(shape) // self.parts
        plan = make_plan(replications, each, self.devices, self.memory, self.parts)
        if self.lanes is None:
            return plan
        groups = len(self.devices) // self.parts
        return replace(
            plan, chunks=1, lanes=self.lanes, batches=math.ceil(replications / self.lanes / groups)
        )


def program(
    kernel: Kernel, policy: Any, params: Any, root: Key, split: str, devices: tuple[Any, ...],
    memory: int, lanes: int | None,
) -> Program:  # fmt: skip
    """Return the program of a system; ``split`` says what the devices share.

    Raises:
        InvalidInput: if the kernel's nodes cannot be cut, its counts need more than 32 bits, or what is
            constant along a path is not a number.
    """
    parts, joined, given = 1, _only, params
    if choice("split", split, ("replications", "nodes")) == "nodes" and len(devices) > 1:
        parts, remedy = len(devices), "split the replications"
        require(kernel.cut is not None, "split", split, "is not offered by this kernel", remedy)
        assert kernel.cut is not None
        cut = kernel.cut(kernel.spec, params, policy, parts)
        (kernel, given), joined = exchanging(cut, parts), cut.whole
    narrow = kernel.largest_count < 2**31
    problem, remedy = "in one step are more than 32 bits can count", "make the system smaller"
    require(narrow, "spec", f"{kernel.largest_count} of an observable", problem, remedy)
    context = batch.prepare(kernel, given, policy, parts)
    defined("context", context)
    return Program(kernel, context, policy, root, devices, parts, joined, memory, lanes)
