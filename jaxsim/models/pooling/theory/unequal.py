"""Servers with different rates lambda_i < mu_i: what pooling costs them and who pays.

With phi = max_i rho_i every server sends all its jobs and offers a share rho_i / phi of its free units, so
the pool is an M/M/1 queue of utilization phi, with phi/(1 - phi) jobs on average (tokens unlimited).

Source: Chen, Chen, Qian (2023), section 7, Theorem 7.1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import integer, positive, refuse, require


class Pooling(NamedTuple):
    """What pooling with phi = max_i rho_i brings.

    token_probability: phi. central_jobs: mean jobs in the system under central control, rho_c/(1 - rho_c).
    mechanism_jobs: phi/(1 - phi). bound: the ratio's bound phi (1 - rho_min)/(rho_min (1 - phi)).
    capped_excess: jobs held in own queues under a cap C, sum_i rho_i / ((1 - rho_i)(1 + C (1 - rho_i))).
    mechanism_share, central_share: who pays for processing: proportional to lambda_i, and to mu_i.
    """

    token_probability: float
    central_jobs: float
    mechanism_jobs: float
    bound: float
    capped_excess: float
    mechanism_share: np.ndarray
    central_share: np.ndarray


def unequal_pooling(arrival_rates: Real, service_rates: Real, token_cap: Whole = 100) -> Pooling:
    """Return Theorem 7.1's quantities, and the exact excess under a cap on tokens.

    Raises:
        InvalidInput: if a rate is not positive, or lambda_i >= mu_i.
    """
    a, s = np.broadcast_arrays(
        np.atleast_1d(positive("arrival_rates", arrival_rates)), positive("service_rates", service_rates)
    )
    if a.ndim != 1:
        refuse("arrival_rates", a, "is not a list", "give one rate per server")
    ok = bool(np.all(a < s))
    require(ok, "arrival_rates", arrival_rates, "is not below service_rates", "lower it")
    cap = integer("token_cap", token_cap, low=1)
    rho, central = a / s, float(a.sum() / s.sum())
    high, low = float(rho.max()), float(rho.min())
    return Pooling(
        token_probability=high,
        central_jobs=central / (1 - central),
        mechanism_jobs=high / (1 - high),
        bound=high * (1 - low) / (low * (1 - high)),
        capped_excess=float(np.sum(rho / ((1 - rho) * (1 + cap * (1 - rho))))),
        mechanism_share=a / a.sum(),
        central_share=s / s.sum(),
    )
