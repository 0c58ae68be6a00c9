"""Two-station tandem lines with flexible servers: Ahn, Duenyas, Lewis (2002), and Mandelbaum, Reiman (1998).

Jobs arrive at rate λ at station 1, need an Exp(ν1) service there and an Exp(ν2) service at station 2; holding
them costs h1 and h2. How the two (or more) servers may work is the question:

- ``collaborative``: any number on one job, so they act as one fast server (Corollary 3.3); with h1 >= h2 it
  finishes each job before the next (the expedite policy) and the line is an M/PH/1 queue;
- ``flexible``: any server at any station, one per job (Ahn, Duenyas, Lewis);
- ``dedicated``: server i at station i only, two M/M/1 queues in series.
"""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, non_negative, positive, require, scalar
from jaxsim.models.actors.network import Network, NetworkModel, Queue, Server

WAYS = ("collaborative", "flexible", "dedicated")


def tandem(
    *, arrival: Real = 0.8, service: Real = (1.0, 1.0), holding: Real = (1.0, 1.0),
    speeds: Real = (1.0, 1.0), way: str = "flexible", size: Whole = 60,
) -> NetworkModel:  # fmt: skip
    """The tandem line as a model; ``size`` is where each queue is cut off."""
    choice("way", way, WAYS)
    positive("service", service)
    non_negative("holding", holding)
    require(
        len(service) == 2 == len(holding),
        "service",
        service,
        "needs two stations",
        "give two rates and costs",
    )
    skills = {"dedicated": (("one",), ("two",))}.get(way, (None,) * len(speeds))
    require(len(skills) == len(speeds), "speeds", speeds, "needs one server per station", "give two speeds")
    return Network(
        queues=(
            Queue("one", arrival, service[0], {"two": 1.0}, holding[0], size=size),
            Queue("two", 0.0, service[1], {"out": 1.0}, holding[1], size=size),
        ),
        servers=tuple(
            Server(f"server {i}", v, k) for i, (v, k) in enumerate(zip(speeds, skills, strict=True))
        ),
        collaborative=way == "collaborative",
    ).build()


def expedite_cost(arrival: Real, service: Real, total_speed: Real, holding: Real = 1.0) -> float:
    """Mean cost of the expedite policy with equal holding costs: Pollaczek and Khinchine's M/PH/1 formula.

    h {ρ + λ^2 E S^2 / [2 (1 - ρ)]}, S the sum of the exponential services at the total speed.
    """
    means = 1 / (positive("service", service) * scalar("speed", total_speed, positive))
    load = float(arrival * means.sum())
    require(load < 1, "arrival", arrival, f"gives the load {load}", "keep it below the total speed")
    second = float(np.sum(means**2) + means.sum() ** 2)
    return holding * (load + arrival**2 * second / (2 * (1 - load)))


def dedicated_cost(arrival: Real, service: Real, speeds: Real) -> float:
    """Mean number of jobs with one server per station: Σ ρ_i/(1 - ρ_i) (Jackson)."""
    loads = arrival / (positive("service", service) * positive("speeds", speeds))
    require(bool(np.all(loads < 1)), "arrival", arrival, f"gives the loads {loads}", "keep them below 1")
    return float(np.sum(loads / (1 - loads)))
