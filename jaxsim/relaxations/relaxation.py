"""One relaxation for a whole path: a kind and a temperature, from which gates and choices are made."""

from __future__ import annotations

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float
from jaxsim.relaxations.gates import Gate, Kind
from jaxsim.relaxations.gumbel import Choice


@pytree
class Relaxation:
    """What stands for every comparison and every random choice of a path.

    temperature: > 0, traced. kind: ``hard``, ``soft`` or ``straight_through``, static.
    """

    temperature: Float[Array, ""] | float = 1.0
    kind: Kind = static("hard")

    @property
    def gate(self) -> Gate:
        """The indicator of a positive number."""
        return Gate(self.temperature, self.kind)

    @property
    def choice(self) -> Choice:
        """The categorical choice by logits and words."""
        return Choice(self.temperature, self.kind)
