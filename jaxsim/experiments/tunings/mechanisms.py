"""Mechanisms: a price forecast and a menu of priority contracts, by welfare through the consumers'
answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optax

from jaxsim.core.types import Array
from jaxsim.core.validation import integer
from jaxsim.experiments.gradients.cases.mechanisms import market
from jaxsim.experiments.tunings.tunable import Known, Tunable
from jaxsim.learning import CommonNumbers, Exact, Pathwise, Positive, default_optimizer
from jaxsim.learning.objectives import Objective
from jaxsim.models.mechanisms import power
from jaxsim.models.mechanisms.power.compare import on_device, solve_scheme
from jaxsim.models.mechanisms.power.objective import contingency_welfare, forecast_objective

START = (3.0, 2.2, 1.5)


def newton_like(steps: int) -> optax.GradientTransformation:
    """Return L-BFGS: welfare is steep in the level of prices and flat in their differences."""
    del steps
    return optax.chain(optax.scale_by_lbfgs(memory_size=10), optax.scale(-1.0))


def forecast(*, drawn: bool = False, replications: Any = 64) -> Tunable:
    """Return minus the welfare after a forecast of the price of each contingency.

    Args:
        drawn: whether one contingency is drawn for each replication, instead of their exact mean.
        replications: contingencies for one gradient, where they are drawn.
    """
    labels = tuple(f"price_{k}" for k in range(1, len(START) + 1))
    return _tunable("forecast", lambda here, point: point, labels, drawn, replications)


def menu(*, drawn: bool = False, replications: Any = 64) -> Tunable:
    """Return minus the welfare after a menu of priority contracts, by its marks m_k.

    Contract k, of reliability sum_{i >= k} q_i, costs p_k = sum_{i >= k} q_i m_i: the same menus, better
    conditioned, and ordered whatever the marks.

    Args:
        drawn: whether one contingency is drawn for each replication, instead of their exact mean.
        replications: contingencies for one gradient, where they are drawn.
    """

    def seen(here: Any, marks: Array) -> Array:
        q = here.probabilities
        return power.contingency_prices(q, power.menu_prices(q, marks))

    labels = tuple(f"mark_{k}" for k in range(1, len(START) + 1))
    return _tunable("menu", seen, labels, drawn, replications)


def _tunable(
    kind: str, prices: Callable[[Any, Array], Array], labels: tuple[str, ...], drawn: bool, replications: Any
) -> Tunable:
    """Return the tunable; ``prices`` turns what is tuned into the contingency prices that consumers see."""
    paths = integer("replications", replications, low=2)
    best = solve_scheme(market(), "two_stage")

    def make(case: Any) -> Objective:
        del case
        here = on_device(market())
        one = forecast_objective(here)

        def objective(point: Array, key: Any) -> Array:
            if drawn:
                return one(prices(here, point), key)
            return -here.probabilities @ contingency_welfare(here, prices(here, point))

        return objective

    exact: dict[str, Any] = {"implicit": Exact(), "common": CommonNumbers(0.02, 2)}
    noisy: dict[str, Any] = {"pathwise": Pathwise(paths), "common": CommonNumbers(0.02, paths)}
    return Tunable(
        title=f"minus the welfare after the {kind}",
        labels=labels,
        make=make,
        cases=np.zeros(1),
        names=(kind,),
        starts=np.asarray([START]),
        gradients=noisy if drawn else exact,
        constraint=Positive(),
        optimizer=default_optimizer if drawn else newton_like,
        steps=200 if drawn else 60,
        judges=1024 if drawn else 2,
        double=not drawn,
        known=[Known(-float(best.welfare), None, "two-stage optimum")],
    )
