"""Closed forms of the fluid mean-field problem: thresholds, rates of help, queues, costs.

With rho = lambda / mu the utilization of a server and time in units of 1 / mu,

    m(z) = (z - rho - rho^2 - ... - rho^z) / (1 - rho),
    k: rho^(k+1) < phi <= rho^k,    p = (phi - rho^(k+1)) / (rho^k - rho^(k+1)).

Source: Chen, Chen, Qian (2023), sections 4.1 and 5, Appendix B.2.1.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from jaxsim.core.validation import integer, non_negative, require, scalar


class BestResponse(NamedTuple):
    """An optimal policy of the fluid problem, as the two numbers of `policies.Threshold`.

    threshold: k - p (case one) or z (case two). offer: probability to offer a unit that finds an empty queue.
    """

    threshold: float
    offer: float


def _open(field: str, value: float) -> float:
    number = scalar(field, value)
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


def next_m(value: float, z: int, utilization: float) -> float:
    """Return m(z + 1), given m(z): the difference is 1 + rho + ... + rho^z."""
    return value + (1 - utilization ** (z + 1)) / (1 - utilization)


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
    wait = scalar("pool_wait", pool_wait, non_negative)
    if wait < m(k, utilization):
        return BestResponse(k - p, 1.0)
    z, level = k, m(k + 1, utilization)
    far = "is beyond a queue of a million jobs"
    while level <= wait:
        require(z < 1_000_000, "pool_wait", pool_wait, far, "take policy independent: no cooperation")
        z, level = z + 1, next_m(level, z + 1, utilization)
    return BestResponse(float(z), min(1.0, utilization ** (z + 1) / phi))


def on_piece(utilization: Any, phi: Any, k: Any) -> tuple[Any, Any]:
    """Return (threshold, offer probability) for rho^(k+1) <= phi <= rho^k and no wait in the pool.

    k - p with p = (phi - rho^(k+1)) / (rho^k - rho^(k+1)), and 1; for k >= 1. Between powers of rho it is
    a smooth function of phi and rho, Python numbers or traced arrays; at a power the sides differ.

    Source: Chen, Chen, Qian (2023), Corollary 4.3.
    """
    low, high = utilization ** (k + 1), utilization**k
    return k - (phi - low) / (high - low), 1.0


class FluidRates(NamedTuple):
    """A server's averages in the fluid problem: units offered and jobs sent per unit of time, own queue."""

    offers: float
    requests: float
    queue: float


def rates(utilization: float, phi: float) -> FluidRates:
    """Return P(phi), R(phi) and q(phi) when waits in the pool are negligible (w <= 1 / mu).

    phi <= rho: P = (1 - rho)/(1 - phi), R = phi P, q = (sum_{i=1}^k rho^i - k phi)/(1 - phi).
    phi >= rho: P = rho/phi, R = rho, q = 0. Rates are per 1 / mu of time.

    Source: Chen, Chen, Qian (2023), section 5 and equation (11).
    """
    rho, phi = _open("utilization", utilization), _open("token_probability", phi)
    if phi >= rho:
        return FluidRates(rho / phi, rho, 0.0)
    k, _ = request_threshold(rho, phi)
    offers = (1 - rho) / (1 - phi)
    return FluidRates(
        offers, phi * offers, (math.fsum(rho**i for i in range(1, k + 1)) - k * phi) / (1 - phi)
    )


def independent_cost(utilization: float, processing_cost: float) -> float:
    """Return V_1 = rho/(1 - rho) + c rho, the cost rate of a server on its own (section 2.1, mu = 1)."""
    rho = _open("utilization", utilization)
    return rho / (1 - rho) + scalar("processing_cost", processing_cost, non_negative) * rho


def centralized_cost(utilization: float, processing_cost: float, servers: int) -> float:
    """Return V_c(N) = rho/((1 - rho) N) + c rho, a server's cost rate under central control (section 2.1)."""
    rho, count = _open("utilization", utilization), integer("servers", servers, low=1)
    return rho / ((1 - rho) * count) + scalar("processing_cost", processing_cost, non_negative) * rho


def system_jobs(utilization: float, phi: float, servers: int) -> float:
    """Return Q_Sigma(phi), the mean number of jobs in the system with unlimited tokens.

    phi >= rho: phi/(1 - phi), exact for every N. phi < rho: N q(phi) + phi/(1 - phi), whose first term is
    exact and whose second is the limit of the pool for large N, so that Q_Sigma / N -> q(phi).
    With a cap C on tokens this is a limit only: see `chain.queue_at_full_pooling`.

    Source: Chen, Chen, Qian (2023), Theorem 5.1.
    """
    found = rates(utilization, phi)
    return integer("servers", servers, low=1) * found.queue + phi / (1 - phi)


def minimal_servers(utilization: float) -> int:
    """Return the least N at which complete pooling with phi = rho is an equilibrium: N (1 - rho) >= 1.

    ceil(1/(1 - rho)), as printed, is fragile in floating point; N (1 - rho) within 1e-12 of 1 counts as 1.
    Source: Chen, Chen, Qian (2023), after Proposition 4.5: 3, 5 and 10 for rho = 0.6, 0.8 and 0.9.
    """
    rho = _open("utilization", utilization)
    count = max(1, math.floor(1 / (1 - rho)) - 1)
    while count * (1 - rho) < 1 - 1e-12:
        count += 1
    return count
