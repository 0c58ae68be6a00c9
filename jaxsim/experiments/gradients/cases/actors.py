"""Actors: cost of a server of three queues over its first epochs, in softmax indices of the queues."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.experiments.gradients.case import Case, Method, known, whole
from jaxsim.learning import SPSA, CommonNumbers, Exact, Score
from jaxsim.models.actors.evaluate import gain_and_bias
from jaxsim.models.actors.gradients import policy_firing
from jaxsim.models.actors.model import Model
from jaxsim.models.actors.network import Network, Queue, Server
from jaxsim.models.actors.objective import exact_cost, index_objective, index_policy

AT = np.array([0.2, -0.1, 0.1])
EPOCHS = 100
ARRIVALS, SERVICES, HOLDING = (0.2, 0.25, 0.15), (1.0, 1.6, 0.7), (1.0, 0.9, 1.2)


def queues(size: int = 4) -> Model:
    """Return one server and three queues; c mu = 1, 1.44, 0.84."""
    classes = zip("abc", ARRIVALS, SERVICES, HOLDING, strict=True)
    made = tuple(Queue(name, a, s, holding=c, size=size) for name, a, s, c in classes)
    return Network(made, (Server("server"),)).build().model


@float64
def _exact() -> tuple[float, np.ndarray]:
    value, slope = jax.jit(jax.value_and_grad(exact_cost(queues(), EPOCHS)))(jnp.asarray(AT))
    return float(value), np.asarray(slope)


@float64
def baseline_at(model: Model, index: Any) -> tuple[float, np.ndarray]:
    """Return gain and relative values of the softmax policy of these indices."""
    local = jax.tree.map(jnp.asarray, model.params.local)
    gain, bias = gain_and_bias(local, policy_firing(local, index_policy(model)(jnp.asarray(index))))
    return float(gain), np.asarray(bias, np.float32)


def case(scale: int = 1) -> Case:
    """Return the case: one server, three queues of at most four jobs, 100 epochs from empty."""
    model = queues()
    plain = index_objective(model, epochs=EPOCHS)
    rich = index_objective(model, epochs=EPOCHS, baseline=baseline_at(model, AT))
    cost = exact_cost(model, EPOCHS)

    n = 2000 * scale
    methods = {
        "exact chain": Method(Exact(), known(cost)),
        "common random numbers": Method(CommonNumbers(0.1, n), plain),
        "SPSA": Method(SPSA(0.1, 2 * n), plain),
        "score, no baseline": Method(Score(n, "none"), whole(plain)),
        "score, leave-one-out": Method(Score(n), whole(plain)),
        "score, leave-one-out, costs to go": Method(Score(n), plain),
        "score, solved values as path baseline": Method(Score(n, "path"), rich),
    }
    title = "cost of 100 epochs of a server of three queues, in the softmax indices (0.2, -0.1, 0.1)"
    return Case(title, AT, _exact, methods, "Ahn, Righter (2005), section 3.1")
