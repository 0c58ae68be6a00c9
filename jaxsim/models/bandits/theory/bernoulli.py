"""Bernoulli arms with Beta priors: two-sided brackets of the Gittins index."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betainc, gammaln

from jaxsim.core import validation
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float
from jaxsim.models.bandits.theory.inputs import Numbers

_NEWTON_STEPS = 60
_DEEPEST = 8192


class Bracket(NamedTuple):
    """Certain bounds of the index, lower <= nu <= upper, and how many plays ahead they look."""

    lower: Float[np.ndarray, "..."]
    upper: Float[np.ndarray, "..."]
    depth: int

    @property
    def middle(self) -> Float[np.ndarray, "..."]:
        """Return the middle of the bracket; its error is at most half the width."""
        return np.asarray((self.lower + self.upper) / 2)


@float64
def bernoulli_index(
    successes: Numbers, failures: Numbers, discount: Numbers, *, tolerance: float = 1e-7
) -> Bracket:
    """Gittins index of a Bernoulli arm whose success probability has a Beta(a, b) distribution.

    The state moves from (a, b) to (a+1, b) with probability a/(a+b), earning 1, and else to (a, b+1). Looking
    N plays ahead exactly, two problems with the same first N plays enclose the true one: after N plays

        lower: the probability stays unknown for ever:   h = max(a/(a+b) - nu, 0) / (1 - beta)
        upper: the probability is revealed:              h = E max(p - nu, 0) / (1 - beta)

    where h is the best discounted surplus over a charge nu per play. The index is where the surplus of being
    forced to play once is 0. N doubles until upper - lower <= ``tolerance``.

    Args: a, b > 0 (shapes that broadcast), discount in [0, 1), tolerance. Returns a `Bracket` in that shape.
    Special case: with discount 0 the index is a/(a+b).
    Raises `InvalidInput` for a, b <= 0, a discount outside [0, 1), or when N = 8192 is not enough.
    Source: problem of Gittins (1979); a stochastic arm of Ishikida (1992), equation (6.17).
    """
    a, b = np.broadcast_arrays(
        validation.positive("successes", successes), validation.positive("failures", failures)
    )
    beta = float(validation.probability("discount", discount))
    validation.require(beta < 1, "discount", beta, "is not in [0, 1)", "give a number below 1")
    width = float(validation.positive("tolerance", tolerance))
    # The brackets are about beta^N times the spread of p after N plays, which is of order 1/100.
    needed = np.log(min(100 * width, 0.1)) / np.log(max(beta, 0.01))
    depth, lower = 2 ** max(3, int(np.ceil(np.log2(needed)))), (a / (a + b)).ravel()
    while True:
        lower, upper = np.moveaxis(np.asarray(_brackets(a.ravel(), b.ravel(), lower, beta, depth)), -1, 0)
        if bool(np.all(upper - lower <= width)):
            return Bracket(lower.reshape(a.shape), upper.reshape(a.shape), depth)
        validation.require(
            depth < _DEEPEST, "tolerance", tolerance, f"is not reached looking {depth} plays ahead",
            "give a larger tolerance or a smaller discount",
        )  # fmt: skip
        depth *= 2


@partial(jax.jit, static_argnames="depth")
def _brackets(a: Array, b: Array, below: Array, beta: Array, depth: int) -> Array:
    """Return (arms, 2) lower and upper bounds."""

    def one(prior: tuple[Array, Array, Array]) -> Array:
        return jax.vmap(lambda revealed: _root(*prior, beta, revealed, depth))(jnp.array([False, True]))

    return jax.lax.map(one, (a, b, below), batch_size=min(16, a.shape[0]))


def _root(a: Array, b: Array, below: Array, beta: Array, revealed: Array, depth: int) -> Array:
    """Find the charge that makes one forced play worth 0, by Newton's method from a charge below it.

    The surplus is convex and decreasing in the charge, so Newton's steps rise to the root and stop there; on
    the lower problem they are policy iteration, nu <- reward / time under the best stopping rule. Steps
    converge quadratically: the last one, below 1e-12, leaves nothing but rounding. NaN if there is no end.
    """

    def improve(carry: tuple) -> tuple:
        charge, _, step = carry
        surplus, time = _surplus(a, b, beta, charge, revealed, depth)
        return charge + surplus / time, surplus / time, step + 1

    def unfinished(carry: tuple) -> Array:
        _, change, step = carry
        return (change > 1e-12) & (step < _NEWTON_STEPS)

    charge, change, _ = jax.lax.while_loop(unfinished, improve, (below, jnp.ones_like(below), 0))
    return jnp.where(change > 1e-12, jnp.nan, charge)


def _surplus(
    a: Array, b: Array, beta: Array, charge: Array, revealed: Array, depth: int
) -> tuple[Array, Array]:
    """Surplus of playing once and then as long as it pays, and minus its derivative in the charge."""
    won = jnp.arange(depth + 1, dtype=a.dtype)
    mean = (a + won) / (a + b + depth)
    stays = (mean > charge).astype(a.dtype)
    above, earned = _upper_tails(a + won, b + depth - won, charge)
    time = jnp.where(revealed, above, stays) / (1 - beta)
    value = jnp.where(revealed, earned, stays * mean) / (1 - beta) - charge * time

    def one_play_earlier(back: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        value, time = carry
        played = depth - 1 - back
        chance = (a + won) / (a + b + played)
        value = chance - charge + beta * (chance * jnp.roll(value, -1) + (1 - chance) * value)
        time = 1 + beta * (chance * jnp.roll(time, -1) + (1 - chance) * time)
        pays = (value > 0) | (played == 0)
        return jnp.where(pays, value, 0), jnp.where(pays, time, 0)

    value, time = jax.lax.fori_loop(0, depth, one_play_earlier, (value, time))
    return value[0], time[0]


def _upper_tails(a: Array, b: Array, x: Array) -> tuple[Array, Array]:
    """Return P(p > x) and E[p; p > x] for p ~ Beta(a_k, b_k) along an antidiagonal, a_k + b_k constant.

    With u_k = x^a_k (1-x)^b_k / (a_k B(a_k, b_k)), the regularized incomplete beta function steps by
    I_x(a+1, b) = I_x(a, b) - u and I_x(a+1, b-1) = I_x(a, b) - u / (1 - x): one evaluation, then a sum of
    positive terms. Source: Abramowitz and Stegun (1964), 26.5.15 and 26.5.16.
    """
    log_beta = gammaln(a) + gammaln(b) - gammaln(a + b)
    u = jnp.exp(a * jnp.log(x) + b * jnp.log1p(-x) - log_beta) / a
    first = betainc(b[0], a[0], 1 - x)
    above = first + jnp.concatenate([jnp.zeros(1, u.dtype), jnp.cumsum(u[:-1]) / (1 - x)])
    return above, a / (a + b) * (above + u)
