"""Pooling: one server's mean own queue over its first events, as a function of the token probability phi."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float
from jaxsim.experiments.gradients.case import Case, Method
from jaxsim.learning import SPSA, CommonNumbers, Exact, Relaxed, Score, path_objective
from jaxsim.learning.objectives import Objective
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.relaxed import relaxed
from jaxsim.models.pooling.score import scored
from jaxsim.models.pooling.theory import transient
from jaxsim.relaxations import Relaxation

RATE, PHI, CAP, STEPS = 0.8, 0.7, 20, 540


def objective(form: str = "plain", steps: int = STEPS) -> Objective:
    """Return the mean own queue over the first events; ``form`` is plain, whole, blocks or relaxed.

    ``whole`` and ``blocks`` carry log-probabilities, of the path as a whole or of its 27 parts with their
    costs to go; ``relaxed`` takes a relaxation.
    """
    plain = system(servers=1, arrival_rate=RATE, token_probability=PHI, token_cap=CAP)
    s = {"plain": plain, "relaxed": relaxed(plain)}.get(form) or scored(plain)

    def place(phi: Float[Array, ""], relaxation: Relaxation | None = None) -> tuple[Any, Any]:
        params = replace(s.params, token_probability=phi)
        if relaxation is not None:
            params = replace(params, gate=relaxation.gate)
        return params, policies.fluid(s.params.arrival_rate, phi)

    keys: dict[str, Any] = {"relaxed": True} if form == "relaxed" else {}
    if form in ("whole", "blocks"):
        keys = {"log_chance": "log_chance", "blocks": 27 if form == "blocks" else 1}
    return path_objective(s.kernel, "jobs_per_server", steps=steps, place=place, **keys)


def _chain(phi: Any, key: Any) -> Array:
    del key
    return transient.mean_queue(RATE, phi, transient.start_law(RATE, CAP), 1, STEPS)


@float64
def _exact() -> tuple[float, np.ndarray]:
    value, slope = transient.slope(RATE, jnp.asarray(PHI), transient.start_law(RATE, CAP), k=1, steps=STEPS)
    return float(value), np.asarray(slope)


def case(scale: int = 1) -> Case:
    """Return the case: lambda 0.8, phi 0.7, C = 20, 540 events from the law of complete pooling."""
    plain, whole, blocks, soft = (objective(form) for form in ("plain", "whole", "blocks", "relaxed"))
    n = 512 * scale
    methods = {
        "exact chain": Method(Exact(), _chain),
        "common random numbers": Method(CommonNumbers(0.02, 2 * n), plain),
        "SPSA": Method(SPSA(0.02, 2 * n), plain),
        "score, no baseline": Method(Score(2 * n, "none"), whole),
        "score, leave-one-out": Method(Score(2 * n), whole),
        "score, leave-one-out, costs to go": Method(Score(2 * n), blocks),
        "soft gates, temperature 0.2": Method(Relaxed(0.2, "soft", n), soft),
        "straight-through gates, 0.5": Method(Relaxed(0.5, "straight_through", n), soft),
    }
    title = "mean own queue of a server over its first 540 events, in the token probability phi = 0.7"
    return Case(title, PHI, _exact, methods, "Chen, Chen, Qian (2023), section 5")
