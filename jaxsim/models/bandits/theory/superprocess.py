"""Superprocesses: which reward process dominates, how to select, and what to do where none dominates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxsim.core import validation
from jaxsim.core.precision import float64
from jaxsim.core.types import Float, Int
from jaxsim.models.bandits.theory.dynamic import Joint, iterate
from jaxsim.models.bandits.theory.inputs import Numbers, arm, discount_factor
from jaxsim.models.bandits.theory.joint import joint_value, retirement_of

Process = tuple[Numbers, Numbers, int]
"""A reward process: rewards, transitions and the state it starts in."""

_LARGEST = 100_000


class Domination(NamedTuple):
    """Whether X dominates Y; if not, a pension at which Y is worth more, and by how much at the worst."""

    dominates: bool
    pension: float
    margin: float


class Selection(NamedTuple):
    """The chosen process of each superprocess, the joint value, and whether domination decided it."""

    chosen: tuple[int, ...]
    value: float
    dominant: tuple[int | None, ...]
    statement: str


@float64
def pension_value(process: Process, discount: Numbers, pensions: Numbers) -> Float[np.ndarray, "..."]:
    """Value of a process with the option to retire for ever on a pension per step, for each pension a.

        V(a) = E sum_{l >= 0} beta^l max(X-bar(l), a) = (1/(1-beta)) [ max(a, L) - int_a^L E beta^tau(c) dc ]

    nondecreasing, convex and piecewise linear in a with kinks at the indices; L is the largest index, tau(c)
    the first time that the index is at most c. The first reward is discounted by beta^0.
    Source: Ishikida (1992), equation (6.26) and Lemma 6.4.2.
    """
    beta, a = discount_factor(discount), validation.numbers("pensions", pensions)
    charges, factor = retirement_of((process[0], process[1]), beta, process[2])
    # Integral of the step function from each kink up to L
    steps = np.append(factor[1:-1], factor[-1])
    above = np.append(0, np.cumsum(-np.diff(charges) * steps[:-1]))
    k = np.searchsorted(-charges, -a, side="left")  # how many charges are above a
    inside = np.clip(k - 1, 0, None)
    integral = above[inside] + (charges[inside] - a) * np.where(k == len(charges), 0.0, steps[inside])
    value = np.where(k == 0, a, charges[0] - integral)
    return np.asarray(value / (1 - beta))


def dominates(x: Process, y: Process, discount: Numbers, *, tolerance: float = 1e-10) -> Domination:
    """Test whether process X dominates Y: V_X(a) >= V_Y(a) for every pension a.

    Both sides are piecewise linear with kinks at the indices and equal above all of them, and constant below
    all of them: comparing at the kinks and below decides it for every a. The stopping times of the definition
    may be 0 (as printed, tau > 0 in (6.24) contradicts the retirement value): V(a) >= a / (1 - beta).

    Returns a `Domination`; a margin below ``-tolerance`` (times the larger value) counts as a failure.
    Source: Ishikida (1992), equations (6.24) and (6.26), corrected as above.
    """
    beta = discount_factor(discount)
    kinks = np.concatenate([retirement_of((p[0], p[1]), beta, p[2])[0] for p in (x, y)])
    pensions = np.append(kinks, kinks.min() - 1 - np.abs(kinks).max())
    margins = pension_value(x, beta, pensions) - pension_value(y, beta, pensions)
    worst = int(np.argmin(margins))
    scale = 1 + float(np.abs(kinks).max()) / (1 - beta)
    return Domination(
        float(margins[worst]) >= -tolerance * scale, float(pensions[worst]), float(margins[worst])
    )


def dominant_process(superprocess: Sequence[Process], discount: Numbers) -> int | None:
    """Return the first process that dominates all others of its superprocess, or None where none does."""
    for i, candidate in enumerate(superprocess):
        if all(dominates(candidate, other, discount).dominates for other in superprocess):
            return i
    return None


def select(superprocesses: Sequence[Sequence[Process]], discount: Numbers) -> Selection:
    """Select one process from each superprocess so that the joint value is largest.

    Where a superprocess has a dominant process it is chosen, whatever the others are (Theorem 6.4.1). The
    choice among the remaining ones must be made jointly: every combination is valued by Whittle's integral
    and the best is taken; the statement says so.

    Raises `InvalidInput` if more than 100 000 combinations are left.
    Source: Ishikida (1992), section 6.4.1 and Theorem 6.4.1.
    """
    validation.require(
        len(superprocesses) > 0 and all(len(s) > 0 for s in superprocesses), "superprocesses",
        "an empty one", "holds no process", "give at least one process in each",
    )  # fmt: skip
    best = [dominant_process(s, discount) for s in superprocesses]
    options = [range(len(s)) if b is None else (b,) for s, b in zip(superprocesses, best, strict=True)]
    count = int(np.prod([len(o) for o in options], dtype=float))
    validation.require(
        count <= _LARGEST, "superprocesses", f"{count} combinations", "are too many", "list fewer processes"
    )

    def value(chosen: tuple[int, ...]) -> float:
        picked = [s[i] for s, i in zip(superprocesses, chosen, strict=True)]
        return joint_value([(r, p) for r, p, _ in picked], discount, [start for _, _, start in picked])

    values = {chosen: value(chosen) for chosen in itertools.product(*options)}
    chosen = max(values, key=lambda c: values[c])
    open_ones = [i for i, b in enumerate(best) if b is None]
    statement = (
        "every superprocess has a dominant process; it is chosen independently of the others"
        if not open_ones
        else f"no process dominates in superprocess {', '.join(map(str, open_ones))}: "
        f"the best of {count} combinations was found jointly"
    )
    return Selection(chosen, values[chosen], tuple(best), statement)


def local_laws(rewards: Numbers, transitions: Numbers, start: int) -> list[Process]:
    """List the processes of a controlled machine: one per deterministic stationary law.

    rewards (actions, n), transitions (actions, n, n). Laws are in lexicographic order of their actions.
    Raises `InvalidInput` if there are more than 100 000.
    Source: Ishikida (1992), remark after Lemma 6.4.5.
    """
    reward, move = arm(rewards, transitions)
    validation.require(
        reward.ndim == 2,
        "rewards",
        f"shape {reward.shape}",
        "is not (actions, states)",
        "give one row per action",
    )
    actions, n = reward.shape
    validation.require(
        actions**n <= _LARGEST, "rewards", f"{actions**n} laws", "are too many", "use optimal_controlled"
    )
    pick = np.arange(n)
    laws = (np.array(law) for law in itertools.product(range(actions), repeat=n))
    return [(reward[law, pick], move[law, pick], start) for law in laws]


@float64
def optimal_controlled(
    machines: Sequence[tuple[Numbers, Numbers]], discount: Numbers, *, tolerance: float = 1e-12
) -> tuple[Joint, Int[np.ndarray, "plays 2"]]:
    """Exact joint solution for controlled machines: which machine to operate and with which local action.

    Value iteration over the product of the machines' states. Where every machine has a dominant law this is
    the index rule on the dominant laws; where one has none, the local action may have to depend on the
    states of the other machines, and this program is the answer.

    machines: (rewards (actions, n), transitions (actions, n, n)). Returns the `Joint` solution, whose actions
    are rows of the second value: (machine, local action).
    Source: Ishikida (1992), remark after Lemma 6.4.5.
    """
    beta = discount_factor(discount)
    checked = [arm(r, p) for r, p in machines]
    size = int(np.prod([r.shape[-1] for r, _ in checked], dtype=float))
    validation.require(size <= _LARGEST, "machines", f"{size} joint states", "are too many", "use fewer")
    plays = [(m, a) for m, (r, _) in enumerate(checked) for a in range(len(r))]
    chains = tuple((jnp.asarray(checked[m][0][a]), jnp.asarray(checked[m][1][a])) for m, a in plays)
    return iterate(chains, tuple(m for m, _ in plays), beta, tolerance), np.array(plays)
