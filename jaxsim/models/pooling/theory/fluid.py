"""Closed forms of the fluid mean-field problem: thresholds, rates of help, queues, costs.

With rho = lambda / mu the utilization of a server and time in units of 1 / mu,

    m(z) = (z - rho - rho^2 - ... - rho^z) / (1 - rho),
    k: rho^(k+1) < phi <= rho^k,    p = (phi - rho^(k+1)) / (rho^k - rho^(k+1)).

Source: Chen, Chen, Qian (2023), sections 4.1 and 5, Appendix B.2.1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from jaxsim.core.validation import integer, non_negative, numbers, require


class BestResponse(NamedTuple):
    """An optimal policy of the fluid problem, as the two numbers of `policies.Threshold`.

    threshold: k - p (case one) or z (case two). offer: probability to offer a unit that finds an empty queue.
    """

    threshold: float
    offer: float


def _open(field: str, value: float) -> float:
    number = float(numbers(field, value))
    require(0 < number < 1, field, value, "is out of range", "give a number above 0 and below 1")
    return number


def m(z: int, utilization: float) -> float:
    """Return the wait in the pool at which threshold z becomes z + 1.

    m(z) = (z - sum_{i=1}^z rho^i) / (1 - rho).

    Computed as sum_{i<=z} (1 + rho + ... + rho^(i-1)), which does not cancel for rho near 1.
    Source: Chen, Chen, Qian (2023), section 4.1.
    """
    z, rho = integer("z", z, low=0), _open("utilization", utilization)
    total = inner = 0.0
    power = 1.0
    for _ in range(z):
        inner += power
        power *= rho
        total += inner
    return total


def request_threshold(utilization: float, phi: float) -> tuple[int, float]:
    """Return (k, p): the integer with rho^(k+1) < phi <= rho^k, and the probability to request at k - 1.

    Powers are compared as they are: floor(ln phi / ln rho), as printed, is fragile (for rho = 0.7, phi = 0.49
    it gives 1 in floating point). phi within 1e-12 of a power counts as equal to it; either choice of k
    gives the same policy there. p is clipped to [0, 1] against rounding only. For phi > rho, k = 0.

    Source: Chen, Chen, Qian (2023), Lemma 4.2.
    """
    rho, phi = _open("utilization", utilization), _open("token_probability", phi)
    k, power = 0, 1.0
    while phi <= rho * power * (1 + 1e-12):
        k, power = k + 1, power * rho
    return k, min(1.0, max(0.0, (phi - rho * power) / (power - rho * power)))


def best_response(utilization: float, phi: float, pool_wait: float = 0.0) -> BestResponse:
    """Return an optimal policy of the fluid problem for a conjectured wait w in the pool.

    w < m(k): threshold k - p, every free unit is offered. w >= m(k): threshold z with m(z) <= w < m(z + 1),
    a free unit is offered with probability rho^(z+1) / phi. At w = m(z) the policies of both sides and
    their mixtures are optimal; the upper one is returned. w = infinity: no cooperation.

    Args:
        utilization: rho in (0, 1). phi: in (0, 1). pool_wait: w >= 0 in units of 1 / mu, or infinity.

    Source: Chen, Chen, Qian (2023), Lemma 4.2 (Corollary 4.3 for w <= 1).
    """
    k, p = request_threshold(utilization, phi)
    if math.isinf(pool_wait) and pool_wait > 0:
        return BestResponse(math.inf, 0.0)
    wait = float(non_negative("pool_wait", pool_wait))
    if wait < m(k, utilization):
        return BestResponse(k - p, 1.0)
    z, next_level = k, m(k + 1, utilization)
    while next_level <= wait:
        z, next_level = z + 1, m(z + 2, utilization)
    return BestResponse(float(z), min(1.0, utilization ** (z + 1) / phi))
