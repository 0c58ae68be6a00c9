"""Training on samples that stay where they arise: local steps at every client, averages at the center.

    round:   x_c <- optimizer steps on E[loss(x, key, c)] from x, at each client c
             x   <- sum_c weight_c x_c

Only parameters travel, never samples. With one local step and plain gradient descent this is gradient
descent on the weighted mean of the clients' losses; more local steps save rounds and let clients with
different samples drift apart in between. `central` trains on the same mixture with all samples in one place.

Source: McMahan et al. (2017), "Communication-efficient learning of deep networks from decentralized data"
(federated averaging).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsim.core import random
from jaxsim.core.random import Key, Stream
from jaxsim.core.types import Array, Real, Whole
from jaxsim.core.validation import distribution, integer, require

Loss = Callable[[Any, Key, Array], Array]
"""``loss(parameters, key, client)``: a scalar from one sample of that client (0, 1, ...); pure."""


class Trained(NamedTuple):
    """The parameters, and the mean loss of every step: [rounds, clients, local steps], or [steps]."""

    parameters: Any
    losses: np.ndarray


def federated(
    loss: Loss,
    start: Any,
    *,
    clients: Whole,
    rounds: Whole = 50,
    local_steps: Whole = 10,
    batch: Whole = 32,
    optimizer: optax.GradientTransformation | None = None,
    weights: Real = None,
    seed: Whole = 0,
) -> Trained:
    """Train by federated averaging from ``start``.

    Args:
        loss: see `Loss`. start: pytree of floats.
        clients: number of clients. rounds, local_steps: averages, and optimizer steps in between.
        batch: fresh samples per step. optimizer: optax, started anew in each round (default Adam, rate 3e-3).
        weights: of the clients in the average, a distribution (default equal). seed: of all samples.

    Raises:
        InvalidInput: for numbers out of range.
    """
    count, total, local = _counts(clients=clients, rounds=rounds, local_steps=local_steps)
    (size,) = _counts(batch=batch)
    given = np.full(count, 1 / count) if weights is None else distribution("weights", weights)
    fits = given.shape == (count,)
    require(fits, "weights", weights, f"are not {count} numbers", "give one weight per client")
    require(total * count * local * size < 2**32, "rounds", rounds, "need too many samples", "take fewer")
    run = _federated(loss, optimizer or _adam(3e-3), total, count, local, size)
    found, losses = run(start, random.key(seed), jnp.asarray(given, jnp.float32))
    return Trained(found, np.asarray(losses))


def central(
    loss: Loss,
    start: Any,
    *,
    clients: Whole,
    steps: Whole = 500,
    batch: Whole = 96,
    optimizer: optax.GradientTransformation | None = None,
    seed: Whole = 0,
) -> Trained:
    """Train on samples of all clients in equal parts, gathered in one place.

    Arguments as for `federated`; ``steps`` optimizer steps with ``batch`` samples each.

    Raises:
        InvalidInput: for numbers out of range.
    """
    count, total, size = _counts(clients=clients, steps=steps, batch=batch)
    require(total * size < 2**32, "steps", steps, "need too many samples", "take fewer")
    run = _central(loss, optimizer or _adam(3e-3), total, count, size)
    found, losses = run(start, random.key(seed))
    return Trained(found, np.asarray(losses))


def _counts(**given: Any) -> tuple[int, ...]:
    return tuple(integer(name, value, low=1) for name, value in given.items())


@functools.lru_cache(maxsize=16)
def _adam(rate: float) -> optax.GradientTransformation:
    return optax.adam(rate)


def _steps(loss: Loss, optimizer: optax.GradientTransformation, batch: int) -> Callable[..., Any]:
    """Return one optimizer step on a batch: samples ``first`` .. of the key, of the given clients."""

    def mean(x: Any, root: Key, first: Array, client: Any) -> Array:
        numbers = first + jnp.arange(batch, dtype=jnp.uint32)
        return jnp.mean(jax.vmap(lambda n: loss(x, root.replication(n), client(root, n)))(numbers))

    def step(carry: tuple[Any, Any], root: Key, first: Array, client: Any) -> tuple[tuple[Any, Any], Array]:
        x, state = carry
        value, slope = jax.value_and_grad(mean)(x, root, first, client)
        change, state = optimizer.update(slope, state, x)
        return (optax.apply_updates(x, change), state), value

    return step


@functools.lru_cache(maxsize=16)
def _federated(
    loss: Loss, optimizer: optax.GradientTransformation, rounds: int, clients: int, local: int, batch: int
) -> Callable[..., Any]:
    step = _steps(loss, optimizer, batch)

    @jax.jit
    def run(start: Any, root: Key, weights: Array) -> tuple[Any, Array]:
        def at_client(x: Any, number: Array, client: Array) -> tuple[Any, Array]:
            def one(carry: Any, k: Array) -> Any:
                first = (((number * clients + client) * local + k) * batch).astype(jnp.uint32)
                return step(carry, root, first, lambda key, n: client)

            (x, _), losses = jax.lax.scan(one, (x, optimizer.init(x)), jnp.arange(local))
            return x, losses

        def one_round(x: Any, number: Array) -> tuple[Any, Array]:
            each, losses = jax.vmap(lambda c: at_client(x, number, c))(jnp.arange(clients))
            return jax.tree.map(lambda v: jnp.tensordot(weights, v, axes=1), each), losses

        return jax.lax.scan(one_round, start, jnp.arange(rounds))

    return run


@functools.lru_cache(maxsize=16)
def _central(
    loss: Loss, optimizer: optax.GradientTransformation, steps: int, clients: int, batch: int
) -> Callable[..., Any]:
    step = _steps(loss, optimizer, batch)

    def client(root: Key, number: Array) -> Array:
        word, _ = root.replication(number).pair(Stream.GRADIENT)
        return (word % jnp.uint32(clients)).astype(jnp.int32)

    @jax.jit
    def run(start: Any, root: Key) -> tuple[Any, Array]:
        def one(carry: Any, k: Array) -> Any:
            return step(carry, root, (k * batch).astype(jnp.uint32), client)

        (x, _), losses = jax.lax.scan(one, (start, optimizer.init(start)), jnp.arange(steps))
        return x, losses

    return run
