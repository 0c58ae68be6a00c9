"""The dual-cost Pareto point (3.22): how queues should share a given workload at given prices.

    minimize  sum_j C_j(q_j)   subject to   sum_j q_j / mu_j >= w,

    literal  C_j = (1 / mu_j) int_0^q Phi_j(p_j u) / c_j^b_j du         the text of (3.22)
    paper    C_j = (1 / mu_j) int_0^(p_j q) Phi_j(x) / c_j^b_j dx       what (5.1) uses: p_j times the literal

In the workload y_j = q_j / mu_j of a user the marginal cost of power utilities is exp(level_j) y_j^order_j,
so that at a multiplier exp(l) the shares of the workload are exp((l - excess_j) / order_j), and l solves

    F(l) = ln sum_j exp((l - excess_j) / order_j) = 0,

convex and increasing with slopes between the reciprocals of the orders: Newton from the upper bound
l = min excess = 0 descends to the root without overshooting, and no difference of large numbers is taken.
With several pools the costs of a user add up and a Newton step moves the multiplier and all shares together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array, Float
from jaxsim.core.validation import choice
from jaxsim.models.pricing.games.bisection import by_bisection
from jaxsim.models.pricing.games.utilities import Custom, Power, Utility

COSTS = ("paper", "literal")
"""Readings of the dual cost; "literal" is the one whose optimum the simulated queues follow."""

STEPS = 6
POOLED_STEPS = 12
_FAR = 1e4
"""An excess in logarithms beyond which a share is 0 in every precision; finite, so that gradients are."""


class Pareto(NamedTuple):
    """A Pareto minimal point.

    queues: [users]. log_cost: ln of each user's cost [users] (minus infinity for none). log_multiplier: ln of
    the workload's price, the common marginal cost. residual: largest violation of the optimality
    conditions, relative (marginal costs that differ, workload missed).
    """

    queues: Array
    log_cost: Array
    log_multiplier: Array
    residual: Array

    @property
    def cost(self) -> Array:
        """Total cost C_0."""
        return jnp.sum(jnp.exp(self.log_cost), axis=-1)


def levels(
    utility: Power,
    prices: Float[Array, " users"],
    rates: Float[Array, "*pools users"],
    mu: Float[Array, " users"],
    *,
    cost: str = "paper",
) -> Float[Array, "*pools users"]:
    """Return ln of each user's marginal cost at unit workload; infinity where the rate is 0.

    The marginal cost at workload y is exp(level) y^order. Prices and service rates must be positive.
    """
    power = utility.order + (1.0 if choice("cost", cost, COSTS) == "paper" else 0.0)
    served = rates > 0
    known = (
        jnp.log(utility.coefficient) + power * jnp.log(prices) + utility.order * jnp.log(mu)
        - utility.decay * jnp.log(jnp.where(served, rates, 1))
    )  # fmt: skip
    return jnp.where(served, known, jnp.inf)


def shares(
    level: Float[Array, " users"],
    order: Float[Array, " users"],
    log_workload: Float[Array, ""],
    *,
    steps: int = STEPS,
) -> tuple[Float[Array, " users"], Float[Array, ""]]:
    """Return ln of the users' shares of the workload [users] and ln of its multiplier.

    Users with level infinity are left out (share 0); at least one must be finite. Shares sum to 1 to
    rounding: the constraint is met whatever the multiplier's error. Exact first derivatives: the last step
    is one of Newton's from a constant point.
    """
    heavy = level + order * log_workload  # ln marginal cost of a user who carries all the workload
    low = jnp.min(heavy)
    excess = jnp.minimum(heavy - low, _FAR)

    def newton(point: Array, excess: Array) -> Array:
        terms = jnp.exp((point - excess) / order)
        total = jnp.sum(terms)
        return point - jnp.log(total) * lax.stop_gradient(total / jnp.sum(terms / order))

    point, fixed = jnp.zeros_like(low), lax.stop_gradient(excess)
    for _ in range(steps - 1):  # unrolled: the whole solution is one fused elementwise loop
        point = newton(point, fixed)
    point = newton(lax.stop_gradient(point), excess)
    log_share = (point - excess) / order
    return log_share - jnp.log(jnp.sum(jnp.exp(log_share))), point + low


def pareto(
    utility: Utility,
    prices: Float[Array, " users"],
    workload: Float[Array, ""],
    rates: Float[Array, " users"],
    mu: Float[Array, " users"],
    *,
    cost: str = "paper",
) -> Pareto:
    """Return the Pareto minimal dual-cost point of one pool.

    prices, rates, mu: per user, prices and mu positive; users with rate 0 are left out (q = 0). workload:
    w >= 0; at w = 0 all queues are 0. Power utilities take 6 Newton steps, others nested bisection. Pure:
    ``vmap`` over instances, with ``in_axes=-1`` for speed. Differentiable once for power utilities.

    Source: Dai (2024), (3.22), (5.2) to (5.5). The printed root (5.5) cancels: in double precision three of
    ten random instances lose more than two digits, in single precision nine of ten.
    """
    some = workload > 0
    log_workload = jnp.log(jnp.where(some, workload, 1))
    if isinstance(utility, Custom):
        found = by_bisection(utility, prices, log_workload, rates, mu, COSTS.index(cost) == 0)
        return _empty_if_idle(Pareto(*found), some)
    level = levels(utility, prices, rates, mu, cost=cost)
    log_share, log_multiplier = shares(level, utility.order, log_workload)
    return _point(level, utility.order, log_share, log_multiplier, log_workload, mu, some)


def _point(
    level: Array,
    order: Array,
    log_share: Array,
    log_multiplier: Array,
    log_workload: Array,
    mu: Array,
    some: Array,
) -> Pareto:
    inside = level < jnp.inf
    heavy = jnp.where(inside, level, 0) + order * (log_share + log_workload)
    log_cost = heavy + log_share + log_workload - jnp.log(order + 1)
    missed = jnp.abs(jnp.sum(jnp.exp(log_share)) - 1)
    off = jnp.max(jnp.where(inside, jnp.abs(heavy - log_multiplier), 0))
    queues, log_cost = mu * jnp.exp(log_share + log_workload), jnp.where(inside, log_cost, -jnp.inf)
    return _empty_if_idle(Pareto(queues, log_cost, log_multiplier, jnp.maximum(off, missed)), some)


def _empty_if_idle(point: Pareto, some: Array) -> Pareto:
    """Return the point where there is workload, and empty queues without cost where there is none."""
    idle = Pareto(*(jnp.full_like(x, v) for x, v in zip(point, (0, -jnp.inf, -jnp.inf, 0), strict=True)))
    return jax.tree.map(lambda x, y: jnp.where(some, x, y), point, idle)


def pareto_pools(
    utility: Power,
    prices: Float[Array, " users"],
    workload: Float[Array, ""],
    rates: Float[Array, "pools users"],
    mu: Float[Array, " users"],
    *,
    cost: str = "paper",
    steps: int = POOLED_STEPS,
) -> Pareto:
    """Return the Pareto minimal dual-cost point of users who draw on several pools.

        C_j(q) = sum_v C_vj(q),    sum_j q_j / mu_j >= w

    ``utility`` and ``rates`` have a row per pool; a rate of 0 leaves the user out of that pool, a column of
    zeros out of service. Pools are coupled through the queues: each user has one queue for all. Newton
    acts on the multiplier and all ln shares at once; look at the residual. ``log_cost`` is per user, over all
    pools.

    Source: Dai (2024), (3.22) with C_0j = sum_v C_vj.
    """
    some = workload > 0
    log_workload = jnp.log(jnp.where(some, workload, 1))
    level = levels(utility, prices, rates, mu, cost=cost)
    heavy = level + utility.order * log_workload
    inside = jnp.any(rates > 0, axis=0)
    heavy = jnp.where(rates > 0, heavy, -jnp.inf)

    def marginal(log_share: Array) -> tuple[Array, Array]:
        """Return ln of the users' marginal costs and its slope in the ln share."""
        terms = heavy + utility.order * log_share
        top = jnp.max(terms, axis=0)
        parts = jnp.exp(terms - jnp.where(inside, top, 0))
        total = jnp.where(inside, jnp.sum(parts, axis=0), 1)
        slope = jnp.sum(utility.order * parts, axis=0) / total
        return jnp.where(inside, top, 0) + jnp.log(total), jnp.where(inside, slope, 1)

    def newton(_: Any, point: tuple[Array, Array]) -> tuple[Array, Array]:
        log_multiplier, log_share = point
        at, slope = marginal(log_share)
        part = jnp.where(inside, jnp.exp(log_share), 0)
        total = jnp.sum(part)
        part = part / total
        gap = (log_multiplier - at) / slope
        change = (-jnp.log(total) - jnp.sum(part * gap)) / jnp.sum(part / slope)
        return log_multiplier + change, log_share + gap + change / slope

    users = mu.shape[0]
    log_share = jnp.full((users,), -jnp.log(1.0 * users))
    at, _ = marginal(log_share)
    start = (jnp.min(jnp.where(inside, at, jnp.inf)), log_share)
    log_multiplier, log_share = lax.fori_loop(0, steps, newton, start)
    log_share = jnp.where(inside, log_share, -jnp.inf)
    log_share = log_share - jnp.log(jnp.sum(jnp.exp(log_share)))
    full = jnp.where(inside, log_share, 0)
    at, _ = marginal(full)
    residual = jnp.max(jnp.where(inside, jnp.abs(at - log_multiplier), 0))
    costs = heavy + utility.order * full + full + log_workload - jnp.log(utility.order + 1)
    log_cost = jax.nn.logsumexp(jnp.where(inside, costs, -jnp.inf), axis=0)
    queues = mu * jnp.exp(log_share + log_workload)
    return _empty_if_idle(Pareto(queues, log_cost, log_multiplier, residual), some)


def unilateral_gains(
    utility: Power,
    point: Pareto,
    prices: Array,
    rates: Array,
    mu: Array,
    workload: Array,
    *,
    cost: str = "paper",
) -> Float[Array, " users"]:
    """Return the cost that each user could save by changing only the own queue within the constraint.

    Costs increase in the own queue, so the best reply is the least queue that keeps the workload at w: 0
    gains at the Pareto point up to rounding (Dai 2024, (5.6)).
    """
    loads = point.queues / mu
    least = jnp.maximum(workload - (jnp.sum(loads) - loads), 0)
    level = levels(utility, prices, rates, mu, cost=cost)
    inside = level < jnp.inf
    level = jnp.where(inside, level, 0)
    at = lambda y: jnp.exp(level) * y ** (utility.order + 1) / (utility.order + 1)  # noqa: E731
    return jnp.where(inside, jnp.maximum(at(loads) - at(least), 0), 0)
