"""Which corollary covers a state, and, where none does, which of its conditions fails.

The conditions are checked on the data, not assumed. Those on rates, caps and admissible sets are settled once
(`certify`); the sign of the marginal values, on which Corollaries 3.4 and 3.5 depend, is checked in every
sweep (`signs_hold`).

Corrections to the paper: Corollaries 3.4 and 3.5 (and Lemma 3.2) need marginal values >= 0 of the actions in
use, or an idle action of value 0 in every admissible set; ρ acts on the summed speed in 3.4 and on the head
count in 3.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array
from jaxsim.models.actors.assignment import members_of
from jaxsim.models.actors.laws import Additive, HeadCount, PowerSpeed
from jaxsim.models.actors.model import Local, effective


class Verdict(IntEnum):
    """The corollary that covers a state (1 to 5), or the condition that fails (negative)."""

    UNCAPPED = 1  # 3.1, 3.3: as many places as actors that may take them
    NESTED = 2  # 3.2
    CONVEX = 4  # 3.4
    CONCAVE = 5  # 3.5
    NOT_NESTED = -1
    UNEQUAL_SETS_OR_CAPS = -2
    UNEQUAL_SPEEDS = -3
    NEITHER_CONVEX_NOR_CONCAVE = -4
    NOT_MULTIPLICATIVE = -5
    NEGATIVE_VALUE = -6


REASONS = {
    Verdict.NOT_NESTED: "admissible sets are not nested with the faster actors first (Corollary 3.2, 3.5)",
    Verdict.UNEQUAL_SETS_OR_CAPS: "convex rates need equal admissible sets and equal caps (Corollary 3.4)",
    Verdict.UNEQUAL_SPEEDS: "concave rates need actors of equal speed (Corollary 3.5)",
    Verdict.NEITHER_CONVEX_NOR_CONCAVE: "the rate is neither convex nor concave in the head count (3.4, 3.5)",
    Verdict.NOT_MULTIPLICATIVE: "rates are not a speed times a rate (section 4, assumption 1)",
    Verdict.NEGATIVE_VALUE: "an action in use has a negative marginal value and nobody may idle (3.4, 3.5)",
}
"""What to tell the user."""


@dataclass(frozen=True)
class Certificate:
    """Per state: the verdict ``[states]``, and the order ``[states, actors]`` in which actors choose.

    ``by_increment``: the rule is `greedy_by_increment`, else `greedy_by_value`. ``signs``: the rule also
    needs non-negative values of the actions in use, to be checked in every sweep. Where rates are not
    multiplicative the order is that of the declaration.
    """

    verdict: np.ndarray
    order: np.ndarray
    by_increment: bool
    signs: bool

    @property
    def holds(self) -> np.ndarray:
        """States in which the greedy rule is proved optimal (up to the signs)."""
        return self.verdict > 0

    def describe(self) -> dict[str, int]:
        """How many states fall under each corollary or failing condition."""
        return {Verdict(code).name: int(np.sum(self.verdict == code)) for code in np.unique(self.verdict)}


def priority_order(local: Local, *, by_speed: bool) -> np.ndarray:
    """Order in which actors choose: faster first (if asked), then smaller admissible set; unavailable
    last.
    """
    able = effective(local)
    size = able.sum(2)
    speed = np.where(size > 0, np.asarray(local.speeds), -1.0)
    keys = (size, -speed) if by_speed else (size, speed < 0)
    return np.lexsort(keys, axis=1).astype(np.int32)


def _nested(able: np.ndarray, order: np.ndarray) -> np.ndarray:
    """A_1 ⊆ A_2 ⊆ ... over the available actors in the given order: ``[states]``."""
    sorted_sets = np.take_along_axis(able, order[:, :, None], axis=1)
    here = np.any(sorted_sets, axis=2)
    ok = np.ones(len(able), bool)
    for i in range(able.shape[1] - 1):
        inside = ~np.any(sorted_sets[:, i] & ~sorted_sets[:, i + 1], axis=1)
        ok &= inside | ~here[:, i + 1]
    return ok


def _curvature(law: Any, local: Local) -> tuple[np.ndarray, np.ndarray]:
    """Where ρ is convex and where it is concave, ``[states]`` each."""
    if isinstance(law, PowerSpeed):
        power = np.asarray(law.exponent)
        return power >= 1, power <= 1
    bends = np.diff(np.asarray(law.table), n=2, axis=1)
    slack = 1e-12 * np.max(np.asarray(law.table), axis=1, keepdims=True)
    return np.all(bends >= -slack, axis=1), np.all(bends <= slack, axis=1)


def certify(local: Local) -> Certificate:
    """Find for every state the corollary that makes a greedy rule optimal, or the condition that fails."""
    able, law = effective(local), local.law
    if isinstance(law, Additive):
        order = priority_order(local, by_speed=True)
        roomy = np.all(able.sum(1) <= np.asarray(local.caps), axis=1)
        verdict = np.where(_nested(able, order), Verdict.NESTED, Verdict.NOT_NESTED)
        return Certificate(np.where(roomy, Verdict.UNCAPPED, verdict), order, False, False)
    if not isinstance(law, PowerSpeed | HeadCount):
        order = np.tile(np.arange(able.shape[1], dtype=np.int32), (len(able), 1))
        return Certificate(np.full(len(able), Verdict.NOT_MULTIPLICATIVE), order, True, False)
    return _certify_curved(local, able)


def _certify_curved(local: Local, able: np.ndarray) -> Certificate:
    """Corollaries 3.4 and 3.5 for ρ of the summed speed or of the head count."""
    convex, concave = _curvature(local.law, local)
    here, caps = np.any(able, axis=2), np.asarray(local.caps)
    union = np.any(able, axis=1)
    same_sets = np.all((able == union[:, None]) | ~here[:, :, None], axis=(1, 2))
    places = np.minimum(caps, here.sum(1)[:, None])
    even = np.all((places == places.max(1, keepdims=True, initial=0, where=union)) | ~union, axis=1)
    speeds = np.asarray(local.speeds)
    equal = np.ptp(np.where(here, speeds, speeds.max(1, keepdims=True, initial=0, where=here)), axis=1) == 0
    equal = equal | isinstance(local.law, HeadCount)
    nested = _nested(able, priority_order(local, by_speed=False))
    blocks = convex & same_sets & even
    steps = concave & equal & nested
    verdict = np.select(
        [blocks, steps, concave & ~equal, concave, convex],
        [
            Verdict.CONVEX,
            Verdict.CONCAVE,
            Verdict.UNEQUAL_SPEEDS,
            Verdict.NOT_NESTED,
            Verdict.UNEQUAL_SETS_OR_CAPS,
        ],
        Verdict.NEITHER_CONVEX_NOR_CONCAVE,
    )
    # One rule per solver: increments where any state needs them; in convex states they give the same blocks
    # as long as the values are not negative, which is checked.
    by_increment = bool(np.any(verdict == Verdict.CONCAVE))
    fast_first = priority_order(local, by_speed=not isinstance(local.law, HeadCount))
    small_first = priority_order(local, by_speed=False)
    order = np.where((verdict == Verdict.CONCAVE)[:, None], small_first, fast_first)
    return Certificate(verdict, order.astype(np.int32), by_increment, True)


def signs_hold(assignment: Array, values: Array, *, idle: bool) -> Array:
    """No action in use has a negative marginal value, or everybody may idle: ``[...]``.

    Enough for Corollaries 3.4 and 3.5: with negative values raised to 0 the rule is optimal and its own value
    does not change, so it is optimal for the values as they are.
    """
    if idle:
        return jnp.ones(values.shape[1:], bool)
    used = jnp.any(members_of(assignment, values.shape[0], jnp.int32) > 0, axis=0)
    return jnp.all(~used | (values >= 0), axis=0)
