"""A packet's service as the sum of four stages of a blockchain, each with its own mean and variability.

    v = v_registration + v_security + v_policy + v_payment,   independent,
    E v = sum_k m_k,   Var v = sum_k m_k^2 c_k^2,   beta^2 = Var v / (E v)^2

    c_k^2 = 0        constant
    0 < c_k^2 < 1    a constant and an exponential: m (1 - c) + m c E
    c_k^2 >= 1       two exponential phases with balanced means (one where c^2 = 1): with probability
                     a = (1 + sqrt((c^2 - 1)/(c^2 + 1)))/2 the mean is m/(2 a), else m/(2 (1 - a))

Each law has exactly the mean and variability asked for, and is sampled exactly.

Source: Dai (2024), section 1 and figure 1: user registration, security checking, policy computing and
payment; the service time is the sum over these steps.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core import samplers
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Real, UInt32
from jaxsim.core.validation import non_negative, positive, require

NAMES = ("registration", "security", "policy", "payment")
WORDS = 2 * len(NAMES)
"""Random words that a packet takes."""


@pytree
class Stages:
    """The laws of the four stages, in the order of `NAMES`: means and squared coefficients of variation.

    One set for all users, or a row per user.
    """

    means: Float[Array, "*users stages"]
    scvs: Float[Array, "*users stages"]

    @property
    def mean(self) -> Float[Array, "*users"]:
        """Mean service: the mean packet length 1/mu."""
        return jnp.sum(self.means, axis=-1)

    @property
    def scv(self) -> Float[Array, "*users"]:
        """Squared coefficient of variation of the whole service: beta^2."""
        return jnp.sum(self.means**2 * self.scvs, axis=-1) / self.mean**2

    def of_mean_one(self) -> Stages:
        """Return the same stages in units of the mean service."""
        return Stages(self.means / self.mean[..., None], self.scvs)

    def of(self, user: int) -> Stages:
        """Return the stages of one user."""
        return self if self.means.ndim == 1 else Stages(self.means[user], self.scvs[user])

    def sample(self, words: UInt32[Array, "words"]) -> Float[Array, " stages"]:
        """Return the times of the four stages of a packet, whose sum is its service, from `WORDS` words."""
        first, second = words[: len(NAMES)], words[len(NAMES) :]
        drawn = samplers.exponential(first)
        c = jnp.sqrt(jnp.minimum(self.scvs, 1))
        steady = (1 - c) + c * drawn
        excess = jnp.maximum(self.scvs, 1)
        a = (1 + jnp.sqrt((excess - 1) / (excess + 1))) / 2
        # 1 - a without cancellation: a (1 - a) = 1 / (2 (c^2 + 1))
        rest = 1 / (2 * (excess + 1) * a)
        short = samplers.uniform(second) < a
        varied = drawn / (2 * jnp.where(short, a, rest))
        return self.means * jnp.where(self.scvs < 1, steady, varied)


DEFAULT_MEANS, DEFAULT_SCVS = (1.0, 2.0, 5.0, 2.0), (1.0, 4.0, 30.0, 1.0)


def done(
    parts: Float[Array, " stages"], before: Float[Array, ""], after: Float[Array, ""]
) -> Float[Array, " stages"]:
    """Return the work done at each stage while what is left of a packet falls from ``before`` to ``after``.

    The stages of a packet with these ``parts`` are passed in order; the last is all that is left at the end.
    """
    most = jnp.cumsum(parts[::-1])[::-1]
    least = jnp.append(most[1:], 0.0)
    return jnp.clip(before, least, most) - jnp.clip(after, least, most)


def stages(means: Real, scvs: Real, prefix: str = "", users: int | None = None) -> Stages:
    """Return the stages from four means and four squared coefficients of variation.

    ``prefix``: of the names of both in messages. ``users``: J, where a row of four per user is allowed too.

    Raises:
        InvalidInput: unless means are nonnegative, some positive, and variabilities nonnegative.
    """
    first, second = prefix + "means", prefix + "scvs"
    m, c = non_negative(first, means), non_negative(second, scvs)
    shared = (len(NAMES),)
    rows = "" if users is None else f", or {users} rows of them"
    for field, array in ((first, m), (second, c)):
        fits = array.shape == shared or (users is not None and array.shape == (users, *shared))
        require(fits, field, array, "is not four numbers", f"give {', '.join(NAMES)}{rows}")
    some = bool(np.all(np.sum(m, axis=-1) > 0))
    require(some, first, means, "are all zero", "make one of them positive")
    m, c = np.broadcast_arrays(m, c)
    return Stages(jnp.asarray(m, jnp.float32), jnp.asarray(c, jnp.float32))


def problem(*, means: Real = DEFAULT_MEANS, scvs: Real = DEFAULT_SCVS, load: Real = 10.0) -> dict[str, Any]:
    """Moments of a packet's service by stage: registration, security, policy, payment.

    ``means``, ``scvs``: of the four stages (squared coefficients of variation). ``mu`` and ``packet_scv`` are
    what ``simulate pricing`` takes. ``work``: what each stage brings per unit of time at ``load`` packets per
    unit of time; ``share_of_variance``: of the packet length.
    """
    made = stages(means, scvs)
    rate = positive("load", load)
    require(rate.ndim == 0, "load", load, "is not one number", "give one number")
    m, c = np.asarray(made.means, np.float64), np.asarray(made.scvs, np.float64)
    variance = m**2 * c
    total = variance.sum()
    return {
        "mean": float(m.sum()),
        "mu": float(1 / m.sum()),
        "packet_scv": float(total / m.sum() ** 2),
        "work": dict(zip(NAMES, (float(rate) * m).tolist(), strict=True)),
        "variance": dict(zip(NAMES, variance.tolist(), strict=True)),
        "share_of_variance": dict(
            zip(NAMES, (variance / total if total else variance).tolist(), strict=True)
        ),
    }
