"""Random games to train and to judge the learned policy on: three pools with users and loads of their own."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import samplers
from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Float
from jaxsim.models.pricing import network
from jaxsim.models.pricing.games.dual import levels, shares
from jaxsim.models.pricing.games.utilities import Power

POOLS = 3
_WORKLOADS = np.log([[30.0, 1000.0], [300.0, 5000.0], [1000.0, 20000.0]])
_DELAY = np.array([0.25, 0.5, 0.75])
"""ln w between these bounds, and the share of users of kind delay, at each pool."""

_LOW, _HIGH = 0.49, 4.0
_NUMBERS = 8


def situation(key: Key, users: int, pool: Array) -> network.Situation:
    """Return a random coalition of so many users at a pool, as the network sees it."""
    words = key.words(Stream.INITIAL, _NUMBERS * users)
    u = samplers.open_uniform(words).reshape(users, _NUMBERS)
    load = samplers.open_uniform(key.words(Stream.ARRIVALS, 2))
    bounds = jnp.asarray(_WORKLOADS, jnp.float32)[pool]
    log_workload = bounds[0] + (bounds[1] - bounds[0]) * load[0]
    delay = u[:, 0] < jnp.asarray(_DELAY, jnp.float32)[pool]
    one = jnp.ones(users)
    utility = Power(
        jnp.where(delay, 2.0, one), jnp.where(delay, 2.0, one), jnp.where(delay, 3.0, one)
    )  # the pair (4.1) of the paper
    price = _LOW * jnp.exp(jnp.log(_HIGH / _LOW) * u[:, 1])
    rate, mu = 20 * 100 ** u[:, 2], 0.05 + 0.05 * u[:, 3]
    held = -jnp.log(u[:, 4])
    return network.Situation(
        level=levels(utility, price, rate, mu),
        order=utility.order,
        share=held / jnp.sum(held),
        position=(price - _LOW) / (_HIGH - _LOW),
        log_workload=log_workload,
        regime=pool,
    )


def loss(variables: Any, key: Key, pool: Array) -> Array:
    """Return ln of the dual cost, averaged over coalitions of 2, 3, 5 and 8 users of a pool."""
    sizes = (2, 3, 5, 8)
    return sum((network.loss(variables, situation(key, n, pool)) for n in sizes), jnp.zeros(())) / len(sizes)


def exact_log_cost(seen: network.Situation) -> Float[Array, ""]:
    """Return ln of the least dual cost."""
    return network.log_cost(seen, shares(seen.level, seen.order, seen.log_workload)[0])


def regret(variables: Any, key: Key, users: int, pool: Array) -> Float[Array, ""]:
    """Return cost of the network's queues / least cost - 1 on a random coalition."""
    seen = situation(key, users, pool)
    return jnp.expm1(network.loss(variables, seen) - exact_log_cost(seen))


def selection_regret(variables: Any, key: Key, users: int, pool: Array) -> Float[Array, ""]:
    """Return the regret of the pair with the least predicted cost of so many users, with its queues."""
    seen = situation(key, users, pool)
    first, second = np.triu_indices(users, 1)
    pairs = jnp.asarray(np.stack([first, second], axis=1))

    def of(pair: Array) -> tuple[Array, Array]:
        rows = {name: getattr(seen, name)[pair] for name in ("level", "order", "share", "position")}
        part = network.Situation(**rows, log_workload=seen.log_workload, regime=seen.regime)
        return network.loss(variables, part), exact_log_cost(part)

    predicted, exact = jax.vmap(of)(pairs)
    return jnp.expm1(jnp.min(predicted) - jnp.min(exact))
