"""What both models share: the users, the environment, what a policy sees and what it decides.

Vectors over users are tuples of scalars inside kernels: a replication axis is then the only one, and every
operation over thousands of replications is a plain vector loop.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Bool, Float, Int
from jaxsim.models.pricing.closed_form import Kind, Reading

Vector = tuple[Any, ...]
"""One number per user."""


@dataclass(frozen=True)
class Market:
    """Static choices.

    kinds: the utility of each user, ``log`` or ``delay``.
    pools, regimes: V and K.
    reading: of the dual cost, ``paper`` (5.1) or ``literal`` (3.22).
    """

    kinds: tuple[Kind, ...]
    pools: int = 1
    regimes: int = 1
    reading: Reading = "paper"

    @property
    def users(self) -> int:
        """J."""
        return len(self.kinds)

    @property
    def coalitions(self) -> tuple[tuple[int, int], ...]:
        """All pairs of users, in the order of the paper: (1, 2), (1, 3), (2, 3), ..."""
        return tuple(itertools.combinations(range(self.users), 2))


@pytree
class Users:
    """What is known of the users in each regime of the environment; see `jaxsim.models.pricing.system`.

    arrival_rate, batch_mean: lambda_j(i) of batches, and m_j(i) packets in a batch.
    interarrival_scv, batch_scv, packet_scv: alpha_j^2, zeta_j^2, beta_j^2, squared coefficients of variation.
    mu: 1 / mean packet length. theta: (6.3), r (lambda^r_j - lambda_j) m_j.
    rate: rho_vj(i), service rate of user j at pool v at which dual costs are taken.
    generator: G of the environment.
    initial_prices, lower_prices, upper_prices: at time 0, and the bounds that the market keeps prices in.
    """

    arrival_rate: Float[Array, "regimes users"]
    batch_mean: Float[Array, "regimes users"]
    interarrival_scv: Float[Array, " users"]
    batch_scv: Float[Array, " users"]
    packet_scv: Float[Array, " users"]
    mu: Float[Array, " users"]
    theta: Float[Array, "regimes users"]
    rate: Float[Array, "regimes pools users"]
    generator: Float[Array, "regimes regimes"]
    initial_prices: Float[Array, " users"]
    lower_prices: Float[Array, " users"]
    upper_prices: Float[Array, " users"]


@pytree
class Terms:
    """What a policy knows beside the state: of each user, in the present regime, and the market's rules."""

    mu: Vector
    rate: Vector
    initial: Vector
    lower: Vector
    upper: Vector
    market: Market = static()


@pytree
class Observation:
    """What a policy of the diffusion sees at the end of a step.

    workload: W. queues: its queues at the end of the step before; for a policy that reflects in queue space
        (``dimension = "queues"``), the reflected queues now.
    prices: what it remembered (`Action.memory`). emptied: whether the system was empty during the step.
    regime: of the environment, 0 .. K-1.
    """

    workload: Float[Array, ""]
    queues: Vector
    prices: Vector
    emptied: Bool[Array, ""]
    regime: Int[Array, ""] | int
    terms: Terms


@pytree
class Action:
    """What a policy of the diffusion decides.

    queues: Q_j, holding the workload W together. prices: P_j charged for them. memory: P_j to remember.
    coalition: number of the selected pair in `Market.coalitions`.
    """

    queues: Vector
    prices: Vector
    memory: Vector
    coalition: Int[Array, ""] | int


def effective_rates(
    market: Market, rate: Float[Array, "regimes pools users"]
) -> Float[Array, "regimes users"]:
    """Return the rate at which one pool would cost user j as much as all pools together.

    A user's dual cost is a sum over pools, so 1/c = sum_v 1/c_v (log) and 1/c^3 = sum_v 1/c_v^3 (delay).
    """
    if market.pools == 1:
        return rate[:, 0, :]
    powers = jnp.asarray([1.0 if kind == "log" else 3.0 for kind in market.kinds], rate.dtype)
    return jnp.sum(rate**-powers, axis=1) ** (-1.0 / powers)


def terms_of(market: Market, users: Users, effective: Array, regime: Any) -> Terms:
    """Return the terms in a regime; with a single regime nothing is looked up."""
    now = effective[0] if market.regimes == 1 else effective[regime]
    prices = (users.initial_prices, users.lower_prices, users.upper_prices)
    return Terms(tuple(users.mu), tuple(now), *map(tuple, prices), market=market)


def pick(table: Array, *index: tuple[Any, int]) -> Array:
    """Return ``table[i, j, ...]`` for pairs (i, size): an axis of size 1 is not looked up."""
    for number, size in index:
        table = table[0] if size == 1 else jnp.take(table, number, axis=0, mode="clip")
    return table


def where(condition: Any, first: Vector, second: Vector) -> Vector:
    """Return the first vector where the condition holds, else the second."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), first, second)


AtEmpty = Literal["reset", "hold"]
Order = Literal["same", "prices_first", "queues_first"]
