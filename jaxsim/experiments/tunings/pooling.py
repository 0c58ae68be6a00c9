"""Pooling: the token probability phi that makes a system of N equal servers cheapest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Float
from jaxsim.core.validation import integer, positive, require, scalar
from jaxsim.experiments.tunings.tunable import Known, Tunable
from jaxsim.learning import SPSA, CommonNumbers, Interval, path_objective
from jaxsim.learning.objectives import Objective
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.theory import tuning


def token_probability(
    *,
    arrival_rate: Any = (0.6, 0.7, 0.8),
    servers: Any = 20,
    token_cap: Any = 20,
    events: Any = 4000,
    replications: Any = 16,
    start: Any = 0.4,
) -> Tunable:
    """Return the cost rate per server in equilibrium as a function of phi, one number for all servers.

    The optimum is a kink where phi equals the arrival rate: slopes of either sign meet there.

    Args:
        arrival_rate: lambda, or several, tuned together.
        servers: N.
        token_cap: C.
        events: of a path.
        replications: pairs of paths for one difference.
        start: phi to begin with.
    """
    rates = np.atleast_1d(positive("arrival_rate", arrival_rate))
    require(bool(np.all(rates < 1)), "arrival_rate", arrival_rate, "is not below 1", "lower it")
    n, cap = integer("servers", servers, low=1, high=32768), integer("token_cap", token_cap, low=1)
    first = scalar("start", start)
    require(0 < first < 1, "start", start, "is not a probability", "give a number between 0 and 1")
    count, pairs = integer("events", events, low=1), integer("replications", replications, low=2)
    best = [tuning.tune_chain(float(rate), n, cap) for rate in rates]
    source = "exact chain of a server, the pool at its limit for many servers"
    return Tunable(
        title="cost rate per server",
        labels=("phi",),
        make=_objective(n, cap, count),
        cases=rates.astype(np.float32),
        names=tuple(f"lambda {rate:g}" for rate in rates),
        starts=np.full(len(rates), first, np.float32),
        gradients={"common": CommonNumbers(0.02, pairs), "spsa": SPSA(0.02, pairs)},
        constraint=Interval(0.02, 0.98),
        steps=120,
        judges=128,
        unit="1/time",
        known=[Known(float(b.cost), (float(b.token_probability),), source) for b in best],
    )


def _objective(servers: int, cap: int, events: int) -> Callable[[Float[Array, ""]], Objective]:
    s = system(servers=servers, arrival_rate=0.8, token_cap=cap)

    def make(rate: Float[Array, ""]) -> Objective:
        def place(phi: Float[Array, ""]) -> tuple[Any, Any]:
            params = replace(s.params, arrival_rate=jnp.asarray(rate), token_probability=phi)
            return params, policies.fluid(rate, phi)

        return path_objective(s.kernel, "cost_per_server", steps=events, place=place)

    return make
