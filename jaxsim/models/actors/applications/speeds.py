"""Service rates chosen from an interval, and servers that come and go: two uses of teams.

`bang_bang`: a rate in [μ0, μ1] is one actor of speed μ0 that can only serve and a team of small actors of
total speed μ1 - μ0 that serve or rest; as each team acts as one, the best rate is always μ0 or μ1 (section
3.2 of Ahn, Righter 2005). `temporary_workers`: a collaborative tandem line to which workers come and from
which they go; all who are there work at one station (Kaufman, Ahn, Lewis 2004, as cited there).
"""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import integer, non_negative, positive, require, scalar
from jaxsim.models.actors.model import Model, formulate
from jaxsim.models.actors.network import Network, NetworkModel, Queue, Server

SERVE, REST = 0, 1


def bang_bang(
    *, arrival: Real = 0.8, slowest: Real = 0.3, fastest: Real = 1.2, holding: Real = 0.2, effort: Real = 3.0,
    abandon: Real = 0.2, parts: Whole = 4, size: Whole = 40,
) -> Model:  # fmt: skip
    """A queue whose service rate is chosen: holding x costs h x^2, a service costs ``effort``, and each job
    leaves by itself at rate ``abandon`` (else every job must be served, and effort is no choice).

    Actor 0 has speed μ0 and only serves; ``parts`` actors share μ1 - μ0 and serve or rest.
    """
    positive("arrival", arrival)
    low, high = scalar("slowest", slowest, non_negative), scalar("fastest", fastest, positive)
    require(low < high, "fastest", fastest, "is not above slowest", "give a larger rate")
    non_negative("abandon", abandon)
    count = integer("parts", parts, low=1)
    x = np.arange(integer("size", size, low=1) + 1)
    team = np.ones((count + 1, 2), bool)
    team[0, REST] = False
    return formulate(
        speeds=[low] + [(high - low) / count] * count, rates=[1.0, 0.0],
        targets=np.stack([np.maximum(x - 1, 0), x], axis=1)[:, :, None], rewards=np.array([[-effort], [0.0]]),
        allowed=team, caps=np.stack([(count + 1) * (x > 0), np.full(len(x), count + 1)], axis=1),
        exogenous=np.stack([np.full(len(x), arrival), abandon * x], axis=1),
        exits=np.stack([np.minimum(x + 1, x[-1]), np.maximum(x - 1, 0)], axis=1), costs=holding * x**2,
        idle=False,
    )  # fmt: skip


def rates_in_use(model: Model, assignment: np.ndarray) -> np.ndarray:
    """The service rate that an assignment uses in each state."""
    return np.sum(np.asarray(model.params.local.speeds) * (assignment == SERVE), axis=1)


def temporary_workers(
    *, arrival: Real = 0.5, service: Real = (1.0, 1.2), holding: Real = (1.0, 1.5),
    permanent: Whole = 1, temporary: Whole = 2, speed: Real = 0.5, leave: Real = 0.1, come: Real = 0.1,
    size: Whole = 25,
) -> NetworkModel:  # fmt: skip
    """A collaborative tandem line with workers who are hired at rate ``come`` and leave at rate ``leave``
    each.
    """
    staff = [Server(f"permanent {i}", speed) for i in range(integer("permanent", permanent, low=1))]
    staff += [
        Server(f"temporary {i}", speed, None, leave, come)
        for i in range(integer("temporary", temporary, low=0))
    ]
    queues = (
        Queue("one", arrival, service[0], {"two": 1.0}, holding[0], size=size),
        Queue("two", 0.0, service[1], {"out": 1.0}, holding[1], size=size),
    )
    return Network(queues, tuple(staff), collaborative=True).build()
