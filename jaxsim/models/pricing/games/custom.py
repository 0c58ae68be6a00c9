"""Utilities that users write themselves: condition (6.1) is checked, and weight and decay are read off.

U(0, c) = 0;  U = Phi(x) Psi(c), increasing and concave in c;  Psi multiplicative or additive;
dU/dc increasing in x from 0 without bound
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.validation import refuse, require
from jaxsim.models.pricing.games.utilities import Custom

_X = np.logspace(-2, 4, 13)
_C = np.logspace(-1, 3, 9)
_TOLERANCE = 1e-6

Function = Callable[[Any, Any], Any]


@float64
def custom(functions: Sequence[Function] | Function) -> Custom:
    """Return the utilities that ``functions[j](x, c)`` describe, one per user, after checking (6.1).

    The functions take and return JAX scalars. The check is numerical, on 13 x 9 points with x in
    [1e-2, 1e4] and c in [1e-1, 1e3], in float64 with relative tolerance 1e-6; that the marginal grows
    without bound is judged from its increments up to x = 1e16.

    Raises:
        InvalidInput: naming the user and the part of (6.1) that fails.

    Source: Dai (2024), condition (6.1). Its functional equation is taken up to a constant factor of Psi,
    which Phi absorbs: the paper's own -x^2 / c^2 satisfies it only so.
    """
    listed = [functions] if callable(functions) else list(functions)
    require(len(listed) > 0, "utility", functions, "holds no function", "give one function U(x, c) per user")
    decays = [_decay(f"utility[{j}]", u) for j, u in enumerate(listed)]
    weights = tuple(_weight(u) for u in listed)
    return Custom(jnp.asarray(np.array(decays)), weights)


def _weight(utility: Function) -> Callable[[Any], Any]:
    slope = jax.grad(utility, argnums=1)
    return lambda x: slope(x, jnp.ones_like(x))


def _decay(field: str, utility: Function) -> float:
    """Check (6.1) for one user and return b of dU/dc = Phi(x) / c^b."""
    name = getattr(utility, "__name__", repr(utility))

    def check(condition: Any, problem: str, remedy: str) -> None:
        require(bool(np.all(condition)), field, name, problem, remedy)

    slope = jax.grad(utility, argnums=1)
    grid = lambda f: jax.vmap(lambda x: jax.vmap(lambda c: f(x, c))(jnp.asarray(_C)))(jnp.asarray(_X))  # noqa: E731
    try:
        plain, m, bend = (np.asarray(grid(f)) for f in (utility, slope, jax.grad(slope, argnums=1)))
    except Exception as error:
        kind = f"cannot be differentiated ({type(error).__name__})"
        refuse(field, name, kind, "write a scalar function U(x, c) with jax.numpy")
    at = lambda f, x: np.asarray(jax.vmap(lambda c: f(jnp.asarray(x), c))(jnp.asarray(_C)))  # noqa: E731
    check(np.isfinite(plain) & np.isfinite(m), "is not finite for x > 0, c > 0", "define it there")
    size = np.abs(plain).max()
    check(np.abs(at(utility, 0.0)) <= _TOLERANCE * size, "is not 0 at x = 0", "make U(0, c) = 0")
    check(m > 0, "does not increase with the rate c", "make dU/dc > 0 for x > 0")
    check(bend < 0, "is not strictly concave in the rate c", "make d2U/dc2 < 0 for x > 0")
    split = m * m[0, 0] / (m[:, :1] * m[:1, :])
    product = np.abs(split - 1) <= _TOLERANCE
    check(product, "is not a product Phi(x) Psi(c)", "separate the valued queue from the rate")
    logs = np.log(m[0])
    b = -float((logs[-1] - logs[0]) / (np.log(_C[-1]) - np.log(_C[0])))
    line = logs[0] - b * (np.log(_C) - np.log(_C[0]))
    psi = "Psi is neither multiplicative nor additive"
    check(np.abs(line - logs) <= _TOLERANCE * max(1.0, b), psi, "use a power or a logarithm of c")
    exact = m * _C * np.log(_C) if abs(b - 1) < _TOLERANCE else m * _C / (1 - b)
    check(np.abs(exact - plain) <= _TOLERANCE * (np.abs(plain) + m * _C), psi, "drop the term without c")
    check(np.diff(m, axis=0) > 0, "has a marginal that does not increase with x", "make dU/dc increase in x")
    none = np.abs(at(slope, 0.0)) <= _TOLERANCE * m.max(axis=0)
    check(none, "has a marginal at x = 0", "make dU/dc = 0 for an empty queue")
    far = [float(slope(x, 1.0)) for x in (1.0, 1e8, 1e16)]
    unbounded = far[2] - far[1] > 0.5 * (far[1] - far[0])
    check(unbounded, "has a marginal that stays bounded", "let dU/dc grow without bound in x")
    return b
