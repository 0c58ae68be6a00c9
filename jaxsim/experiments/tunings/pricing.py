"""Pricing: prices as smooth functions of the workload, and the bounds that prices are kept within."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.validation import integer, non_negative
from jaxsim.experiments.pricing_games.tuned_prices import UNIT, VALUE, market, net_cost, with_bounds
from jaxsim.experiments.tunings.tunable import Tunable
from jaxsim.learning import SPSA, CommonNumbers, Interval, Pathwise, default_optimizer
from jaxsim.models.pricing.schedule import Schedule


def prices(*, value: Any = (VALUE,), replications: Any = 16) -> Tunable:
    """Return the cost net of revenue as a function of how prices follow the workload.

        P_j(W) = low_j + (high_j - low_j) / (1 + exp(-level_j - slope_j ln(1 + W/1000)))

    Args:
        value: of a unit of revenue in units of dual cost, one number or several, tuned together.
        replications: paths of one gradient.
    """
    here = market()
    values = np.atleast_1d(non_negative("value", value)).astype(np.float32)
    paths = integer("replications", replications, low=2)

    def place(point: Any) -> tuple[Any, Any]:
        return here.params, Schedule(point["level"], point["slope"])

    zero = np.zeros((len(values), 2), np.float32)
    return Tunable(
        title=f"{UNIT:g} x cost net of revenue over [0, 200]",
        labels=("level_1", "level_2", "slope_1", "slope_2"),
        make=net_cost(here, place),
        cases=values,
        names=tuple(f"value {v:g}" for v in values),
        starts={"level": zero, "slope": zero},
        gradients={
            "pathwise": Pathwise(paths),
            "common": CommonNumbers(0.05, paths),
            "spsa": SPSA(0.05, paths),
        },
        optimizer=lambda steps: default_optimizer(steps, 0.2),
        steps=100,
        judges=256,
    )


def bounds(*, value: Any = (VALUE,), replications: Any = 16) -> Tunable:
    """Return the cost net of revenue of the paper's policy (5.10) as a function of its lower price bounds.

    Args:
        value: of a unit of revenue, one number or several.
        replications: paths of one gradient.
    """
    here = market()
    values = np.atleast_1d(non_negative("value", value)).astype(np.float32)
    paths = integer("replications", replications, low=2)
    start = np.asarray(here.params.users.lower_prices, np.float32)
    return Tunable(
        title=f"{UNIT:g} x cost net of revenue over [0, 200]",
        labels=("lower_1", "lower_2"),
        make=net_cost(here, with_bounds(here)),
        cases=values,
        names=tuple(f"value {v:g}" for v in values),
        starts=np.repeat(start[None], len(values), axis=0),
        gradients={"pathwise": Pathwise(paths), "common": CommonNumbers(0.02, paths)},
        constraint=Interval(0.1, 3.0),
        steps=100,
        judges=256,
    )
