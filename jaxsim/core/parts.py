"""One replication that is cut into parts: each device steps its own nodes and copies of those next to them.

A kernel that offers it (`Kernel.cut`) returns `Parts`: a kernel that steps one part as if it were alone, the
parameters of all parts, and who must tell whom what after a step. Nothing else passes between devices, so the
messages of a step are as long as the border of a part, whatever the number of nodes. Totals of all parts
add up to those of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Int

if TYPE_CHECKING:
    from jaxsim.core.kernel import Kernel


@pytree
class Links:
    """Who tells whom: part p sends to part p + shift, modulo the number of parts, for each of the shifts.

    send: for each shift, places in the sender. receive: places in the receiver, in the same order; one past
    the end where there is nothing more to send (all parts send equally much). A leading axis holds the parts.
    """

    send: tuple[Int[Array, "*parts sent"], ...]
    receive: tuple[Int[Array, "*parts sent"], ...]


@dataclass(frozen=True)
class Parts:
    """A replication in parts.

    kernel: steps one part; its observables count the part's own nodes only, its ``draw`` is not used (random
        words belong to nodes of the whole).
    params: parameters with a leading axis of parts. shifts, links: see `Links`.
    border: from a state to the array, one entry per node, that neighbours must know.
    informed: from a state and that array, with the copies brought up to date, to the state.
    whole: from states with a leading axis of parts to the state of the uncut system.
    """

    kernel: Kernel
    params: Any
    shifts: tuple[int, ...]
    links: Links
    border: Callable[[Any], Array]
    informed: Callable[[Any, Array], Any]
    whole: Callable[[Any], Any]
