"""What ``jaxsim solve pricing.NAME`` computes of the diffusion and of two users, as plain dictionaries."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, positive, require, scalar
from jaxsim.models.pricing import closed_form
from jaxsim.models.pricing import system as pricing_system
from jaxsim.models.pricing.closed_form import Kind, Reading
from jaxsim.models.pricing.theory import brownian, comparison, euler, regimes


def stationary(*, drift: Real = -34.0, variance: Real = 107000.0, generator: Real = 0.0) -> dict[str, Any]:
    """Return the stationary mean of the workload, and for one regime its derivative in the drift.

    Args:
        drift, variance: b < 0 and sigma^2 of the workload; one number per regime.
        generator: of the environment, K rows of K numbers; 0 for a single regime.
    """
    if np.ndim(generator) == 0 and np.ndim(drift) == 0:
        mean, slope = brownian.stationary_mean(drift, variance)
        relaxation = 2.0 * float(variance) / float(drift) ** 2
        return {"mean": mean, "derivative_in_drift": slope, "relaxation_time": relaxation}
    return {"mean": regimes.stationary_mean(drift, variance, generator)}


def transient(
    *,
    times: Real = (50.0, 100.0, 200.0),
    drift: Real = -34.0,
    variance: Real = 107000.0,
    time_step: Real = 0.04,
) -> dict[str, Any]:
    """Return the mean workload from empty: of the reflected diffusion, and of projected Euler.

    Args:
        times: at which. drift, variance: b and sigma^2. time_step: of projected Euler.
    """
    at = np.atleast_1d(positive("times", times))
    exact = [brownian.workload_mean(t, drift, variance) for t in at]
    step = scalar("time_step", time_step, positive)
    return {
        "mean": [value for value, _ in exact],
        "derivative_in_drift": [slope for _, slope in exact],
        "projected_euler": [euler.mean(step, max(1, round(t / step)), drift, variance) for t in at],
    }


def differences(*, horizon: Real = 200.0, scheme: Any = "exact", time_step: Real = 0.04) -> dict[str, Any]:
    """Return the mean cost differences of figure 11 without simulation.

    Args:
        horizon: T. scheme: ``exact``, or ``projected_euler`` as in the paper. time_step: of the latter.
    """
    found = pricing_system(scheme=scheme, time_step=time_step)
    end = scalar("horizon", horizon, positive)
    values = comparison.differences(found.kernel.spec, found.params, end)
    return {"cost": values.cost, "minus_constant": values.constant, "minus_arbitrary": values.arbitrary}


@float64
def two_users(
    *,
    workload: Real = 10000.0,
    prices: Real = (1.0, 1.0),
    mu: Real = (0.1, 0.05),
    rate: Real = (1000.0, 1000.0),
    capacity: Real = 2000.0,
    kinds: Any = ("log", "delay"),
    reading: Any = "paper",
) -> dict[str, Any]:
    """Return the Pareto point of two users, the price ratio that makes it, costs and the rates of its queues.

    Args:
        workload: W. prices, mu, rate: of the two users. capacity: that they share.
        kinds: of their utilities, ``log`` or ``delay``. reading: of the cost, ``paper`` or ``literal``.

    Source: Dai (2024), equations (4.1), (5.1), (5.5), (5.7), (5.20), (5.22).
    """
    two = isinstance(kinds, list | tuple) and len(kinds) == 2
    require(two, "kinds", kinds, "are not two names", 'give ["log", "delay"]')
    pair = cast(tuple[Kind, Kind], tuple(choice("kinds", kind, ("log", "delay")) for kind in kinds))
    how = cast(Reading, choice("reading", reading, ("paper", "literal")))
    p, m, c = (_two(field, value) for field, value in (("prices", prices), ("mu", mu), ("rate", rate)))
    w, total = scalar("workload", workload, positive), scalar("capacity", capacity, positive)
    q = closed_form.pareto_pair(pair, p, m, c, w, how)
    costs = [
        closed_form.dual_cost(kind, *user, how)
        for kind, user in zip(pair, zip(p, q, m, c, strict=True), strict=True)
    ]
    rates = closed_form.share(pair, p[0] * q[0], p[1] * q[1], total)
    kappa = closed_form.price_ratio(pair, q[0] / m[0], q[1] / m[1], m, c)
    return {
        "queues": [float(x) for x in q],
        "costs": [float(x) for x in costs],
        "total_cost": float(costs[0] + costs[1]),
        "kappa": float(kappa),
        "rates": [float(x) for x in rates],
    }


def _two(field: str, value: Any) -> tuple[float, float]:
    array = positive(field, value)
    require(array.shape == (2,), field, value, f"has shape {array.shape}", "give two numbers")
    return float(array[0]), float(array[1])


def path(*, seed: Whole = 0, replication: Whole = 0, steps: Whole = 20, users: Whole = 3) -> dict[str, Any]:
    """Return the decisions of the game along one replication, at the ends of steps of 1 unit of time.

    Args:
        seed, replication: which path. steps: how many. users: J.
    """
    from jaxsim.models.pricing.catalogue import game
    from jaxsim.models.pricing.paths import decisions

    found = pricing_system(users=users, time_step=1.0)
    record = decisions(found, game(found), seed=seed, replication=replication, steps=steps)
    return {name: np.asarray(value).tolist() for name, value in vars(record).items()}
