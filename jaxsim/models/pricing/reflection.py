"""Reflected Brownian motion, one step at a time: exactly in one dimension, at faces in several.

On a step of length h the free path is x + X(s), X(s) = b s + sigma B(s). With its increment d = X(h) and the
running minimum m = min X(s) the reflected path (Skorokhod map at 0) ends at

    z = x + d + max(0, -(x + m)) = d + max(x, -m).

The joint law of (d, m) is that of a Brownian bridge from 0 to d: m = (d - sqrt(d^2 + 2 sigma^2 h E)) / 2 with
E exponential of mean 1, independent of d. So a step of any size is exact. Projected Euler looks at the end
of the step only, z = max(0, x + d), and underestimates E z by 0.5826 sigma sqrt(h) (Asmussen, Glynn and
Pitman 1995).

In several dimensions z = x + d + R y >= 0, where y >= 0 pushes coordinate j only while z_j = 0. The scheme
here: y solves the linear complementarity problem (x + m) + R y >= 0, y >= 0, y' (x + m + R y) = 0, with m_j
the running minimum of each coordinate (exact), and z = x + d + R y. It is exact while one face at most is
met in a step; near corners its error is of the order of the step's standard deviation there. With m = d it
is projected Euler.

Source: Dai (2024), Definition 3.1; Shepp (1979), the law of (d, m); Harrison and Reiman (1981), the map.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Bool, Float
from jaxsim.core.validation import numbers, require

Scheme = Literal["exact", "projected_euler"]
MOST_DIMENSIONS = 6


def drop(increment: Float[Array, ""], variance: Any, exponential: Float[Array, ""]) -> Float[Array, ""]:
    """Return -m >= 0: how far the free path fell during the step, given its increment.

    Args:
        increment: d. variance: sigma^2 h. exponential: E, of mean 1.
    """
    return 0.5 * (jnp.sqrt(increment * increment + 2.0 * variance * exponential) - increment)


def reflect(
    scheme: Scheme, x: Float[Array, ""], increment: Float[Array, ""], fall: Float[Array, ""]
) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """Return (z, touched): the reflected level at the end of the step and whether it was 0 during it.

    Args:
        x: level at the start, >= 0. increment: d. fall: `drop` of the step (not read by projected Euler).
    """
    if scheme == "projected_euler":
        end = x + increment
        return jnp.maximum(end, 0.0), end <= 0
    return increment + jnp.maximum(x, fall), fall >= x


def faces(matrix: Float[Array, "u u"]) -> Float[Array, "faces u u"]:
    """Return, for every set A of coordinates, the matrix that gives y = -R_AA^-1 x_A (0 elsewhere).

    The sets are in binary order: bit j of the row's number says whether j is in A. A singular R_AA gives
    infinities, which `oblique` never selects.
    """
    size = matrix.shape[0]
    rows = []
    for chosen in itertools.product((0.0, 1.0), repeat=size):
        inside = jnp.asarray(chosen[::-1], matrix.dtype)
        both = inside[:, None] * inside[None, :]
        square = both * matrix + jnp.diag(1.0 - inside)
        rows.append(-both * jnp.linalg.inv(square))
    return jnp.stack(rows)


def oblique(
    face: Float[Array, "faces u u"],
    matrix: Float[Array, "u u"],
    x: tuple[Any, ...],
    increment: tuple[Any, ...],
    fall: tuple[Any, ...],
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return (z, y): the level in the orthant at the end of a step, and the pushes.

    Args:
        face: `faces` of R. matrix: R. x: level at the start. increment: d. fall: -m, or -d for Euler.

    The 2^u candidates are tried in turn and the one least infeasible is taken, so rounding cannot leave none.
    """
    size = len(x)
    low = [x[j] - fall[j] for j in range(size)]
    best: Any = None
    push: Any = [jnp.zeros_like(low[0])] * size
    for number in range(face.shape[0]):
        inside = [j for j in range(size) if number >> j & 1]
        outside = [j for j in range(size) if j not in inside]
        y: dict[int, Any] = {j: sum(face[number, j, k] * low[k] for k in inside) for j in inside}
        slack = [low[j] + sum(matrix[j, k] * y[k] for k in inside) for j in outside]
        worst = jnp.zeros_like(low[0])
        for value in [*slack, *y.values()]:
            worst = jnp.maximum(worst, -value)
        filled = [jnp.maximum(y[j], 0.0) if j in y else jnp.zeros_like(low[0]) for j in range(size)]
        if best is None:
            best, push = worst, filled
            continue
        better = worst < best
        push = [jnp.where(better, new, old) for new, old in zip(filled, push, strict=True)]
        best = jnp.where(better, worst, best)
    end = [x[j] + increment[j] + sum(matrix[j, k] * push[k] for k in range(size)) for j in range(size)]
    return tuple(jnp.maximum(z, 0.0) for z in end), tuple(push)


def is_s_matrix(matrix: np.ndarray) -> bool:
    """Return whether some y >= 0 has R y > 0 in every coordinate (a small linear program, by its dual).

    By Ville's theorem there is such a y unless some u >= 0, u != 0, has u' R <= 0; both are decided by the
    value of the matrix game R, which is positive exactly in the first case.
    """
    return game_value(matrix) > 1e-12


def game_value(matrix: np.ndarray) -> float:
    """Return max over mixtures y of the least coordinate of R y, by enumeration of square kernels.

    Source: Shapley and Snow (1950): the value is that of some square submatrix that is solved by equalizing.
    """
    size = matrix.shape[0]
    best = -np.inf
    for count in range(1, size + 1):
        for columns in itertools.combinations(range(size), count):
            for rows in itertools.combinations(range(size), count):
                kernel = matrix[np.ix_(rows, columns)]
                system = np.block([[kernel, -np.ones((count, 1))], [np.ones((1, count)), np.zeros((1, 1))]])
                if abs(np.linalg.det(system)) < 1e-14:
                    continue
                mixture = np.linalg.solve(system, np.r_[np.zeros(count), 1.0])[:count]
                if np.all(mixture >= -1e-12):
                    y = np.zeros(size)
                    y[list(columns)] = np.maximum(mixture, 0.0)
                    best = max(best, float(np.min(matrix @ y)))
    return best


def completely_s(field: str, value: Any) -> np.ndarray:
    """Return the reflection matrix if every principal submatrix is an S-matrix.

    That is necessary and sufficient for a reflected Brownian motion in the orthant to exist.

    Raises:
        InvalidInput: if it is not square, larger than 6, or not completely S.

    Source: Taylor, Williams (1993); Dai (2024), Definition 3.1.
    """
    matrix = numbers(field, value)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] <= MOST_DIMENSIONS
    require(square, field, value, f"has shape {matrix.shape}", f"give u x u numbers, u <= {MOST_DIMENSIONS}")
    size = matrix.shape[0]
    for count in range(1, size + 1):
        for chosen in itertools.combinations(range(size), count):
            good = is_s_matrix(matrix[np.ix_(chosen, chosen)])
            remedy = "make every principal submatrix send some y >= 0 to R y > 0; 1 on the diagonal is usual"
            require(good, field, value, f"is not completely S: see rows and columns {_names(chosen)}", remedy)
    return matrix


def _names(chosen: Sequence[int]) -> str:
    return ", ".join(str(j + 1) for j in chosen)
