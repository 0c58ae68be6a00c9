"""What users want: utilities U(x, c) of a valued queue x = p q and a rate c, one user per entry.

    marginal   dU/dc = Phi(x) / c^b,      Phi(0) = 0, Phi increasing without bound

Condition (6.1) of the paper asks that U = Phi(x) Psi(c) with Psi(nu c) = Psi(nu) Psi(c) or
Psi(nu) + Psi(c); up to a constant factor the only increasing concave solutions are a logarithm (b = 1) and
powers (b > 0, b != 1). So a utility is its weight Phi and its decay b, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float, Real
from jaxsim.core.validation import choice, positive, refuse, require

NAMES = ("proportional", "delay", "fair")
"""Names of utilities on the command line: proportional fair, minimal potential delay, (beta, alpha)-fair."""


@pytree
class Power:
    """U = coefficient x^order c^(1 - decay) / (1 - decay), or coefficient x^order ln c where decay = 1.

    Attributes (one number per user, or per pool and user):
        coefficient: > 0. order: > 0, exponent of the valued queue. decay: > 0.
    """

    coefficient: Float[Array, "*users"]
    order: Float[Array, "*users"]
    decay: Float[Array, "*users"]

    def log_weight(self, x: Float[Array, "*users"]) -> Float[Array, "*users"]:
        """Return ln Phi(x), minus infinity for an empty queue."""
        some = x > 0
        value = jnp.log(self.coefficient) + self.order * jnp.log(jnp.where(some, x, 1))
        return jnp.where(some, value, -jnp.inf)


@pytree
class Custom:
    """Utilities with any weights Phi_j, read off users' own functions by `games.custom.custom`.

    Attributes:
        decay: one number per user. weights: one function x -> Phi_j(x) per user (static).
    """

    decay: Float[Array, " users"]
    weights: tuple[Callable[[Any], Any], ...] = static()

    def log_weight(self, x: Float[Array, " users"]) -> Float[Array, " users"]:
        """Return ln Phi(x), minus infinity for an empty queue."""
        some = x > 0
        inside = jnp.where(some, x, 1)
        value = jnp.log(jnp.stack([phi(inside[j]) for j, phi in enumerate(self.weights)]))
        return jnp.where(some, value, -jnp.inf)


Utility = Power | Custom


def value(utility: Utility, x: Float[Array, " users"], c: Float[Array, " users"]) -> Float[Array, " users"]:
    """Return U_j(x_j, c_j); 0 for an empty queue.

    Utilities that are logarithms or negative powers are minus infinity at rate 0.
    """
    logs = utility.log_weight(x)
    flat = jnp.abs(utility.decay - 1) < 1e-9
    power = jnp.where(flat, 2.0, utility.decay)
    shape = jnp.where(flat, jnp.log(c), c ** (1 - power) / (1 - power))
    return jnp.where(x > 0, jnp.exp(logs) * jnp.where(x > 0, shape, 0), 0)


def proportional_fair(users: int = 1) -> Power:
    """Return U = x ln c (Dai 2024, equation (4.1), user 1)."""
    return _power(np.ones(users), np.ones(users), np.ones(users))


def minimal_potential_delay(users: int = 1) -> Power:
    """Return U = -x^2 / c^2 (Dai 2024, equation (4.1), user 2), whose marginal is 2 x^2 / c^3."""
    return _power(np.full(users, 2.0), np.full(users, 2.0), np.full(users, 3.0))


def fair(beta: Real = 1.0, alpha: Real = 2.0) -> Power:
    """Return the (beta, alpha)-proportionally fair U = beta x^alpha c^(1 - alpha) / (1 - alpha).

    alpha = 1 is beta x ln c. One number per user. Source: Ye, Yao (2008), cited by Dai (2024), section 3.2.

    Raises:
        InvalidInput: unless beta and alpha are positive.
    """
    b, a = np.broadcast_arrays(np.atleast_1d(positive("beta", beta)), np.atleast_1d(positive("alpha", alpha)))
    return _power(b, a, a)


def join(*parts: Power) -> Power:
    """Return the utilities of all users in one, in the order given."""
    fields = ("coefficient", "order", "decay")
    return Power(*(jnp.concatenate([jnp.atleast_1d(getattr(p, f)) for p in parts]) for f in fields))


def by_name(names: Any, *, alpha: Real = 2.0, beta: Real = 1.0) -> Power:
    """Return utilities from a list of names, one per user (see `NAMES`); alpha and beta are for ``fair``.

    Raises:
        InvalidInput: for an unknown name, or an alpha or beta that is not positive.
    """
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, list | tuple) or not listed:
        refuse("utilities", names, "is not a list of names", f"give one of {', '.join(NAMES)} per user")
    makers = {
        "proportional": proportional_fair, "delay": minimal_potential_delay,
        "fair": lambda: fair(beta, alpha),
    }  # fmt: skip
    parts = [makers[choice("utilities", name, NAMES)]() for name in listed]
    return join(*parts)


def radially_homogeneous(utility: Utility) -> bool:
    """Say whether rates depend on the direction of the valued queues alone, c(a x) = c(x) for a > 0 (6.2).

    Rates equate Phi_j(x_j) / c_j^b_j over users, so they are unchanged by a common factor exactly when all
    orders of the Phi_j are equal: utilities of different orders, such as the pair (4.1) of the paper (x and
    x^2), are not homogeneous, against what the paper assumes of them. There, valued queues must be taken on
    the diffusion scale. Custom weights are tried at factors of 10 and 1000.
    """
    if isinstance(utility, Power):
        order = np.asarray(utility.order)
        return bool(np.all(np.abs(order - order.flat[0]) <= 1e-6 * order.flat[0]))
    x = jnp.ones(len(utility.weights))
    steps = [np.asarray(utility.log_weight(a * x) - utility.log_weight(x)) for a in (10.0, 1000.0)]
    return all(bool(np.ptp(step) <= 1e-4 * np.abs(step).max()) for step in steps)


def _power(coefficient: Any, order: Any, decay: Any) -> Power:
    require(len(order) > 0, "users", len(order), "is no user", "give at least one user")
    return Power(*(jnp.asarray(np.array(v, np.float64)) for v in (coefficient, order, decay)))
