"""The score function: unbiased gradients through choices that stay hard."""

from __future__ import annotations

import jax

from jaxsim.core.types import Array, Float

_frozen = jax.lax.stop_gradient


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


def leave_one_out(values: Float[Array, " n"]) -> Float[Array, " n"]:
    """Return for each of n >= 2 independent values the mean of the others: a baseline without bias."""
    n = values.shape[0]
    return (values.sum() - values) / (n - 1)
