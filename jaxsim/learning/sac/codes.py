"""Numbers of neighbourhoods: what an agent and its neighbours are in, or are in and do, as one index."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Int


def digits(own: Int[Array, " agents"], neighbours: np.ndarray, missing: int) -> list[Array]:
    """Return the values of an agent and of each of its neighbours; ``missing`` where it has no neighbour."""
    padded = jnp.append(own, missing)
    return [own, *(padded[neighbours[:, k]] for k in range(neighbours.shape[1]))]


def number(own: Int[Array, " agents"], neighbours: np.ndarray, values: int) -> Int[Array, " agents"]:
    """Return the number, base ``values`` + 1 where some agent lacks a neighbour, of these values."""
    base = values + padded(neighbours)
    code = jnp.zeros_like(own)
    for digit in digits(own, neighbours, values):
        code = code * base + digit
    return code


def padded(neighbours: np.ndarray) -> int:
    """Return 1 where some agent has fewer neighbours than others, else 0."""
    return int((neighbours == len(neighbours)).any())


def count(neighbours: np.ndarray, values: int) -> int:
    """Return how many numbers there are."""
    return int((values + padded(neighbours)) ** (neighbours.shape[1] + 1))
