"""Actors: priority indices of a server's queues, from random ones; the c-mu rule is the optimum."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.validation import integer
from jaxsim.experiments.gradients.cases.actors import HOLDING, SERVICES, baseline_at, queues
from jaxsim.experiments.tunings.tunable import Known, Tunable, random_starts
from jaxsim.learning import Exact, Interval, Score, default_optimizer
from jaxsim.learning.objectives import Objective
from jaxsim.models.actors.objective import exact_cost, index_objective

WIDEST = 20.0
"""Indices stay within this of 0, the index of idling."""


@float64
def cost_of(index: Any, epochs: int, size: int) -> float:
    """Return the exact cost of softmax indices."""
    return float(exact_cost(queues(size), epochs)(jnp.asarray(index)))


def indices(
    *,
    epochs: Any = 200,
    size: Any = 4,
    replications: Any = 256,
    exact: bool = False,
    start_seed: Any = (0, 1, 2),
) -> Tunable:
    """Return the cost of a server of three queues as a function of the softmax indices of the queues.

    Args:
        epochs: of a path of the uniformized chain, from empty.
        size: where queues are cut off.
        replications: paths of one gradient.
        exact: whether the chain is solved instead of simulated.
        start_seed: of random indices; several are tuned together.
    """
    length, most = integer("epochs", epochs, low=1), integer("size", size, low=1, high=12)
    paths = integer("replications", replications, low=2)
    seeds = [integer("start_seed", s, low=0) for s in np.atleast_1d(np.asarray(start_seed)).tolist()]
    model = queues(most)
    solved = exact_cost(model, length)
    sampled = index_objective(model, epochs=length, baseline=baseline_at(model, (2.0, 2.0, 2.0)))

    def objective(index: Any, key: Any) -> Any:
        return solved(index) if exact else sampled(index, key)

    def make(case: Any) -> Objective:
        del case
        return objective

    order = np.argsort(np.argsort(np.multiply(HOLDING, SERVICES)))  # ranks of c mu
    strict = cost_of(20.0 * (order + 1), length, most)
    names = ", ".join(f"{c * m:.3g}" for c, m in zip(HOLDING, SERVICES, strict=True))
    return Tunable(
        title=f"cost of a server of three queues over {length} epochs",
        labels=("index_a", "index_b", "index_c"),
        make=make,
        cases=np.zeros(len(seeds)),
        names=tuple(f"start {s}" for s in seeds),
        starts=np.concatenate([random_starts(s, 1, 3, -1.0, 1.0) for s in seeds]),
        gradients={"implicit": Exact()} if exact else {"score": Score(paths, "path")},
        constraint=Interval(-WIDEST, WIDEST),
        optimizer=lambda steps: default_optimizer(steps, 0.05),
        steps=300,
        judges=2 if exact else 2048,
        known=[Known(strict, None, f"c-mu rule ({names}), strict priority")] * len(seeds),
    )
