"""Balancing: the table of offload probabilities by own state, for each delay, from a random table."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from jaxsim.core.validation import integer, positive
from jaxsim.experiments.tunings.tunable import Known, Tunable, random_starts
from jaxsim.learning import Interval, Score, default_optimizer
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.balancing.objective import table_objective

OPTIMA = {1: 1.306, 3: 2.181, 5: 2.819, 7: 3.186, 10: 3.287}
"""Drops of the best table on the cycle for the default rates, found by an independent program."""


def table(
    *,
    delay: Any = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    nodes: Any = 64,
    buffer: Any = 5,
    arrival_rates: Any = (0.9, 0.6),
    replications: Any = 4,
    start_seed: Any = 0,
) -> Tunable:
    """Return drops per queue in 50 time units on the cycle as a function of zeta(0 .. B), from random tables.

    Args:
        delay: one delay or several, which are tuned together in one call.
        nodes: of the cycle, at least 8: what a queue loses does not depend on it.
        buffer: B.
        arrival_rates: by regime.
        start_seed: of the random tables.
        replications: paths of 50 (or as many as the shortest delay takes) epochs for one gradient.
    """
    delays = np.atleast_1d(positive("delay", delay))
    size, places = integer("nodes", nodes, low=8), integer("buffer", buffer, low=1)
    graph = cycle(size)
    ends = {"delay": float(delays.min()), "largest_delay": float(delays.max())}
    system = assemble(graph, **ends, buffer=places, arrival_rates=arrival_rates)
    epochs = int(np.ceil(50.0 / delays.min() - 1e-9))
    usual = places == 5 and tuple(np.atleast_1d(arrival_rates)) == (0.9, 0.6)
    source = "an independent program, within 0.5 %"
    known = [Known(OPTIMA[int(d)], None, source) if usual and d in OPTIMA else None for d in delays]
    return Tunable(
        title="drops per queue in 50 time units on the cycle",
        labels=tuple(f"zeta_{z}" for z in range(places + 1)),
        make=table_objective(system, graph, epochs=epochs),
        cases=delays.astype(np.float32),
        names=tuple(f"delay {d:g}" for d in delays),
        starts=random_starts(start_seed, len(delays), places + 1, 0.05, 0.95),
        gradients={"score": Score(integer("replications", replications, low=2, high=4096))},
        constraint=Interval(),
        optimizer=functools.partial(default_optimizer, rate=0.3),
        steps=600,
        judges=256,
        unit="packets / 50 time",
        known=known,
    )
