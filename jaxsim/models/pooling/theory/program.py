"""Server one's problem as the linear program (76), solved by HiGHS: slow, and independent of `server_one`.

Variables are the long-run shares of state-action pairs p(q1, q0), p2, p3(., 0), p3(., 1), p4(., 0), p4(., 1);
minimize N (1 + lambda) times the cost per period, subject to token balance, balance of flows, and norm.

Source: Chen, Chen, Qian (2023), Appendix D, corrected from print as `server_one` says.
"""

from __future__ import annotations

import importlib.util
from typing import Any, NamedTuple

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import MissingExtra, choice, integer, non_negative, require, scalar


class Program(NamedTuple):
    """V_OPT and the stationary shares p(q1, q0) of an optimal policy, of shape (pool, queue)."""

    value: float
    states: np.ndarray


_Term = tuple[np.ndarray, np.ndarray, np.ndarray]


class _Columns:
    """The six kinds of variables, each over the states, in one vector; rows are the states' flow balances."""

    def __init__(self, levels: int, width: int):
        self.shape = (levels, width)
        self.pool, self.queue = (x.ravel() for x in np.indices(self.shape))
        self.size = levels * width
        self.terms: list[_Term] = []

    def moves(self, kind: int, weight: np.ndarray | float, pool: np.ndarray, queue: np.ndarray) -> None:
        """Variable ``kind`` in each state, times weight, flows into state (pool, queue)."""
        row = np.ravel_multi_index((np.clip(pool, 0, self.shape[0] - 1), queue), self.shape)
        column = kind * self.size + np.arange(self.size)
        self.terms.append((row, column, np.broadcast_to(np.asarray(weight, float), (self.size,)).copy()))


def _flows(c: _Columns, p: tuple[float, float, float, float]) -> None:
    """State the right side of the balance equations of (76), minus its left side p(q1, q0)."""
    q0, q1 = c.pool, c.queue
    inside = (q1 > 0).astype(float)
    down = np.maximum(q1 - 1, 0)
    c.moves(0, p[0], q0 + 1, q1)
    c.moves(0, -1.0, q0, q1)
    c.moves(0, p[1] * (q0 > 0), q0 - 1, q1)
    c.moves(0, p[1] * (q0 == 0), q0, q1)
    c.moves(1, -inside, q0 - 1, q1)
    c.moves(1, inside, q0, down)
    c.moves(2, 1.0, q0, np.minimum(q1 + 1, c.shape[1] - 1))
    c.moves(3, 1.0, q0 + 1, q1)
    c.moves(0, p[3], q0, q1)
    for kind in (4, 5):
        c.moves(kind, -1.0, q0, q1)
    c.moves(4, inside, q0, down)
    c.moves(5, 1.0, np.maximum(q0 - 1, 0), q1)


def _limits(c: _Columns, p: tuple[float, float, float, float], lam: float) -> tuple[Any, Any]:
    """Return the equalities (right side zero but for the last, the norm, 1) and the inequalities (<= 0)."""
    from scipy.sparse import coo_matrix, hstack, identity, vstack

    _flows(c, p)
    row, column, value = (np.concatenate(part) for part in zip(*c.terms, strict=True))
    one = identity(c.size)
    ones, zeros = np.ones(c.size), np.zeros(c.size)
    flows = coo_matrix((value, (row, column)), shape=(c.size, 6 * c.size))
    empty = coo_matrix((c.size, c.size))
    jobs = hstack([-p[2] * one, empty, one, one, empty, empty])
    services = hstack([-p[1] * one, one, *[empty] * 4])
    units = hstack([-p[3] * one, *[empty] * 3, one, one])
    tokens = coo_matrix(np.concatenate([zeros, ones, zeros, ones, zeros, -lam * ones]))
    norm = coo_matrix(np.concatenate([ones, *[zeros] * 5]))
    return vstack([flows, jobs, tokens, norm]), vstack([services, units])


def _solve(objective: np.ndarray, equal: Any, below: Any, highest: np.ndarray) -> Any:
    from scipy.optimize import linprog

    right = np.zeros(equal.shape[0])
    right[-1] = 1.0
    found = linprog(
        objective,
        A_ub=below,
        b_ub=np.zeros(below.shape[0]),
        A_eq=equal,
        b_eq=right,
        bounds=np.stack([np.zeros(highest.size), highest], axis=1),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.status != 0:
        raise RuntimeError(f"the linear program was not solved: {found.message}")
    return found


def best_response_program(
    arrival_rate: Real,
    servers: Whole,
    *,
    processing_cost: Real = 1.0,
    reading: str = "paper",
    longest_pool: Whole = 150,
    longest_queue: Whole = 14,
) -> Program:
    """Return V_OPT by linear programming, at tolerances of 1e-10 (the solver's defaults err up to 5e-5).

    Args as in `server_one.best_response_value`, for one instance.

    Raises:
        InvalidInput: if a number is out of range. MissingExtra: without scipy.
        RuntimeError: if HiGHS does not report an optimum.
    """
    if importlib.util.find_spec("scipy") is None:
        raise MissingExtra("the linear program", "scipy", "theory")
    lam = scalar("arrival_rate", arrival_rate)
    require(0 < lam < 1, "arrival_rate", arrival_rate, "is out of range", "give a number in (0, 1)")
    n, cost = integer("servers", servers, low=2), scalar("processing_cost", processing_cost, non_negative)
    honest = choice("reading", reading, ("paper", "honest")) == "honest"
    levels, width = (
        integer("longest_pool", longest_pool, low=2),
        integer("longest_queue", longest_queue, low=1),
    )
    c, total = _Columns(levels + 1, width + 1), n * (1 + lam)
    p = ((n - 1) * lam / total, (n - 1) / total, lam / total, 1 / total)
    ones, zeros = np.ones(c.size), np.zeros(c.size)
    after, at, busy = (c.pool + 1 - honest) / n, (c.pool + 1) / n, (c.pool > 0).astype(float)
    objective = total * np.concatenate([c.queue / total, after, zeros, at, cost * ones, cost * busy])
    has_job, has_room = (c.queue > 0).astype(float), (c.queue < width).astype(float)
    highest = np.concatenate([ones, has_job * busy, has_room, ones, has_job, ones])
    found = _solve(objective, *_limits(c, p, lam), highest)
    return Program(float(found.fun), found.x[: c.size].reshape(c.shape))
