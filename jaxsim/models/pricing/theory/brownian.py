"""The law of a reflected Brownian motion of drift b and variance rate sigma^2 started at x >= 0.

    P(W_t <= w) = Phi((w - x - b t)/s) - exp(2 b w / sigma^2) Phi((-w - x - b t)/s),   s = sigma sqrt(t),

exponential with mean sigma^2 / (2 |b|) in the limit if b < 0. Everything is differentiable, in 64 bits where
called through `jaxsim.core.precision.float64`.

Source: Harrison (1985), Brownian Motion and Stochastic Flow Systems, section 1.8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Real
from jaxsim.core.validation import non_negative, positive, require, scalar

PANELS, NODES = 96, 12


def cdf(w: Any, t: Any, drift: Any, variance: Any, start: Any = 0.0) -> Array:
    """Return P(W_t <= w); elementwise."""
    s = jnp.sqrt(variance * t)
    mirrored = 2.0 * drift * w / variance + norm.logcdf((-w - start - drift * t) / s)
    return norm.cdf((w - start - drift * t) / s) - jnp.exp(mirrored)


def density(w: Any, t: Any, drift: Any, variance: Any, start: Any = 0.0) -> Array:
    """Return the density of W_t at w > 0; elementwise."""
    s = jnp.sqrt(variance * t)
    tilt, z = 2.0 * drift * w / variance, (-w - start - drift * t) / s
    direct = norm.pdf((w - start - drift * t) / s) / s
    mirrored = jnp.exp(tilt + norm.logpdf(z)) / s - 2.0 * drift / variance * jnp.exp(tilt + norm.logcdf(z))
    return direct + mirrored


def quadrature(t: Any, drift: Any, variance: Any, start: Any = 0.0) -> tuple[Array, Array]:
    """Return nodes and weights on [0, top] for integrals against the law at time t (Gauss and Legendre)."""
    top = start + jnp.maximum(drift, 0.0) * t + 12.0 * jnp.sqrt(variance * t)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.arange(PANELS)[:, None]
    unit = ((edges + (nodes + 1.0) / 2.0) / PANELS).ravel()
    return unit * top, np.tile(weights / (2.0 * PANELS), PANELS) * top


def mean_of(function: Callable[[Array], Array], t: Any, drift: Any, variance: Any, start: Any = 0.0) -> Array:
    """Return E f(W_t)."""
    w, weight = quadrature(t, drift, variance, start)
    return jnp.sum(weight * density(w, t, drift, variance, start) * function(w))


def mean(t: Any, drift: Any, variance: Any, start: Any = 0.0) -> Array:
    """Return E W_t, the integral of P(W_t > w)."""
    w, weight = quadrature(t, drift, variance, start)
    return jnp.sum(weight * (1.0 - cdf(w, t, drift, variance, start)))


@float64
def workload_mean(t: Real, drift: Real, variance: Real, start: Real = 0.0) -> tuple[float, float]:
    """Return E W_t and its derivative with respect to the drift.

    Raises:
        InvalidInput: unless t > 0, variance > 0 and start >= 0.
    """
    values = [scalar("drift", drift), scalar("variance", variance, positive)]
    t, start = scalar("t", t, positive), scalar("start", start, non_negative)
    value, slope = jax.value_and_grad(lambda b: mean(t, b, values[1], start))(values[0])
    return float(value), float(slope)


def stationary_mean(drift: Real, variance: Real) -> tuple[float, float]:
    """Return sigma^2 / (2 |b|) and its derivative with respect to b, sigma^2 / (2 b^2).

    Raises:
        InvalidInput: if the drift is not negative.
    """
    b, v = scalar("drift", drift), scalar("variance", variance, positive)
    require(
        b < 0, "drift", drift, "is not negative", "lower it: otherwise the workload has no stationary law"
    )
    return v / (2.0 * -b), v / (2.0 * b * b)
