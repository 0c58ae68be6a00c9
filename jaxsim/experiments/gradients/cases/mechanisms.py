"""Mechanisms: welfare after a price forecast, the contingency being drawn, in the three announced prices."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array
from jaxsim.experiments.gradients.case import Case, Method, known
from jaxsim.learning import SPSA, CommonNumbers, Exact, Pathwise
from jaxsim.models.mechanisms import power
from jaxsim.models.mechanisms.power.compare import on_device
from jaxsim.models.mechanisms.power.objective import contingency_welfare, forecast_objective

AT = np.array([2.0, 1.2, 0.8])


def market() -> Any:
    """Return four consumers, all of them inflexible so that prices matter to all, and three contingencies."""
    return power.make_market((10, 8, 6, 4), (1, 2, 3, 0.5), (1.0, 0.5, 0.8, 3.0), (4, 7, 12), (0.2, 0.3, 0.5))


def _welfare(prices: Array) -> Array:
    here = on_device(market())
    return -here.probabilities @ contingency_welfare(here, prices)


@float64
def _exact() -> tuple[float, np.ndarray]:
    value, slope = jax.jit(jax.value_and_grad(_welfare))(jnp.asarray(AT))
    return float(value), np.asarray(slope)


def case(scale: int = 1) -> Case:
    """Return the case: minus the welfare at the forecast (2, 1.2, 0.8)."""
    objective = forecast_objective(on_device(market()))

    n = 500 * scale
    methods = {
        "implicit differentiation of the conditions": Method(Exact(), known(_welfare)),
        "pathwise, contingency drawn": Method(Pathwise(n), objective),
        "common random numbers": Method(CommonNumbers(0.05, n), objective),
        "SPSA": Method(SPSA(0.05, 2 * n), objective),
    }
    title = "minus the welfare of one drawn contingency, in the announced prices (2, 1.2, 0.8)"
    return Case(title, AT, _exact, methods, "Ishikida (1992), section 4.4")
