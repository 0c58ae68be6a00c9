"""Policies that compare queues: power of d choices, and shortest expected delay for unequal servers.

Source: Mitzenmacher (2001); Selen, Adan, Kapodistria, van Leeuwaarden (2016); Tahir, Cui, Koeppl (2023),
section 3 ("Heterogenous servers").
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from jaxsim.core.kernel import System
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Num, UInt
from jaxsim.core.validation import integer
from jaxsim.models.balancing.actions import Observation, Slots, from_shares, one_of
from jaxsim.models.balancing.model import Spec
from jaxsim.models.balancing.policies import Reading, reading_of


@pytree
class PowerOfD:
    """Draw ``choices`` queues of the closed neighbourhood without replacement and join the shortest of them.

    With n queues, of which a are strictly longer than a given one and t are as long (itself included), that
    one is joined with probability [C(a+t, d) - C(a, d)] / (t C(n, d)). Fewer than d queues: all are drawn.

    reading ``"epoch"``: drawn once for all packets of the epoch; ``"packet"`` (default): by every packet.
    """

    choices: int = static(2)
    reading: Reading = static("packet")

    @property
    def bits(self) -> int:
        """32 for a target, none when every packet draws by itself."""
        return 32 if self.reading == "epoch" else 0

    def denominator(self, spec: Spec) -> int | None:
        """One unit for a target; shares are real numbers otherwise."""
        return 1 if self.reading == "epoch" else None

    def shares(self, observation: Observation) -> tuple[Array, ...]:
        """Return the probability of joining each slot."""
        shape = observation.queues[0].shape
        there = [jnp.broadcast_to(jnp.asarray(o), shape) for o in observation.open]
        count = jnp.asarray(sum(o.astype(jnp.float32) for o in there))
        drawn = jnp.minimum(jnp.float32(self.choices), count)
        ways = _choose(count, drawn, self.choices)
        out = []
        for q, here in zip(observation.queues, there, strict=True):
            longer = sum((p > q) & o for p, o in zip(observation.queues, there, strict=True))
            tied = sum((p == q) & o for p, o in zip(observation.queues, there, strict=True))
            a, t = jnp.asarray(longer, jnp.float32), jnp.maximum(jnp.asarray(tied, jnp.float32), 1.0)
            chance = _choose(a + t, drawn, self.choices) - _choose(a, drawn, self.choices)
            out.append(jnp.where(here, chance / (t * ways), 0.0))
        return tuple(out)

    def __call__(self, words: UInt[Array, " words"], observation: Observation) -> Slots:
        """Return the shares, or one target for each node."""
        shares = self.shares(observation)
        return Slots(shares if self.reading == "packet" else from_shares(shares, words))


def _choose(n: Num[Array, "*n"], drawn: Num[Array, "*n"], most: int) -> Num[Array, "*n"]:
    """Return C(n, drawn) for drawn <= most, as a product of drawn factors; 0 where n < drawn."""
    product = jnp.ones_like(n)
    for i in range(most):
        product = jnp.where(i < drawn, product * jnp.maximum(n - i, 0.0) / (i + 1.0), product)
    return product


@pytree
class SED:
    """Join the queue of the closed neighbourhood with the shortest expected delay (z + 1) / mu.

    With equal servers this is join the shortest queue. reading ``"epoch"`` (default): ties are broken once
    for the epoch; ``"packet"``: tied queues share the packets evenly.
    """

    reading: Reading = static("epoch")

    @property
    def bits(self) -> int:
        """16 to break ties once, none when ties are split."""
        return 16 if self.reading == "epoch" else 0

    def denominator(self, spec: Spec) -> int | None:
        """One unit for a target; lcm(1, .., d + 1) units when ties share."""
        return 1 if self.reading == "epoch" else math.lcm(*range(1, spec.width + 2))

    def __call__(self, words: UInt[Array, " words"], observation: Observation) -> Slots:
        """Return the target of each node, or equal shares of the tied queues."""
        speeds = observation.speeds or (1.0,) * len(observation.queues)
        delays = [
            jnp.where(o, (q.astype(jnp.float32) + 1.0) / s, jnp.inf)
            for q, s, o in zip(observation.queues, speeds, observation.open, strict=True)
        ]
        least = delays[0]
        for delay in delays[1:]:
            least = jnp.minimum(least, delay)
        members = tuple(delay == least for delay in delays)
        if self.reading == "epoch":
            return Slots(one_of(members, words))
        count = sum(m.astype(jnp.float32) for m in members)
        return Slots(tuple(jnp.where(m, 1.0 / count, 0.0) for m in members))


def power_of_d(system: System, *, choices: Any = 2, reading: Any = "packet") -> PowerOfD:
    """The shortest of ``choices`` (default 2) random queues; ``reading``: ``packet`` (default), ``epoch``."""
    return PowerOfD(integer("choices", choices, low=1, high=64), reading_of(reading))


def sed(system: System, *, reading: Any = "epoch") -> SED:
    """Shortest expected delay; ``reading`` is ``epoch`` (default) or ``packet`` (ties split)."""
    return SED(reading_of(reading))
