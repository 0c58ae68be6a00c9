"""Stage 0: which users are served, a saddle point over coalitions (3.20), (3.22).

A coalition of a given size carries the whole workload at its Pareto point; the users selected play
to keep their dual cost low, those left out play to keep it high, and the point where neither side gains by an
exchange is the coalition of least minimal cost. The first one in lexicographic order wins a tie.

    enumeration   every coalition, exact
    lagrangian    the workload gets a price l; a user would take on the load that earns it most,
                  e_j(l) = max_y l y - C_j(y), and the coalition of the largest e_j is best for that price.
                  The dual bound max_l  l w - sum of the largest e_j(l)  says how far from optimal it is.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.types import Array, Float
from jaxsim.models.pricing.games.dual import levels, shares
from jaxsim.models.pricing.games.utilities import Power

MOST_COALITIONS = 5000
"""Coalitions up to which `select` enumerates."""


class Selection(NamedTuple):
    """The users served and how good the choice is.

    members: [size] user numbers, increasing. queues: [users], 0 for those left out. log_cost: ln of the
    coalition's cost. log_bound: ln of a lower bound on the cost of every coalition (equal to log_cost for
    enumeration); gap = cost / bound - 1. margin: cost of the best single exchange of a member against an
    outsider, divided by the cost, less 1: nonnegative at a saddle point.
    """

    members: Array
    queues: Array
    log_cost: Array
    log_bound: Array
    margin: Array

    @property
    def gap(self) -> Array:
        """Return by how much the cost exceeds the lower bound at most, relative."""
        return jnp.expm1(jnp.maximum(self.log_cost - self.log_bound, 0))


def coalitions(users: int, size: int) -> np.ndarray:
    """Return all coalitions [count, size] in lexicographic order."""
    return np.array(list(itertools.combinations(range(users), size)), dtype=np.int32)


def coalition_cost(level: Array, order: Array, log_workload: Array) -> tuple[Array, Array]:
    """Return ln of the least cost of carrying the workload and the ln shares [members] that do it."""
    log_share, _ = shares(level, order, log_workload)
    parts = level + (order + 1) * (log_share + log_workload) - jnp.log(order + 1)
    return jax.nn.logsumexp(parts), log_share


def select(
    utility: Power,
    prices: Float[Array, " users"],
    workload: Float[Array, ""],
    rates: Float[Array, " users"],
    mu: Float[Array, " users"],
    *,
    size: int,
    cost: str = "paper",
    method: str = "enumeration",
) -> Selection:
    """Return the coalition of ``size`` users with the least minimal dual cost, and its queues.

    Arguments as for `jaxsim.models.pricing.games.dual.pareto`, with positive rates and workload.
    ``size``, ``cost`` and ``method`` (enumeration or lagrangian) are static. Pure: ``vmap`` over instances.

    Source: Dai (2024), (3.20), (5.13) to (5.19). As printed, the users left out minimize the negative of a
    cost under a constraint that leaves it unbounded; the reading here is the one that (5.19) carries out.
    """
    level = levels(utility, prices, rates, mu, cost=cost)
    log_workload = jnp.log(workload)
    if method == "lagrangian":
        members, log_bound = _by_price(level, utility.order, log_workload, size)
    else:
        table = jnp.asarray(coalitions(mu.shape[0], size))
        costs = jax.vmap(lambda m: coalition_cost(level[m], utility.order[m], log_workload)[0])(table)
        first = jnp.argmin(costs)
        members, log_bound = table[first], costs[first]
    log_cost, log_share = coalition_cost(level[members], utility.order[members], log_workload)
    queues = jnp.zeros_like(mu).at[members].set(mu[members] * jnp.exp(log_share + log_workload))
    margin = _best_exchange(level, utility.order, log_workload, members) - log_cost
    return Selection(members, queues, log_cost, jnp.minimum(log_bound, log_cost), jnp.expm1(margin))


def _by_price(level: Array, order: Array, log_workload: Array, size: int) -> tuple[Array, Array]:
    """Return the better coalition on the two sides of the best price, and ln of the dual bound."""

    def loads(log_price: Array) -> Array:
        return (log_price - level) / order

    def best(log_price: Array) -> Array:
        # e_j = l y order / (order + 1) with y at which the marginal cost is l
        earned = loads(log_price) + jnp.log(order / (order + 1))
        return jnp.argsort(-earned, stable=True)[:size].astype(jnp.int32)

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        short = jax.nn.logsumexp(loads(middle)[best(middle)]) < log_workload
        return jnp.where(short, middle, low), jnp.where(short, high, middle)

    whole = level + order * log_workload
    bracket = (jnp.min(level + order * (log_workload - jnp.log(1.0 * size))), jnp.max(whole))
    low, high = lax.fori_loop(0, jnp.finfo(level.dtype).nmant + 8, halve, bracket)

    def dual(log_price: Array) -> Array:
        """Return ln of the dual function l w - sum e_j, minus infinity where it is not positive."""
        chosen = best(log_price)
        earned = jnp.exp(loads(log_price)[chosen] - log_workload) * (order / (order + 1))[chosen]
        return log_price + log_workload + jnp.log(jnp.maximum(1 - jnp.sum(earned), 0))

    sides = jnp.stack([jnp.sort(best(low)), jnp.sort(best(high))])
    costs = jax.vmap(lambda m: coalition_cost(level[m], order[m], log_workload)[0])(sides)
    return sides[jnp.argmin(costs)], jnp.maximum(dual(low), dual(high))


def _best_exchange(level: Array, order: Array, log_workload: Array, members: Array) -> Array:
    """Return ln of the least cost over coalitions that differ in one user (infinity if there is none)."""
    users, size = level.shape[0], members.shape[0]
    inside = jnp.zeros(users, bool).at[members].set(True)

    def after(place: Array, user: Array) -> Array:
        changed = members.at[place].set(user)
        value, _ = coalition_cost(level[changed], order[changed], log_workload)
        return jnp.where(inside[user], jnp.inf, value)

    swaps = jax.vmap(lambda k: jax.vmap(lambda j: after(k, j))(jnp.arange(users, dtype=members.dtype)))(
        jnp.arange(size)
    )
    return jnp.min(swaps)
