"""A descent under way: many lanes in step, piece by piece, with the trace so far and its checkpoints."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.learning.constraints import Constraint
from jaxsim.learning.descend import Make, descend
from jaxsim.results.checkpoint import Saved, Store

PIECES = 10
"""Parts that a descent is cut into: between them it reports, saves and may stop."""


class Descent:
    """A descent under way: what its next step needs, and the trace so far (arrays of lanes x steps)."""

    def __init__(
        self,
        make: Make,
        constraint: Constraint,
        optimizer: Any,
        gradient: Any,
        roots: Any,
        cases: Any,
        steps: int,
    ):
        """Hold what stays the same along the steps."""
        self.fixed = (make, constraint, optimizer, gradient, roots, cases)
        self.roots, self.cases, self.steps = roots, cases, steps
        self.done, self.stopped = 0, False
        self.carry: Any = None
        self.trace: dict[str, Any] = {}

    def begin(self, free: Any, saved: Saved | None) -> None:
        """Start at the free numbers, or go on from a checkpoint."""
        states = jax.vmap(self.fixed[2].init)(free)
        self.carry = (free, states)
        lanes = jax.tree.leaves(free)[0].shape[0]

        def room(leaf: Any) -> np.ndarray:
            return np.zeros((lanes, self.steps, *leaf.shape[1:]), leaf.dtype)

        many = jax.tree.map(room, free)
        each = np.zeros((lanes, self.steps), jnp.result_type(float))
        self.trace = {
            "value": each,
            "error": each.copy(),
            "slope": many,
            "points": jax.tree.map(np.copy, many),
        }
        self.trace["slope_error"] = jax.tree.map(np.copy, many)
        if saved is not None:
            self.carry, self.trace = saved.tree((self.carry, self.trace))
            self.done, self.stopped = saved.notes["done"], saved.notes["stopped"]
            self.trace = jax.tree.map(np.array, self.trace)  # writable

    def advance(self) -> None:
        """Take a tenth of the steps."""
        length = min(max(1, self.steps // PIECES), self.steps - self.done)
        self.carry, (found, points) = descend(*self.fixed, self.carry, jnp.int32(self.done), length)
        new = {"value": found.value, "error": found.value_error, "slope": found.gradient, "points": points}
        new["slope_error"] = found.gradient_error
        here = slice(self.done, self.done + length)

        def put(old: np.ndarray, part: Any) -> None:
            old[:, here] = np.asarray(part)

        jax.tree.map(put, {k: self.trace[k] for k in new}, new)
        self.done += length

    def offer(self, store: Store) -> None:
        """Save if it is time to."""
        notes = {"done": self.done, "stopped": self.stopped}
        store.offer(lambda: ((self.carry, self.trace), notes))

    def lane(self, name: str, number: int) -> Any:
        """Return a part of the trace of one lane, over the steps taken."""
        return jax.tree.map(lambda x: x[number, : self.done], self.trace[name])
