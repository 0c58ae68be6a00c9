"""The random environment: a continuous-time Markov chain with generator G, seen on a grid of steps.

Two ways to cross a step of length h. ``matrix``: the regime of the step's start holds for the whole step and
then moves by exp(G h): the regime is right at the grid, its effect is late by a part of h. ``split``: the
step is cut where the chain jumps, so the regime is exact at every moment; at most ``pieces`` pieces, and a
status bit if that is not enough.

Source: Dai (2024), equations (2.1) and (2.2).
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import samplers
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Float, Int
from jaxsim.core.validation import numbers, require

Crossing = Literal["matrix", "split"]


@pytree
class Clockwork:
    """What the chain needs, as tables.

    start: cumulative stationary law. holding: gamma. cumulative: rows of exp(G h), or of the jump chain.
    """

    start: Float[Array, " regimes"]
    holding: Float[Array, " regimes"]
    cumulative: Float[Array, "regimes regimes"]


class Piece(NamedTuple):
    """A part of a step during which the regime is constant."""

    time: Any
    regime: Any


def prepare(crossing: Crossing, generator: Float[Array, "k k"], step: Float[Array, ""]) -> Clockwork:
    """Return the tables of the chain."""
    holding = -jnp.diagonal(generator)
    if crossing == "matrix":
        law = jax.scipy.linalg.expm(generator * step)
    else:
        safe = jnp.where(holding > 0, holding, 1.0)
        law = (generator + jnp.diag(holding)) / safe[:, None]
    size = generator.shape[0]
    balance = jnp.vstack([generator.T, jnp.ones(size)])
    start = jnp.linalg.lstsq(balance, jnp.zeros(size + 1).at[-1].set(1.0))[0]
    return Clockwork(jnp.cumsum(start), holding, jnp.cumsum(law, axis=1))


def move(clockwork: Clockwork, regime: Int[Array, ""], word: Array) -> Int[Array, ""]:
    """Return the next regime, drawn from the row of the present one."""
    row = jnp.take(clockwork.cumulative, regime, axis=0, mode="clip")
    return samplers.by_cdf(row, samplers.uniform(word))


def cross(
    clockwork: Clockwork, regime: Int[Array, ""], step: Float[Array, ""], words: list[tuple[Array, Array]]
) -> tuple[list[Piece], Int[Array, ""], Bool[Array, ""]]:
    """Cut a step at the chain's jumps.

    Args:
        words: two per piece: for the holding time, and for where the chain jumps.

    Returns:
        The pieces (those after the end of the step have length 0), the regime at the end, and whether the
        pieces did not suffice.
    """
    left, pieces, late = step, [], jnp.zeros((), bool)
    for hold, where in words:
        rate = jnp.take(clockwork.holding, regime, mode="clip")
        time = samplers.exponential(hold) / jnp.where(rate > 0, rate, 1.0)
        jumps = (time < left) & (rate > 0)
        length = jnp.where(jumps, time, left)
        pieces.append(Piece(length, regime))
        regime = jnp.where(jumps, move(clockwork, regime, where), regime)
        left = left - length
        late = jumps
    return pieces, regime, late


def pieces_needed(generator: np.ndarray, step: float, rare: float = 1e-12) -> int:
    """Return how many pieces all but a share ``rare`` of the steps need at most (Poisson tail)."""
    mean = float(np.max(-np.diagonal(generator))) * step
    count, term, tail = 1, math.exp(-mean), 1.0 - math.exp(-mean)
    while tail > rare and count < 64:
        term *= mean / count
        tail -= term
        count += 1
    return count


def checked_generator(field: str, value: Any) -> np.ndarray:
    """Return the generator if it is one: square, off-diagonal >= 0, rows that sum to 0.

    Raises:
        InvalidInput: if it is not.
    """
    matrix = np.atleast_2d(numbers(field, value))
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    require(square, field, value, f"has shape {matrix.shape}", "give K rows of K numbers")
    off = matrix - np.diag(np.diagonal(matrix))
    require(bool(np.all(off >= 0)), field, value, "has a negative rate", "give rates >= 0 off the diagonal")
    scale = max(1.0, float(np.max(np.abs(matrix))))
    sums = bool(np.all(np.abs(matrix.sum(axis=1)) <= 1e-9 * scale))
    require(
        sums, field, value, "has rows that do not sum to 0", "put minus the sum of the others on the diagonal"
    )
    return matrix


def stationary(generator: Any) -> np.ndarray:
    """Return the chain's stationary law: pi G = 0, sum pi = 1 (float64, by least squares)."""
    matrix = np.asarray(generator, np.float64)
    size = len(matrix)
    system = np.vstack([matrix.T, np.ones(size)])
    return np.linalg.lstsq(system, np.r_[np.zeros(size), 1.0], rcond=None)[0]
