"""Policies: where schedulers send the packets of an epoch, given what they see at its start.

A policy is a pytree. Called with random words and an `Observation` it returns an action, of a kind that the
policy chooses; the kernel turns actions into arrival rates.

- `Slots`: how many L-ths of its packets each node puts into each slot (slot 0 is its own queue, slot k its
  k-th neighbour); L is the policy's ``denominator``. A target for the whole epoch puts all L into one slot.
- `Offload`: the probability with which each packet goes to a uniformly chosen neighbour.
- `Fixed`: nothing to decide; arrival rates are constants of the graph.

A policy says how many random ``bits`` a scheduler reads in an epoch (0, 16 or 32): no others are drawn.
``reading`` says what is drawn: ``"packet"``, every packet by itself, or ``"epoch"``, one action for all
packets of the epoch.

Source: Tahir, Cui, Koeppl (2023), section 2.2.
"""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Bool, Float, Int, UInt
from jaxsim.core.validation import choice, probability, require
from jaxsim.models.balancing.actions import Fixed, Observation, Offload, OwnState, Slots, one_of
from jaxsim.models.balancing.model import Spec

Reading = Literal["packet", "epoch"]


def _offloaded(away: Bool[Array, " nodes"], seen: Observation, units: int) -> Slots | Offload:
    """Return all packets to the own queue or, where ``away``, evenly to the neighbours."""
    if units * (len(seen.queues)) >= 1 << 16:
        return Offload(away.astype(jnp.float32))
    whole, none = np.uint16(units), np.uint16(0)
    share = jnp.where(away, whole // seen.degrees.astype(jnp.uint16), none)
    others = [share if o is True else jnp.where(o, share, none) for o in seen.open[1:]]
    return Slots((jnp.where(away, none, whole), *others))


def _split(members: tuple[Bool[Array, " nodes"], ...], units: int) -> tuple[Array, ...]:
    """Return equal parts for the members, in whole units (as shares where those need more than 16 bits)."""
    kind = jnp.uint16 if units * len(members) < 1 << 16 else jnp.float32
    count = sum(m.astype(jnp.uint8) for m in members)
    # A choice among the few quotients: whole numbers are not divided in vectors.
    part = jnp.full(members[0].shape, units if kind == jnp.uint16 else 1.0, kind)
    for c in range(2, len(members) + 1):
        part = jnp.where(count == c, jnp.asarray(units // c if kind == jnp.uint16 else 1.0 / c, kind), part)
    return tuple(jnp.where(m, part, jnp.zeros((), kind)) for m in members)


def _lcm_up_to(width: int) -> int:
    return math.lcm(*range(1, width + 2))


@pytree
class Own:
    """Send every packet to the own queue."""

    @property
    def bits(self) -> int:
        """Nothing is drawn."""
        return 0

    def denominator(self, spec: Spec) -> int | None:
        """No unit: rates are constants."""
        return None

    def __call__(self, words: UInt[Array, " words"], observation: Observation) -> Fixed:
        """Return the constant allocation."""
        return Fixed(uniform=False)


@pytree
class Random:
    """Send packets to a uniformly chosen queue of the closed neighbourhood.

    reading ``"packet"`` (default): every packet by itself, so that on a regular graph every queue is as under
    the own-queue policy. ``"epoch"``: one queue for all packets of the epoch.
    """

    reading: Reading = static("packet")

    @property
    def bits(self) -> int:
        """16 for a target, none when every packet chooses by itself."""
        return 16 if self.reading == "epoch" else 0

    def denominator(self, spec: Spec) -> int | None:
        """One unit for a target of the epoch; on random graphs lcm(d + 1 over the degrees d), to be split."""
        if self.reading == "epoch":
            return 1
        return spec.fair_units

    def __call__(self, words: UInt[Array, " words"], observation: Observation) -> Fixed | Slots:
        """Return the constant allocation, or (random graphs) even parts, or a random target for each node."""
        shape = observation.queues[0].shape
        units = observation.fair_units
        if self.reading == "packet" and units is None:
            return Fixed(uniform=True)
        members = tuple(jnp.broadcast_to(jnp.asarray(o), shape) for o in observation.open)
        if self.reading == "epoch":
            return Slots(one_of(members, words))
        return Slots(_split(members, units or 1))


@pytree
class JSQ:
    """Join the shortest queue of the closed neighbourhood, as seen at the start of the epoch.

    reading ``"epoch"`` (default): ties are broken once, at random, for the whole epoch. ``"packet"``: every
    packet breaks ties by itself, so that tied queues share the packets evenly.
    """

    reading: Reading = static("epoch")

    @property
    def bits(self) -> int:
        """16 to break ties once, none when ties are split."""
        return 16 if self.reading == "epoch" else 0

    def denominator(self, spec: Spec) -> int | None:
        """One unit for a target; lcm(1, .., d + 1) units when ties share."""
        return 1 if self.reading == "epoch" else _lcm_up_to(spec.width)

    def __call__(self, words: UInt[Array, " words"], observation: Observation) -> Slots:
        """Return the target of each node, or equal shares of the tied queues."""
        queues, exists = observation.queues, observation.open
        seen = [
            q if o is True else jnp.where(o, q, np.uint8(255)) for q, o in zip(queues, exists, strict=True)
        ]
        least = seen[0]
        for q in seen[1:]:
            least = jnp.minimum(least, q)
        members = tuple(q == least for q in seen)
        if self.reading == "epoch":
            return Slots(one_of(members, words))
        return Slots(_split(members, _lcm_up_to(len(queues) - 1)))


@pytree
class Table:
    """Offload by own state: probability ``table[z]`` (or ``table[regime, z]``) of sending to a neighbour.

    reading ``"packet"`` (default): every packet by itself. ``"epoch"``: one Bernoulli choice for the epoch
    between the own queue and the neighbours; the packets then still go to a random neighbour each.
    """

    table: Float[Array, "*regimes states"]
    reading: Reading = static("packet")

    @property
    def bits(self) -> int:
        """32 for an action of the epoch, none when every packet chooses by itself."""
        return 32 if self.reading == "epoch" else 0

    def denominator(self, spec: Spec) -> int | None:
        """The least common multiple of the degrees, for the epoch reading."""
        return None if self.reading == "packet" else math.lcm(*spec.degrees)

    def __call__(self, words: UInt[Array, " words"], observation: Observation) -> OwnState | Slots | Offload:
        """Return the table, or the drawn actions as units."""
        if self.reading == "packet":
            return OwnState(jnp.atleast_2d(self.table))
        away = self.away(words, observation.queues[0], observation.regime)
        return _offloaded(away, observation, observation.units)

    def away(
        self, words: UInt[Array, " nodes"], queues: UInt[Array, " nodes"], regime: Int[Array, ""]
    ) -> Bool[Array, " nodes"]:
        """Return whether each node offloads all packets of the epoch."""
        rows = jnp.atleast_2d(self.table)
        row = rows[jnp.minimum(regime, rows.shape[0] - 1)]
        u = (words >> np.uint32(8)).astype(jnp.float32) * np.float32(2.0**-24)
        return u < row.at[queues.astype(jnp.int32)].get(mode="promise_in_bounds")


def own(system: System) -> Own:
    """Own queue only."""
    return Own()


def random(system: System, *, reading: Any = "packet") -> Random:
    """Uniform routing; ``reading`` is ``packet`` (default) or ``epoch``."""
    return Random(reading_of(reading))


def jsq(system: System, *, reading: Any = "epoch") -> JSQ:
    """Join the shortest queue; ``reading`` is ``epoch`` (default) or ``packet`` (ties split)."""
    return JSQ(reading_of(reading))


def table(system: System, *, zeta: Any = None, reading: Any = "packet") -> Table:
    """Offload by own state: ``zeta`` holds one probability per state 0 .. buffer, or one such row per regime.

    Its default is z / buffer; ``reading`` is ``packet`` (default) or ``epoch``.

    Raises:
        InvalidInput: if an entry is no probability or the number of entries is not buffer + 1.
    """
    spec = cast(Spec, system.kernel.spec)
    zeta = np.linspace(0.0, 1.0, spec.states) if zeta is None else zeta
    rows = np.atleast_2d(probability("zeta", zeta))
    fits = rows.ndim == 2 and rows.shape[1] == spec.states and rows.shape[0] in (1, spec.regimes)
    remedy = (
        f"give {spec.states} probabilities, one per state 0 .. {spec.states - 1}, or such a row per regime"
    )
    require(fits, "zeta", zeta, f"has shape {rows.shape}", remedy)
    return Table(jnp.asarray(rows, jnp.float32), reading_of(reading))


def reading_of(value: Any) -> Reading:
    """Return ``packet`` or ``epoch``, or refuse."""
    return "epoch" if choice("reading", value, ("packet", "epoch")) == "epoch" else "packet"
