"""Exact dynamic program of a small arm-acquiring bandit, with certain two-sided bounds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxsim.core import validation
from jaxsim.core.types import Float
from jaxsim.models.bandits.theory.arrivals import Arrivals
from jaxsim.models.bandits.theory.inputs import Numbers, arm, discount_factor

_SWEEPS = 20_000


class ExactArrivals(NamedTuple):
    """Bounds of the value of playing each state first (NaN where no arm is in it): lower, upper."""

    lower: Float[np.ndarray, " states"]
    upper: Float[np.ndarray, " states"]


def exact_arrivals(
    rewards: Numbers, transitions: Numbers, discount: Numbers, probabilities: Numbers, counts: Numbers,
    *, start: Sequence[Any], most: int = 8, priority: Sequence[int] | None = None,
    pension: float | None = None,
) -> ExactArrivals:  # fmt: skip
    """Value of each first play in a system that acquires arms, by value iteration over the numbers of arms.

    The state counts the arms in each chain state, at most ``most`` of them (absorbing states without reward
    are one idle arm, always there, not counted). Where more would be present the arrivals of that step are
    turned away for the lower bound, a policy that ignores them; for the upper bound the largest reward is
    earned for ever. So lower <= true value <= upper whatever ``most`` is.

    ``priority``: evaluate this list of states, served highest first, instead of the optimum. ``pension``: one
    may retire after any play, for ever, on this reward per step (section 6.5.1).
    start: the states of the arms that are present at first. Other arguments as `arrival_index`.
    """
    reward, move = arm(rewards, transitions)
    beta, n = discount_factor(discount), len(np.atleast_1d(reward))
    arriving = Arrivals.of(probabilities, counts, n)
    idle = (np.diag(move) == 1) & (reward == 0)
    validation.require(
        bool(idle.any()), "transitions", "no idle state", "has no absorbing state without reward", "add one"
    )
    live = np.flatnonzero(~idle)
    vectors = [v for v in itertools.product(range(most + 1), repeat=len(live)) if sum(v) <= most]
    number = {v: i for i, v in enumerate(vectors)}
    plays = _Plays(reward, move, beta, arriving, live, vectors, number, most)
    allowed = plays.allowed(priority)
    present = tuple(int(np.sum(np.asarray(start) == k)) for k in live)
    validation.require(present in number, "start", list(start), f"holds more than {most} arms", "raise most")
    retired = -np.inf if pension is None else float(pension) / (1 - beta)
    bounds = [plays.first_play(number[present], allowed, retired, optimist) for optimist in (False, True)]
    return ExactArrivals(*bounds)


class _Plays:
    """Transition tables of every play in every vector of numbers of arms."""

    def __init__(
        self, reward: np.ndarray, move: np.ndarray, beta: float, arriving: Arrivals, live: np.ndarray,
        vectors: list[tuple[int, ...]], number: dict[tuple[int, ...], int], most: int,
    ):  # fmt: skip
        """Enumerate, for every play, the next vector, whether arrivals were turned away, and the chance."""
        self.n, self.beta = len(reward), beta
        self.vectors = np.array(vectors).reshape(len(vectors), -1)
        idle = int(np.flatnonzero(~np.isin(np.arange(self.n), live))[0])
        self.states = [*live.tolist(), idle]
        size = len(vectors)
        self.ready = np.column_stack([self.vectors > 0, np.ones(size, bool)])
        self.reward = reward[self.states]
        place = {s: i for i, s in enumerate(live.tolist())}
        following, full_up, chances = [], [], []
        for s in self.states:
            for k, o in itertools.product(range(self.n), range(len(arriving.probabilities))):
                chance = move[s, k] * arriving.probabilities[o]
                moved = self.vectors.copy()
                if s in place:
                    moved[:, place[s]] -= 1
                if k in place:
                    moved[:, place[k]] += 1
                more = moved + arriving.counts[o, live].astype(int)
                full = more.sum(1) > most
                target = np.where(full[:, None], moved, more)
                ok = (target >= 0).all(1) & (target.sum(1) <= most)
                following.append(
                    [number[tuple(v)] if good else 0 for v, good in zip(target, ok, strict=True)]
                )
                full_up.append(full)
                chances.append(chance)
        per = self.n * len(arriving.probabilities)
        shape = len(self.states), per
        self.next = np.array(following).reshape(*shape, size)
        self.full = np.array(full_up).reshape(*shape, size)
        self.chance = np.array(chances).reshape(shape)

    def allowed(self, priority: Sequence[int] | None) -> np.ndarray:
        """Return which plays may be chosen per vector: all that are ready, or the first of a list."""
        if priority is None:
            return self.ready
        rank = np.array([list(priority).index(s) for s in self.states])
        ranked = np.where(self.ready, rank, self.n + 1)
        return ranked == ranked.min(axis=1, keepdims=True)

    def values(self, value: np.ndarray, top: float, optimist: bool) -> np.ndarray:
        """Value of every play in every vector, given the values of the vectors."""
        ahead = value[self.next]
        if optimist:
            ahead = np.where(self.full, top, ahead)
        return self.reward[:, None] + self.beta * np.einsum("ao,aov->av", self.chance, ahead)

    def first_play(self, at: int, allowed: np.ndarray, retired: float, optimist: bool) -> np.ndarray:
        """Value of each first play from one vector, then as allowed or retired; NaN where it is not ready."""
        top = max(float(self.reward.max()) / (1 - self.beta), 0.0, retired)
        bottom = min(float(self.reward.min()), 0.0) / (1 - self.beta)
        value = np.full(len(self.vectors), top if optimist else bottom)
        for _ in range(_SWEEPS):
            better = np.where(allowed.T, self.values(value, top, optimist), -np.inf).max(0)
            better = np.maximum(better, retired)
            change = np.max(np.abs(better - value))
            value = better
            if change < 1e-13 * (1 + top):
                break
        else:
            raise ArithmeticError("value iteration did not converge: lower the discount")
        first = self.values(value, top, optimist)[:, at]
        out = np.full(self.n, np.nan)
        out[self.states] = np.where(self.ready[at], first, np.nan)
        return out
