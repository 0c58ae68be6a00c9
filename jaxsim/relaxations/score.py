"""The score function: unbiased gradients through choices that stay hard.

A path makes choices c with probabilities p_c that depend on what is tuned. With G_c the part of the value
that choice c can influence ("to go"),

    d E[value] = E[ d value + sum_c (G_c - b_c) d log p_c ]

for any baseline b_c that is independent of choice c given what came before it. Cutting G_c down to what the
choice can reach (later costs; later costs inside a `cones.cone`) and choosing b_c well change the variance
only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxsim.core.types import Array, Float

_frozen = jax.lax.stop_gradient


class Sample(NamedTuple):
    """One replication: its value, and what estimators need to know of its choices.

    value: a scalar; what it depends on directly is differentiated as it stands.
    log_chance: log-probability of the choices as a function of what is tuned: a scalar, or an array with an
        entry for each choice (or for each group of choices). Only choices that depend on it need be there.
    to_go: shaped like log_chance: the part of the value that each choice can influence; default all of it.
    baseline: shaped like log_chance: a forecast of to_go from this path alone, independent of the choice
    given
        what came before it. By default 0.
    exogenous: shaped like log_chance, or a scalar: a quantity whose law no choice can change (the cost of a
        reference policy in the same environment, say): a control variate.
    critic, smooth: for `Conditional`: the forecast of to_go given the outcome of each choice (shaped like
        log_chance), and the sum over choices of its conditional mean before the choice, differentiable.
    """

    value: Float[Array, ""]
    log_chance: Float[Array, "*choices"] | float = 0.0
    to_go: Any = None
    baseline: Any = None
    exogenous: Any = None
    critic: Any = None
    smooth: Any = None


def with_score(
    value: Float[Array, "*n"], log_chance: Float[Array, "*n"], baseline: Float[Array, "*n"] | float = 0.0
) -> Float[Array, "*n"]:
    """Return the value, with a derivative whose mean is the derivative of E[value].

        d E[value] = E[ d value + (value - baseline) d log_chance ]

    Args:
        value: what was sampled, depending on the parameters directly or not.
        log_chance: log-probability of the choices behind it, as a function of the parameters. Only choices
            whose probability depends on them need be in it.
        baseline: anything independent of these choices: it changes the variance, never the mean.

    Source: Williams (1992), "Simple statistical gradient-following algorithms"; the surrogate: Foerster et
    al. (2018), "DiCE".
    """
    return value + _frozen(value - baseline) * (log_chance - _frozen(log_chance))


def leave_one_out(values: Float[Array, "n *choices"]) -> Float[Array, "n *choices"]:
    """Return for each of n >= 2 independent values the mean of the others: a baseline without bias."""
    n = values.shape[0]
    return (jnp.sum(values, axis=0) - values) / (n - 1)


def leave_one_out_line(
    values: Float[Array, "n *choices"], exogenous: Float[Array, "n *choices"]
) -> Float[Array, "n *choices"]:
    """Return for each of n >= 3 values its forecast by the others' regression on an exogenous quantity.

        b_i = mean_{-i}(y) + slope_{-i} (x_i - mean_{-i}(x)),

    elementwise over choices. Neither the coefficients nor x_i depend on the choices of i, so that the
    baseline has no bias; with slope 0 it is `leave_one_out`.
    """
    n = values.shape[0]
    x, y = (v - jnp.mean(v, axis=0) for v in (exogenous, values))
    shrink = n / (n - 1)
    # Sums of squares about the mean of the others, by taking one value out.
    square = jnp.sum(x * x, axis=0) - shrink * x * x
    cross = jnp.sum(x * y, axis=0) - shrink * x * y
    slope = jnp.where(square > 0, cross / jnp.where(square > 0, square, 1.0), 0.0)
    return leave_one_out(values) + slope * shrink * x
