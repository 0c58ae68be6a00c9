"""One server against the rest: what any policy on (own queue, own tokens) costs it, and the cheapest one.

In the mean-field problem (1) a server meets a pool whose wait w and whose probability phi of holding a job
are constants. Its cost per unit of time with a policy of long-run averages (E q, R requests, P offers) is

    E q + w R + c (lambda - R + phi P).

The minimum over all policies on (q, s) with 0 <= s <= C is an average-cost Markov decision problem, solved by
policy iteration (Howard 1960) with one sparse solve per policy.

Source: Chen, Chen, Qian (2023), problem (1) and section 6.2. That equilibrium policies are nearly optimal
needs C (1 - lambda)^2 >> 1 as well as many servers: at lambda = phi = .8 and C = 100
saving tokens still gains 10 to 13 %, and a larger N alone does not lower that.
"""

from __future__ import annotations

import importlib.util
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import MissingExtra, integer, non_negative, require, scalar
from jaxsim.models.pooling.theory.chain import Law, Rules, server_law, solved

_CLOSE = 1e-10
KEEP, REQUEST = 0, 1
IDLE, SERVE, OFFER = 0, 1, 2


def pool_wait(token_probability: float, servers: int, request_rate: float) -> float:
    """Return phi / ((1 - phi) N R), the mean wait in the pool of N servers in the limit of many servers."""
    return token_probability / ((1 - token_probability) * servers * request_rate)


def cost(found: Law, arrival: float, phi: float, wait: float, processing_cost: float) -> float:
    """Return E q + w R + c (lambda - R + phi P), a server's cost rate in the mean-field problem."""
    sent, offered = float(found.requests), float(found.offers)
    return float(found.queue) + wait * sent + processing_cost * (arrival - sent + phi * offered)


class Deviation(NamedTuple):
    """The best policy on (q, s) against a given pool, and what it gains over the equilibrium policy.

    best, equilibrium: costs per unit of time. gain: (equilibrium - best) / equilibrium. request, use: the
    actions by (queue, tokens). converged: whether policy iteration settled.
    """

    best: float
    equilibrium: float
    gain: float
    request: np.ndarray
    use: np.ndarray
    converged: bool

    def rules(self) -> Rules:
        """Return the policy as tables of probabilities."""
        tables = (self.request, self.use == SERVE, self.use == OFFER)
        return Rules(*(jnp.asarray(np.asarray(table, float)) for table in tables))


class _Problem(NamedTuple):
    """The mean-field problem on q = 0 .. Q, s = 0 .. C."""

    arrival: float
    phi: float
    wait: float
    processing_cost: float
    shape: tuple[int, int]

    def jumps(self, request: np.ndarray, use: np.ndarray) -> tuple[list[tuple[np.ndarray, ...]], np.ndarray]:
        """Return the moves (change of queue, change of tokens, rates) and the cost rates of a policy."""
        queue, tokens = np.indices(self.shape)
        sends = self.arrival * (request == REQUEST)
        keeps = (self.arrival - sends) * (queue < self.shape[0] - 1)
        serves, offers = (use == SERVE) * 1.0, (use == OFFER) * 1.0
        moves = [(queue, tokens - 1, sends), (queue + 1, tokens, keeps)]
        moves += [(queue - 1, tokens, serves), (queue, tokens + 1, self.phi * offers)]
        paid = queue + self.wait * sends + self.processing_cost * (serves + self.phi * offers)
        return moves, paid


def _evaluate(problem: _Problem, request: np.ndarray, use: np.ndarray) -> tuple[float, np.ndarray]:
    """Return average cost g and bias h, h(0, C) = 0, from cost + generator h = g (one sparse solve)."""
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import spsolve

    moves, paid = problem.jumps(request, use)
    size = paid.size
    here = np.arange(size).reshape(problem.shape)
    rows, columns, values = [here.ravel()], [np.full(size, size)], [-np.ones(size)]
    for to_queue, to_tokens, rate in moves:
        used = rate > 0
        there = np.ravel_multi_index((to_queue[used], to_tokens[used]), problem.shape)
        rows += [here[used], here[used]]
        columns += [there, here[used]]
        values += [rate[used], -rate[used]]
    rows, columns, values = [*rows, np.array([size])], [*columns, here[0, -1:]], [*values, np.ones(1)]
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    solution = spsolve(csc_matrix(entries, shape=(size + 1, size + 1)), np.append(-paid.ravel(), 0.0))
    solution = np.asarray(solution)
    return float(solution[-1]), solution[:-1].reshape(problem.shape)


def _improve(
    p: _Problem, h: np.ndarray, request: np.ndarray, use: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the greedy actions for bias h; an action changes only for a gain above rounding."""
    rows, columns = p.shape
    queue, tokens = np.arange(rows)[:, None], np.arange(columns)[None, :]
    longer, shorter = np.vstack([h[1:], h[-1:]]), np.vstack([h[:1], h[:-1]])
    poorer, richer = np.hstack([h[:, :1], h[:, :-1]]), np.hstack([h[:, 1:], h[:, -1:]])
    keep = np.where((queue < rows - 1) | (tokens == 0), longer, np.inf)
    jobs = np.stack([keep, np.where(tokens > 0, poorer + p.wait, np.inf)])
    serve = np.where(queue > 0, shorter + p.processing_cost, np.inf)
    offer = h + p.phi * (richer - h) + p.phi * p.processing_cost
    units = np.stack([h, serve, np.where(tokens < columns - 1, offer, np.inf)])
    return _switch(jobs, request), _switch(units, use)


def _switch(values: np.ndarray, current: np.ndarray) -> np.ndarray:
    now = np.take_along_axis(values, current[None], axis=0)[0]
    return np.where(values.min(axis=0) < now - _CLOSE, values.argmin(axis=0), current)


def _inside(field: str, value: Real) -> float:
    number = scalar(field, value)
    require(0 < number < 1, field, value, "is out of range", "give a number above 0 and below 1")
    return number


def best_deviation(
    arrival_rate: Real,
    token_probability: Real,
    token_cap: Whole,
    wait: Real,
    *,
    processing_cost: Real = 1.0,
    longest_queue: Whole | None = None,
    limit: int = 100,
) -> Deviation:
    """Return the cheapest policy on (q, s) in the mean-field problem with a pool wait w (mu = 1).

    Args:
        arrival_rate: lambda in (0, 1). token_probability: phi in (0, 1). token_cap: C >= 1.
        wait: w >= 0, the mean wait in the pool.
        longest_queue: own queues are cut off there (with tokens the job is sent, without it is lost);
            by default where lambda^q < 1e-9.

    Raises:
        InvalidInput: if a number is out of range.
    """
    if importlib.util.find_spec("scipy") is None:
        raise MissingExtra("the best deviation", "scipy", "theory")
    lam, phi = _inside("arrival_rate", arrival_rate), _inside("token_probability", token_probability)
    cap, w = integer("token_cap", token_cap, low=1), scalar("wait", wait, non_negative)
    c = scalar("processing_cost", processing_cost, non_negative)
    longest = int(np.ceil(np.log(1e-9) / np.log(lam))) if longest_queue is None else longest_queue
    shape = (integer("longest_queue", longest, low=1) + 1, cap + 1)
    problem = _Problem(lam, phi, w, c, shape)
    queue, tokens = np.indices(shape)
    request = np.where(tokens > 0, REQUEST, KEEP)
    use = np.where(queue > 0, SERVE, np.where(tokens < cap, OFFER, IDLE))
    average, settled = np.inf, False
    for _ in range(limit):
        average, h = _evaluate(problem, request, use)
        new_request, new_use = _improve(problem, h, request, use)
        settled = bool(np.all(new_request == request) and np.all(new_use == use))
        if settled:
            break
        request, use = new_request, new_use
    baseline = cost(server_law(lam, phi, cap), lam, phi, w, c)
    value = average if settled else float("nan")
    return Deviation(value, baseline, (baseline - value) / baseline, request, use, settled)


def saver_rules(token_cap: int, reserve: int, rows: int = 2) -> Rules:
    """Return the rules of a server that pools completely, but keeps a reserve of tokens for q >= 1."""
    queue, tokens = np.indices((rows, token_cap + 1))
    tables = ((tokens > reserve) | (queue >= 1), queue > 0, queue == 0)
    return Rules(*(jnp.asarray(np.asarray(table, float)) for table in tables))


@float64
def deviant_cost(
    rules: Rules, arrival_rate: Real, token_probability: Real, wait: Real, *, processing_cost: Real = 1.0
) -> float:
    """Return the mean-field cost per unit of time of a server with these rules (mu = 1)."""
    lam, phi = _inside("arrival_rate", arrival_rate), _inside("token_probability", token_probability)
    c = scalar("processing_cost", processing_cost, non_negative)
    return cost(solved(rules, lam, 1.0, phi), lam, phi, scalar("wait", wait, non_negative), c)
