"""The stationary workload of a reflected diffusion whose drift and variance follow a Markov chain.

The densities pi_i (regime i) solve (1/2) sigma_i^2 pi_i'' - b_i pi_i' + sum_j pi_j g_ji = 0 with no flux
through 0. They are mixtures of exponentials,

    pi(x) = sum_k a_k phi_k exp(-z_k x),   phi_k (z_k^2 S / 2 + z_k B + G) = 0,   Re z_k > 0,

K of them if the mean drift is negative; the a_k solve linear equations: zero flux at 0 and total mass 1.

Source: the equations follow from the generator of the process; two regimes: Asmussen (1995), Stationary
distributions for fluid flow models with or without Brownian noise.
"""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real
from jaxsim.core.validation import numbers, positive, require
from jaxsim.models.pricing.environment import checked_generator, stationary


def stationary_mean(drift: Real, variance: Real, generator: Real) -> float:
    """Return the stationary mean of the workload.

    Args:
        drift, variance: b_i and sigma_i^2 > 0, one per regime. generator: G, irreducible.

    Raises:
        InvalidInput: if shapes differ or the mean drift is not negative.
    """
    b, v = np.atleast_1d(numbers("drift", drift)), np.atleast_1d(positive("variance", variance))
    g = checked_generator("generator", generator)
    size = len(g)
    for field, value in (("drift", b), ("variance", v)):
        require(value.shape == (size,), field, value, f"has shape {value.shape}", f"give {size} numbers")
    average = float(stationary(g) @ b)
    require(average < 0, "drift", drift, f"averages {average:.6g}", "lower it below 0 on average")
    rates, modes = _modes(b, v, g)
    # Flux through 0 of mode k in regime i, sum over regimes 0 by itself: one row gives way to the mass.
    flux = (modes * (v / 2 * rates[:, None] + b)).T
    rows = np.vstack([flux[:-1], (modes.sum(axis=1) / rates)[None, :]])
    weights = np.linalg.solve(rows, np.r_[np.zeros(size - 1), 1.0].astype(complex))
    return float(np.real(np.sum(weights * modes.sum(axis=1) / rates**2)))


def _modes(b: np.ndarray, v: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the K decay rates z_k with positive real part and their row vectors phi_k."""
    size = len(g)
    # z (z phi) = -2 (z phi B + phi G) / v as a linear problem in (phi, z phi); columns, so G is transposed.
    inverse = np.diag(2.0 / v)
    companion = np.block([[np.zeros((size, size)), np.eye(size)], [-inverse @ g.T, -inverse @ np.diag(b)]])
    values, vectors = np.linalg.eig(companion)
    order = np.argsort(-np.real(values))[:size]
    return values[order].astype(complex), vectors[:size, order].T
