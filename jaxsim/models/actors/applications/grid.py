"""Tasks on a grid of computers: copies of a task race, which for exponential work is collaboration.

Section 3.2 of Ahn, Righter (2005), after Koole and Righter (2004): the first copy to finish completes the
task, and the least of exponential times with rates μ_i ν is exponential with rate ν Σ μ_i. So all computers
run the same task, chosen as for a single computer: the largest c_k ν_k first (the c-mu rule).
"""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import positive, require
from jaxsim.models.actors.network import Network, NetworkModel, Queue, Server


def grid(
    *, arrivals: Real = (0.4, 0.3), services: Real = (1.0, 1.5),
    holding: Real = (2.0, 1.0), speeds: Real = (0.5, 0.3, 0.2), copies: bool = True,
    size: Whole = 40,
) -> NetworkModel:  # fmt: skip
    """Types of tasks as queues, computers as servers; ``copies=False``: one computer per task."""
    positive("arrivals", arrivals)
    rates = positive("services", services)
    same = len(arrivals) == len(services) == len(holding)
    require(same, "services", services, "needs as many types everywhere", "give one number per type")
    queues = tuple(
        Queue(f"type {k}", arrivals[k], float(rates[k]), {"out": 1.0}, holding[k], size=size)
        for k in range(len(rates))
    )
    servers = tuple(Server(f"computer {i}", v) for i, v in enumerate(speeds))
    return Network(queues, servers, collaborative=copies).build()


def c_mu_assignment(network: NetworkModel, holding: Real, services: Real) -> np.ndarray:
    """All computers on the type present with the largest c_k ν_k: ``[states, computers]`` (-1: nothing
    there).
    """
    index = np.asarray(holding) * np.asarray(services)
    counts = network.space.counts
    score = np.where(counts > 0, index, -np.inf)
    best = np.where((counts > 0).any(1), score.argmax(1), -1)
    return np.repeat(best[:, None], network.model.spec.actors, axis=1)


def single_server_cost(arrivals: Real, services: Real, holding: Real, speed: Real) -> float:
    """Mean cost of a preemptive-priority M/M/1 queue with several types, in c-mu order (Jaiswal 1968).

    T_k = [1/μ_k + Σ_{i<=k} λ_i/μ_i^2 / (1 - σ_k)] / (1 - σ_{k-1}), σ_k = Σ_{i<=k} λ_i/μ_i, cost Σ c_k λ_k
    T_k.
    """
    lam, mu, cost = (np.asarray(x, float) for x in (arrivals, services, holding))
    mu = mu * speed
    order = np.argsort(-cost * mu, kind="stable")
    lam, mu, cost = lam[order], mu[order], cost[order]
    load = np.cumsum(lam / mu)
    require(
        bool(load[-1] < 1),
        "arrivals",
        arrivals,
        f"gives the load {load[-1]}",
        "keep it below the total speed",
    )
    before = np.concatenate([[0.0], load[:-1]])
    times = (1 / mu + np.cumsum(lam / mu**2) / (1 - load)) / (1 - before)
    return float(np.sum(cost * lam * times))
