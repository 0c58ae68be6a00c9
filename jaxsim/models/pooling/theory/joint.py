"""The exact joint law of a few servers and their pool: an oracle for everything that the pool does.

The state is (Q_1, S_1, ..., Q_N, S_N, Q_0). With Q_0 <= sum_i (C - S_i) at time 0 this holds for ever
(a request lowers S_i as it raises Q_0; a token is earned only by an offer), so the pool is finite; own queues
are cut off at ``longest_queue``, which they exceed with a probability of order rho^longest_queue. The size is
exponential in N: for N = 1 to 3 and small C.
"""

from __future__ import annotations

import importlib.util
from typing import Any, NamedTuple

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import MissingExtra, integer
from jaxsim.models.pooling.theory.fluid import best_response


class JointLaw(NamedTuple):
    """Long-run averages: own queue of a server, jobs in the pool, requests and offers per server and time.

    success: share of offers that find a job. cut: probability that some own queue is at the cut-off.
    """

    queue: float
    pool: float
    requests: float
    offers: float
    success: float
    cut: float


class _Moves:
    """The transitions of one server under a threshold policy, with their effect on the pool."""

    def __init__(self, arrival: float, phi: float, cap: int, longest: int):
        policy = best_response(arrival, phi)
        self.cap, self.longest, self.phi, self.offer_share = cap, longest, phi, policy.offer
        self.arrival, self.threshold = arrival, policy.threshold

    def of(self, q: int, s: int) -> list[tuple[int, int, int, float]]:
        """Return (new queue, new tokens, effect on pool, rate) of each event."""
        ask = self.arrival * (min(1.0, max(0.0, q + 1 - self.threshold)) if s > 0 else 0.0)
        moves = [(q, s - 1, 1, ask)]
        if q < self.longest:
            moves.append((q + 1, s, 0, self.arrival - ask))
        if q > 0:
            moves.append((q - 1, s, 0, 1.0))
        elif s < self.cap:
            moves += [
                (q, s + 1, -1, self.offer_share * self.phi),
                (q, s, -1, self.offer_share * (1 - self.phi)),
            ]
        return [move for move in moves if move[3] > 0]


def joint_law(
    arrival_rate: Real,
    token_probability: Real,
    token_cap: Whole,
    servers: Whole,
    *,
    longest_queue: Whole = 40,
) -> JointLaw:
    """Return the exact long-run averages of N servers (mu = 1) with the equilibrium policy for w = 0.

    Raises:
        InvalidInput: if a number is out of range. MissingExtra: without scipy.
    """
    if importlib.util.find_spec("scipy") is None:
        raise MissingExtra("the joint law", "scipy", "theory")
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import spsolve

    cap, count = integer("token_cap", token_cap, low=1), integer("servers", servers, low=1, high=4)
    moves = _Moves(
        float(arrival_rate), float(token_probability), cap, integer("longest_queue", longest_queue, low=1)
    )
    start: tuple[Any, ...] = ((0, cap),) * count + (0,)
    number, order, entries = {start: 0}, [start], []
    for state in order:
        *each, pool = state
        for i, (q, s) in enumerate(each):
            for new_q, new_s, effect, rate in moves.of(q, s):
                new = (*each[:i], (new_q, new_s), *each[i + 1 :], max(0, pool + effect))
                if new not in number:
                    number[new] = len(order)
                    order.append(new)
                entries.append((number[new], number[state], rate))
    row, column = np.asarray([entry[:2] for entry in entries]).T
    rate, size = np.asarray([entry[2] for entry in entries]), len(order)
    out = np.bincount(column, rate, size)
    # The balance equation of the first state is replaced by the norm.
    keep, every = row > 0, np.arange(size)
    rows = np.concatenate([row[keep], every[1:], np.zeros(size, int)])
    columns = np.concatenate([column[keep], every[1:], every])
    values = np.concatenate([rate[keep], -out[1:], np.ones(size)])
    matrix = csc_matrix((values, (rows, columns)), shape=(size, size))
    return _averages(np.asarray(spsolve(matrix, np.eye(1, size)[0])), order, moves)


def _averages(pi: np.ndarray, order: list[tuple], moves: _Moves) -> JointLaw:
    count = len(order[0]) - 1
    queue = np.array([sum(q for q, _ in state[:-1]) / count for state in order])
    pool = np.array([state[-1] for state in order])

    def flow(effect: int, weight: np.ndarray) -> float:
        rates = [
            sum(m[3] for (q, s) in state[:-1] for m in moves.of(q, s) if m[2] == effect) / count
            for state in order
        ]
        return float(pi @ (np.asarray(rates) * weight))

    cut = np.array([any(q == moves.longest for q, _ in state[:-1]) for state in order])
    offers = flow(-1, np.ones(len(order)))
    success = flow(-1, pool > 0) / offers
    return JointLaw(
        float(pi @ queue), float(pi @ pool), flow(1, np.ones(len(order))), offers, success, float(pi @ cut)
    )
