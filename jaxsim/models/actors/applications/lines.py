"""Two servers, two stations, a finite buffer: Andradottir, Ayhan, Down (2001), where the key assumptions
fail.

Server i works at station j at rate μ_ij, so rates are not a speed times a rate, and no corollary applies.
With μ11 μ22 >= μ12 μ21 it is optimal that server i serves station i whenever neither would idle, and that
both serve the other station otherwise. Station 1 never starves; station 2 holds B + 2 jobs before station 1
blocks (one in service, B in the buffer, one finished at station 1).
"""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import integer, positive, require
from jaxsim.models.actors.laws import Affinity
from jaxsim.models.actors.network import Activity, Network, NetworkModel, Queue, Server


def two_stations(*, service: Real = ((4.0, 2.0), (1.0, 3.0)), buffer: Whole = 2) -> NetworkModel:
    """The line as a model: state = jobs beyond station 1's service, reward 1 per finished job."""
    rates = positive("service", service)
    require(rates.shape == (2, 2), "service", service, "is not 2 x 2", "give mu_ij of server i at station j")
    integer("buffer", buffer, low=0)
    return Network(
        queues=(Queue("between", size=buffer + 2),),
        activities=(
            Activity("one", "", 1.0, {"between": 1.0}),
            Activity("two", "between", 1.0, {"out": 1.0}, reward=1.0),
        ),
        servers=(Server("server 1"), Server("server 2")), collaborative=True, law=Affinity(rates),
    ).build()  # fmt: skip


def own_station_assignment(buffer: Whole) -> np.ndarray:
    """Server i at station i; both at the only station with work at the ends: ``[states, 2]``."""
    table = np.tile([0, 1], (buffer + 3, 1))
    table[0], table[-1] = 0, 1
    return table


def best_team_throughput(service: Real) -> float:
    """Both servers always together: 1 / (1/Σ_i μ_i1 + 1/Σ_i μ_i2), whatever the buffer."""
    return float(1 / np.sum(1 / np.sum(np.asarray(service, float), axis=0)))
