"""Fluid mean-field equilibria: waits in the pool that reproduce themselves, w in H(w).

If all N servers answer a conjectured wait w by the policy of Lemma 4.2, jobs go to the pool at rate N R and
units at rate N R / phi, so that its mean wait is

    w' = phi/((1 - phi) N R),   R = phi (1 - rho)/(1 - phi) in case one, rho^(z+1) in case two (threshold z),

for Poisson streams. They are Poisson exactly where thresholds are 0 (phi >= rho, w < 1), and superpositions
of N independent streams otherwise, so that w' is then the limit for large N (time in units of 1/mu).

Source: Chen, Chen, Qian (2023), sections 3.2 and 4.2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from jaxsim.core.validation import integer
from jaxsim.models.pooling.theory.fluid import best_response, m, next_m, rates, request_threshold

_SAME = 1e-12


class Equilibrium(NamedTuple):
    """A fixed point: the wait w, the thresholds of the policies in use, and the share using the higher one.

    lower == upper and share 1.0 is a pure equilibrium; a mixed one sits at w = m(upper), where both
    policies are optimal. w = infinity, thresholds infinite: no cooperation.
    """

    wait: float
    lower: float
    upper: float
    share: float


def induced_wait(utilization: float, phi: float, request_rate: float, servers: int) -> float:
    """Return phi / ((1 - phi) N R), the wait in a pool that N servers send R jobs per unit of time each."""
    del utilization
    return phi / ((1 - phi) * servers * request_rate) if request_rate > 0 else math.inf


def response(utilization: float, phi: float, pool_wait: float, servers: int) -> tuple[float, float]:
    """Return H(w) as an interval (low, high): a single number except at the jumps w = m(z), z >= max(k, 1).

    At a jump the servers may mix the two optimal policies, and every wait between the two can result.
    A wait within 1e-12 of a jump counts as at it.
    """
    count = integer("servers", servers, low=1)
    if math.isinf(pool_wait):
        return math.inf, math.inf
    return (
        _wait_at(utilization, phi, pool_wait * (1 - _SAME), count),
        _wait_at(utilization, phi, pool_wait * (1 + _SAME), count),
    )


def _wait_at(rho: float, phi: float, pool_wait: float, servers: int) -> float:
    k, _ = request_threshold(rho, phi)
    if pool_wait < m(k, rho):
        return induced_wait(rho, phi, rates(rho, phi).requests, servers)
    return _wait_with(rho, phi, int(best_response(rho, phi, pool_wait).threshold), k, servers)


def _wait_with(rho: float, phi: float, z: int, k: int, servers: int) -> float:
    """The wait induced by threshold z of case two, or by case one where z < k."""
    requests = rates(rho, phi).requests if z < k else rho ** (z + 1)
    return induced_wait(rho, phi, requests, servers)


def equilibria(utilization: float, phi: float, servers: int) -> list[Equilibrium]:
    """Return all fixed points w in H(w), in increasing order of w; the last is no cooperation.

    Induced waits grow like rho^-z with the threshold and m(z) grows linearly, so that only finitely many
    thresholds can cross; the enumeration stops where the first has overtaken the second for good.
    """
    count = integer("servers", servers, low=1)
    k, p = request_threshold(utilization, phi)
    found: list[Equilibrium] = []
    first = _wait_with(utilization, phi, k - 1, k, count)
    if k and first <= m(k, utilization) * (1 + _SAME):
        found.append(Equilibrium(first, k - p, k - p, 1.0))
    z, low, high = k, m(k, utilization), m(k + 1, utilization)
    while True:
        wait, before = (_wait_with(utilization, phi, y, k, count) for y in (z, z - 1))
        if z >= 1 and before < low * (1 - _SAME) and low * (1 + _SAME) < wait:
            # Request rates mix linearly: a share s of servers with threshold z must bring the wait to m(z).
            share = (1 / before - 1 / low) / (1 / before - 1 / wait)
            found.append(Equilibrium(low, k - p if z == k else z - 1.0, float(z), share))
        if low * (1 - _SAME) <= wait <= high * (1 + _SAME):
            found.append(Equilibrium(wait, float(z), float(z), 1.0))
        following = next_m(high, z + 1, utilization)
        if wait > high and following / high <= 1 / utilization:
            break
        z, low, high = z + 1, high, following
    return [*found, Equilibrium(math.inf, math.inf, math.inf, 1.0)]
