"""Klimov's network with N fully flexible, failure-prone servers: on how many queues do they work?

The extension in section 3.1 of Ahn, Righter (2005). If every queue has 0 or at least N jobs, all available
servers work on one queue. In general, with M non-empty queues of x_1 <= ... <= x_M jobs, they work on at most
m̂ queues: m̂ = M if there are fewer jobs than servers in all (corrected: the printed first case is the number
of jobs), else the smallest m with Σ_{i <= m} x_i >= N (corrected index).
"""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import positive, require
from jaxsim.models.actors.network import CALM, Environment, Network, NetworkModel, Queue, Server


def klimov(
    *, arrivals: Real = (0.3, 0.2, 0.0), services: Real = (1.0, 1.5, 0.8),
    routing: Real = ((0.0, 0.2, 0.3), (0.1, 0.0, 0.0), (0.0, 0.0, 0.0)),
    holding: Real = (1.0, 2.0, 1.5), speeds: Real = (0.6, 0.6), failure: Real = 0.05,
    repair: Real = 0.5, size: Whole = 9, environment: Environment = CALM,
) -> NetworkModel:  # fmt: skip
    """The network: ``routing[i][j]`` is the probability that a job served at i goes to j; the rest leaves."""
    count = len(services)
    positive("services", services)
    require(len(arrivals) == count, "arrivals", arrivals, "has the wrong length", f"give {count} rates")
    require(len(holding) == count, "holding", holding, "has the wrong length", f"give {count} costs")
    require(len(routing) == count, "routing", routing, "has the wrong length", f"give {count} rows")
    names = [f"q{i}" for i in range(count)]
    queues = []
    for i, row in enumerate(routing):
        to = {name: float(p) for name, p in zip(names, row, strict=True) if p > 0}
        to["out"] = 1.0 - sum(to.values())
        queues.append(Queue(names[i], arrivals[i], services[i], to, holding[i], size=size))
    servers = tuple(Server(f"server {i}", v, None, failure, repair) for i, v in enumerate(speeds))
    return Network(tuple(queues), servers, environment=environment).build()


def most_queues(counts: np.ndarray, servers: np.ndarray) -> np.ndarray:
    """m̂ for every state: counts ``[states, queues]``, available servers ``[states]``."""
    jobs = np.sort(np.where(counts > 0, counts, np.iinfo(np.int32).max), axis=1).astype(np.int64)
    nonempty = (counts > 0).sum(1)
    reached = np.cumsum(jobs, axis=1) >= np.maximum(servers, 1)[:, None]
    first = np.where(reached.any(1), reached.argmax(1) + 1, nonempty)
    return np.where(counts.sum(1) < servers, nonempty, np.minimum(first, nonempty))


def queues_in_use(assignment: np.ndarray) -> np.ndarray:
    """Number of different actions that an assignment ``[states, actors]`` uses in each state."""
    top = assignment.max(initial=0) + 1
    return np.sum([np.any(assignment == k, axis=1) for k in range(top)], axis=0)
