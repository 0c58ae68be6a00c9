"""``jaxsim solve pricing.PROBLEM``: the games at one instance; the defaults are the paper's examples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, integer, non_negative, positive, refuse, require
from jaxsim.models.pricing.games import dual, nash, regions, selection
from jaxsim.models.pricing.games.utilities import Power, by_name, radially_homogeneous, value

_METHODS = ("auto", "enumeration", "lagrangian")

# compiled as a whole: op by op they would take ten times as long to start
_pareto = jax.jit(dual.pareto, static_argnames="cost")
_pareto_pools = jax.jit(dual.pareto_pools, static_argnames=("cost", "steps"))
_equilibrium = jax.jit(nash.equilibrium)
_select = jax.jit(selection.select, static_argnames=("size", "cost", "method"))
_savings = jax.jit(dual.unilateral_gains, static_argnames="cost")


def _users(utility: Power, **vectors: tuple[Any, Any]) -> dict[str, jax.Array]:
    """Return the vectors with one number per user; a single number serves all."""
    count = utility.order.shape[0]
    out = {}
    for name, (check, given) in vectors.items():
        array = np.atleast_1d(check(name, given))
        fits = array.shape in ((1,), (count,))
        require(fits, name, given, f"does not match the {count} utilities", "give one number per user")
        out[name] = jnp.asarray(np.broadcast_to(array, count))
    return out


@float64
def pareto(
    *,
    prices: Real = (1.0, 1.0),
    workload: Real = 10000.0,
    rates: Real = (1000.0, 1000.0),
    mu: Real = (0.1, 0.05),
    utilities: Any = ("proportional", "delay"),
    alpha: Real = 2.0,
    beta: Real = 1.0,
    cost: str = "paper",
) -> dict[str, Any]:
    """Queues that carry a workload at the least dual cost, with prices (figure 10 of Dai 2024 by default).

    One number per user: ``prices``, ``rates`` c, ``mu`` (1 / mean packet length), ``utilities``
    (proportional, delay, or fair with ``alpha`` and ``beta``). ``cost`` is paper (5.1) or literal (3.22).
    ``gains``: what a user could save alone; ``residual``: the largest relative violation of the optimality
    conditions.
    """
    utility = _named(utilities, alpha, beta)
    given = _users(utility, prices=(positive, prices), rates=(positive, rates), mu=(positive, mu))
    w = _scalar(non_negative, "workload", workload)
    choice("cost", cost, dual.COSTS)
    arguments = (given["prices"], w, given["rates"], given["mu"])
    found = _pareto(utility, *arguments, cost=cost)
    p, w, c, m = arguments
    gains = _savings(utility, found, p, c, m, w, cost=cost)
    costs = jnp.exp(found.log_cost)
    return {
        "queues": found.queues.tolist(),
        "workloads": (found.queues / given["mu"]).tolist(),
        "costs": costs.tolist(),
        "cost": float(jnp.sum(costs)),
        "multiplier": float(jnp.exp(found.log_multiplier)),
        "gains": gains.tolist(),
        "residual": float(found.residual),
    }


@float64
def pools(
    *,
    prices: Real = (1.0, 1.0, 1.0),
    workload: Real = 10000.0,
    rates: Any = ((1000.0, 1000.0, 0.0), (0.0, 1000.0, 1000.0)),
    mu: Real = (0.1, 0.05, 0.1),
    utilities: Any = (
        ("proportional", "delay", "proportional"),
        ("proportional", "proportional", "proportional"),
    ),
    alpha: Real = 2.0,
    beta: Real = 1.0,
    cost: str = "paper",
) -> dict[str, Any]:
    """Queues of least dual cost for users who draw on several pools, whose costs add up.

    ``rates`` and ``utilities`` have a row per pool (a rate of 0: the pool does not serve that user); the
    other keys are those of ``pareto``.
    """
    rows = utilities if isinstance(utilities, list | tuple) else [utilities]
    if not rows or isinstance(rows[0], str):
        refuse("utilities", utilities, "has no row per pool", 'give [["proportional", ...], ...]')
    parts = [_named(row, alpha, beta) for row in rows]
    same = all(part.order.shape == parts[0].order.shape for part in parts)
    require(same, "utilities", utilities, "has rows of different lengths", "name every user in each pool")
    utility = jax.tree.map(lambda *x: jnp.stack(x), *parts)
    given = _users(parts[0], prices=(positive, prices), mu=(positive, mu))
    c = non_negative("rates", rates)
    shape = (len(rows), parts[0].order.shape[0])
    require(
        c.shape == shape, "rates", rates, f"is not {shape[0]} x {shape[1]}", "give a row of users per pool"
    )
    served = bool(np.all(np.any(c > 0, axis=0)))
    require(
        served, "rates", rates, "leaves a user without service", "give every user a positive rate somewhere"
    )
    w = _scalar(non_negative, "workload", workload)
    choice("cost", cost, dual.COSTS)
    found = _pareto_pools(utility, given["prices"], w, jnp.asarray(c), given["mu"], cost=cost)
    costs = jnp.exp(found.log_cost)
    return {
        "queues": found.queues.tolist(),
        "costs": costs.tolist(),
        "cost": float(jnp.sum(costs)),
        "multiplier": float(jnp.exp(found.log_multiplier)),
        "residual": float(found.residual),
    }


@float64
def equilibrium(
    *,
    prices: Real = (1.0, 1.0),
    queues: Real = (100.0, 50.0),
    utilities: Any = ("proportional", "delay"),
    alpha: Real = 2.0,
    beta: Real = 1.0,
    total: Real = 2000.0,
    caps: Real = (1500.0, 1500.0),
    facets: Any = None,
    bounds: Any = None,
    exponents: Any = None,
) -> dict[str, Any]:
    """Rates of the utility-maximizing Nash equilibrium of one pool (figure 7 of Dai 2024 by default).

    The region is ``total`` and ``caps`` (one number per user), or ``facets`` (a row of nonnegative numbers
    per facet) with ``bounds``. ``exponents`` e >= 1, one per facet or one for all, curve them: the sum of
    (facets c)^e is at most bounds^e. An empty queue gets no rate. ``gains``: utility that a user could gain
    alone; ``kkt``: the largest relative violation of the optimality conditions. Pools do not interact: solve
    each.
    """
    utility = _named(utilities, alpha, beta)
    given = _users(utility, prices=(positive, prices), queues=(non_negative, queues))
    region = _region(utility, total, caps, facets, bounds, exponents)
    valued = given["prices"] * given["queues"]
    found = _equilibrium(utility, region, valued)
    price = found.multipliers * jnp.exp(found.log_unit)
    return {
        "rates": found.rates.tolist(),
        "utilities": value(utility, valued, found.rates).tolist(),
        "gains": found.gains.tolist(),
        "kkt": float(found.kkt),
        "multipliers": np.atleast_1d(price).tolist(),
        "radially_homogeneous": radially_homogeneous(utility),
    }


@float64
def select(
    *,
    prices: Real = (1.0, 1.0, 1.0),
    workload: Real = 10000.0,
    rates: Real = (1000.0, 1000.0, 1000.0),
    mu: Real = (0.1, 0.05, 0.1),
    utilities: Any = ("proportional", "delay", "proportional"),
    size: Whole = 2,
    alpha: Real = 2.0,
    beta: Real = 1.0,
    cost: str = "paper",
    method: str = "auto",
) -> dict[str, Any]:
    """The users to serve, ``size`` of them: the coalition that carries the workload at the least dual cost.

    Default: the three users of Dai (2024), example 4.3. ``method``: enumeration (exact; ties to the first),
    lagrangian (for many users, with a proven ``gap``), or auto. ``margin``: by what share the best exchange
    of one user would raise the cost. Users are numbered from 1. Other keys as in ``pareto``.
    """
    utility = _named(utilities, alpha, beta)
    count = utility.order.shape[0]
    given = _users(utility, prices=(positive, prices), rates=(positive, rates), mu=(positive, mu))
    number = integer("size", size, low=1, high=count)
    w = _scalar(positive, "workload", workload)
    choice("cost", cost, dual.COSTS)
    choice("method", method, _METHODS)
    many = math.comb(count, number)
    few = many <= selection.MOST_COALITIONS
    if method == "auto":
        method = "enumeration" if few else "lagrangian"
    require(
        few or method != "enumeration",
        "method",
        method,
        f"would list {many} coalitions",
        "use method=lagrangian",
    )
    found = _select(
        utility, given["prices"], w, given["rates"], given["mu"], size=number, cost=cost, method=method
    )
    return {
        "selected": (np.asarray(found.members) + 1).tolist(),
        "queues": found.queues.tolist(),
        "cost": float(jnp.exp(found.log_cost)),
        "lower_bound": float(jnp.exp(found.log_bound)),
        "gap": float(found.gap),
        "margin": None if number == count else float(found.margin),
        "method": method,
    }


def _region(
    utility: Power, total: Real, caps: Real, facets: Any, bounds: Any, exponents: Any
) -> regions.Region:
    """Return the region of the keys given: by its total and caps, or by facets, linear or curved."""
    if (facets is None) != (bounds is None):
        missing = "bounds" if bounds is None else "facets"
        refuse(missing, None, "is missing", "give facets and bounds together")
    if facets is None:
        flat = exponents is None
        require(flat, "exponents", exponents, "curve no facets", "give facets and bounds too")
        return regions.sum_and_box(
            _scalar(positive, "total", total), _users(utility, caps=(positive, caps))["caps"]
        )
    count = utility.order.shape[0]
    fits = np.ndim(facets) == 2 and np.shape(facets)[1] == count
    require(fits, "facets", facets, f"does not have {count} columns", "give one column per user")
    if exponents is None:
        return regions.polytope(facets, bounds)
    return regions.power_facets(facets, bounds, exponents)


def _named(names: Any, alpha: Any, beta: Any) -> Power:
    return by_name(names, alpha=alpha, beta=beta)


def _scalar(check: Callable[..., np.ndarray], name: str, given: Any) -> jax.Array:
    array = check(name, given)
    require(array.size == 1, name, given, "is not one number", "give one number")
    return jnp.asarray(array.reshape(()))
