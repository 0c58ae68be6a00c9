"""Drifts and deviations: of the users' queues one by one, and of the workload of a pair.

    b = sum_{j in M} theta_j / mu_j,   sigma^2 = sum_{j in M} (Gamma^E_jj + Gamma^S_jj) / mu_j^2,
    Gamma^E_jj = lambda_j m_j^2 (zeta_j^2 + alpha_j^2),   Gamma^S_jj = lambda_j m_j beta_j^2.

Independent users add variances, as (3.3), (3.6) and (3.30) say; equation (5.9) as printed adds standard
deviations, which is one Brownian motion ``common`` to all users (one for arrivals, one for services).

Source: Dai (2024), equations (3.5), (3.30), (5.9).
"""

from __future__ import annotations

from typing import Literal

import jax.numpy as jnp

from jaxsim.core.types import Array, Float
from jaxsim.models.pricing.market import Market, Users

Covariance = Literal["independent", "common"]


def variances(users: Users) -> tuple[Array, Array]:
    """Return the diagonals of Gamma^E and Gamma^S, (3.5): arrays of shape (regimes, users)."""
    packets = users.arrival_rate * users.batch_mean
    arrivals = packets * users.batch_mean * (users.batch_scv + users.interarrival_scv)
    return arrivals, packets * users.packet_scv


def factors(covariance: Covariance, users: Users) -> Float[Array, "regimes users motions"]:
    """Return the loads of the users' queues on independent Brownian motions."""
    arrivals, services = variances(users)
    if covariance == "common":
        return jnp.stack([jnp.sqrt(arrivals), jnp.sqrt(services)], axis=-1)
    return jnp.sqrt(arrivals + services)[..., None] * jnp.eye(users.mu.shape[0])


def pair_coefficients(market: Market, covariance: Covariance, users: Users) -> tuple[Array, Array]:
    """Return (b, sigma) of the workload for every regime and pair."""
    factor = factors(covariance, users) / users.mu[:, None]
    drift = users.theta / users.mu
    pairs = market.coalitions
    b = jnp.stack([drift[:, j] + drift[:, k] for j, k in pairs], axis=1)
    load = jnp.stack([factor[:, j] + factor[:, k] for j, k in pairs], axis=1)
    return b, jnp.sqrt(jnp.sum(load * load, axis=-1))
