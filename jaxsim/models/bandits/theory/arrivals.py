"""Arm-acquiring bandits: the index with i.i.d. arrivals, values, and the nested leases of a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxsim.core import validation
from jaxsim.core.types import Bool, Float, Int
from jaxsim.models.bandits.theory.inputs import Numbers, arm, discount_factor

_NEWTON_STEPS = 200


@dataclass(frozen=True)
class Arrivals:
    """What arrives in each step: outcome o has probability p_o and brings counts[o, k] arms in state k."""

    probabilities: np.ndarray
    counts: np.ndarray

    @staticmethod
    def of(probabilities: Numbers, counts: Numbers, states: int) -> Arrivals:
        """Validate outcomes; the probability missing to 1 is that of no arrival."""
        p = np.atleast_1d(validation.probability("probabilities", probabilities))
        c = np.atleast_2d(validation.non_negative("counts", counts))
        whole = c.shape == (len(p), states) and bool(np.all(c == np.round(c)))
        validation.require(
            whole, "counts", c, f"are not {len(p)} rows of {states} whole numbers", "list arms per state"
        )
        rest = 1 - float(p.sum())
        validation.require(
            rest > -1e-12, "probabilities", p, "add up to more than 1", "make them a distribution"
        )
        return Arrivals(np.append(p, max(rest, 0.0)), np.vstack([c, np.zeros(states)]))

    def transform(self, phi: np.ndarray) -> tuple[float, np.ndarray]:
        """Return G(phi) = E prod_k phi_k^{arrivals in k} and its gradient."""
        powers = phi**self.counts
        each = self.probabilities * powers.prod(axis=1)
        safe = np.where(phi > 0, phi, 1)
        gradient = (each[:, None] * self.counts / safe).sum(0)
        for k in np.flatnonzero(phi == 0):  # only outcomes with exactly one arrival there count
            others = np.delete(powers, k, axis=1).prod(axis=1)
            gradient[k] = float(np.sum(self.probabilities * (self.counts[:, k] == 1) * others))
        return float(each.sum()), gradient


class ArrivalIndex(NamedTuple):
    """Index with arrivals of each state, and E beta^tau per charge: rows of ``phi`` below each index."""

    indices: Float[np.ndarray, " states"]
    order: Int[np.ndarray, " states"]
    phi: Float[np.ndarray, "states states"]


def busy_transform(
    move: np.ndarray, beta: float, arrivals: Arrivals, inside: Bool[np.ndarray, " states"]
) -> np.ndarray:
    """E_j beta^tau, tau the time until one arm in j, and all that arrive meanwhile, are out of the set.

        phi_j = beta (sum_k P_jk phi_k) G(phi) for j inside,   phi_j = 1 outside,

    a branching process: each step the played arm moves and new arms come. The smallest solution, by Newton's
    method from 0, which rises to it. Raises ArithmeticError if it does not converge.
    """
    chosen = np.flatnonzero(inside)
    phi = np.where(inside, 0.0, 1.0)
    for _ in range(_NEWTON_STEPS):
        total, gradient = arrivals.transform(phi)
        ahead = move[chosen] @ phi
        gap = beta * ahead * total - phi[chosen]
        slope = beta * (move[np.ix_(chosen, chosen)] * total + ahead[:, None] * gradient[chosen])
        change = np.linalg.solve(np.eye(len(chosen)) - slope, gap)
        phi[chosen] += change
        if np.max(np.abs(change), initial=0.0) < 1e-13:
            return phi  # the convergence is quadratic: nothing but rounding is left
    raise ArithmeticError("the transform of the busy period did not converge")


def arrival_index(
    rewards: Numbers, transitions: Numbers, discount: Numbers, probabilities: Numbers, counts: Numbers
) -> ArrivalIndex:
    """Index of every state of an arm-acquiring bandit with i.i.d. arrivals.

        nu(i) = max over policies pi and stopping times tau of
                E sum_{s < tau} beta^s X^pi(s) / E sum_{s < tau} beta^s,   one arm in i at first,

    where pi may also serve arms that arrive meanwhile. It can order the states differently from the index
    without arrivals. Computed from the highest state down: below charge c the states C with an index above c
    are served until none is left, and the value with a pension c per step is

        V(c) = (1/(1-beta)) [ L - int_c^L prod_n phi_{i_n}(u) du ],   phi = `busy_transform` of C;

    the next index is the largest c at which one play of i and then V pays as much as retiring.

    rewards (n,), transitions (n, n): the arm's chain, all classes together; discount in [0, 1); arrivals:
    outcome o has probability p_o and brings counts[o, k] arms in state k (none with the remaining
    probability). The pipe idles by serving an arm in an absorbing state without reward.
    Raises `InvalidInput` for bad arms or arrivals. With no arrivals it is the Gittins index.
    Source: Ishikida (1992), equation (6.32); Whittle (1981), Arm-acquiring bandits.
    """
    reward, move = arm(rewards, transitions)
    beta, n = discount_factor(discount), len(np.atleast_1d(reward))
    arriving = Arrivals.of(probabilities, counts, n)
    level = float(reward.max())
    after = np.full(n, level / (1 - beta))  # E V(arms after one play of i) at the present level
    indices, order, phis = np.empty(n), [], []
    inside, phi = np.zeros(n, bool), np.ones(n)
    for _ in range(n):
        shortfall = level / (1 - beta) - reward - beta * after
        product = (move @ phi) * arriving.transform(phi)[0]
        drop = np.maximum(shortfall, 0) * (1 - beta) / (1 - beta * product)
        k = int(np.argmin(np.where(inside, np.inf, drop)))
        after -= drop[k] * product / (1 - beta)
        level -= float(drop[k])
        indices[k] = level
        order.append(k)
        inside[k] = True
        phi = busy_transform(move, beta, arriving, inside)
        phis.append(phi)
    return ArrivalIndex(indices, np.array(order), np.array(phis))


def arrival_value(found: ArrivalIndex, discount: Numbers, start: Sequence[Any]) -> float:
    """Optimal value of a system that starts with arms in the given states and then acquires arrivals.

        V = (1/(1-beta)) [ L - int_l^L prod_n phi_{i_n}(c) dc ],   l the smallest index of all states.

    Below l everything is served, and the product of the last phi counts how surely that ends: where it never
    does (an absorbing state among the arms) nothing is added. Source: Whittle (1981).
    """
    beta = discount_factor(discount)
    levels = found.indices[found.order]
    product = found.phi[:, list(start)].prod(axis=1)
    ends = float(product[-1])
    validation.require(
        ends < 1e-12, "start", list(start), "can leave the pipe without any arm",
        "include an absorbing state without reward, on which the pipe idles",
    )  # fmt: skip
    return float((levels[0] - product[:-1] @ -np.diff(levels)) / (1 - beta))


class Lease(NamedTuple):
    """A lease of the pipe: who holds it from when to when, at what rent, and from how deep a sublet."""

    holder: int
    first: int
    last: int
    rent: float
    depth: int


def leases(winners: Sequence[int], bids: Sequence[float], arrived: Sequence[int]) -> list[Lease]:
    """Read the nested auctions off a path of the index rule with arrivals.

    At time t (from 0) user winners[t], who arrived at time arrived[user] (eligible from that time on), had
    the largest index bids[t]. A lease lasts while the largest index in the system exceeds its rent; meanwhile
    the holder uses the pipe herself or sublets it, and only to users who arrived after she won (Theorem
    6.5.2): anybody else who plays inside a lease is refused with a ValueError.
    Source: Ishikida (1992), section 6.5.2.
    """
    open_leases: list[Lease] = []
    closed: list[Lease] = []
    for t, (user, bid) in enumerate(zip(winners, bids, strict=True)):
        while open_leases and bid <= open_leases[-1].rent:
            closed.append(open_leases.pop()._replace(last=t - 1))
        if open_leases and user != open_leases[-1].holder and arrived[user] <= open_leases[-1].first:
            raise ValueError(f"user {user} plays at {t} inside a lease won at {open_leases[-1].first}")
        if not open_leases or user != open_leases[-1].holder:
            open_leases.append(Lease(int(user), t, t, float(bid), len(open_leases)))
    end = len(winners) - 1
    closed += [lease._replace(last=end) for lease in open_leases]
    return sorted(closed, key=lambda lease: (lease.first, lease.depth))
