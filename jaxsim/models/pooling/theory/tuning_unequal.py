"""Token probabilities for unequal servers: one for all, or one for each kind of server.

No closed form exists: phi = max rho (section 7) lets idle servers earn too easily, so that they offer too
rarely; a phi_i for each server is outside the paper. Servers of kind i hold q_i jobs of their own, send R_i
and offer P_i units per unit of time, all from the exact chain of one server under its phi_i (fluid closed
forms without a cap). An offer finds a job with probability u = sum R / sum P, so the system holds

    J = sum_i n_i q_i + u / (1 - u)

jobs, the pool being M/M/1 at its limit for many servers (exact where all phi_i >= rho_i and tokens are
unlimited). At phi_i = rho_i without a cap u = sum lambda / sum mu: that is central control, and no mechanism
beats it. J has kinks where phi_i is a power of rho_i, so it is searched by golden section between them, and
over the kinds by coordinate descent: the kinks lie along the axes, which is where such a descent converges.

Source: Chen, Chen, Qian (2023), section 7 for one phi; phi_i and the capped optimum are ours. Descent: Tseng
(2001), "Convergence of a block coordinate descent method for nondifferentiable minimization".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import integer, positive, refuse, require
from jaxsim.models.pooling.theory import fluid
from jaxsim.models.pooling.theory.chain import server_law
from jaxsim.models.pooling.theory.tuning import golden_section

_TOP = 1 - 1e-6
_LOWEST = 0.02
_PIECES = 3
"""Powers of rho that are searched apart; below them own queues dominate and J only rises as phi falls."""


class Kinds(NamedTuple):
    """Kinds of servers: lambda, mu and how many there are of each; cap is C, or None for unlimited tokens."""

    arrival: np.ndarray
    service: np.ndarray
    counts: np.ndarray
    cap: int | None

    @property
    def utilization(self) -> np.ndarray:
        """Return rho of each kind."""
        return self.arrival / self.service


class TunedKinds(NamedTuple):
    """token_probability: phi of each kind. jobs: mean jobs in the system. load: u, the pool's utilization."""

    token_probability: np.ndarray
    jobs: float
    load: float


def kinds(arrival_rates: Real, service_rates: Real, counts: Real, token_cap: Whole | None) -> Kinds:
    """Return the kinds of servers, checked.

    Raises:
        InvalidInput: if a number is out of range or lambda_i >= mu_i.
    """
    a, s, n = np.broadcast_arrays(
        np.atleast_1d(positive("arrival_rates", arrival_rates)),
        positive("service_rates", service_rates),
        positive("counts", counts),
    )
    if a.ndim != 1:
        refuse("arrival_rates", a, "is not a list", "give one rate per kind of server")
    ok = bool(np.all(a < s))
    require(ok, "arrival_rates", arrival_rates, "is not below service_rates", "lower it")
    return Kinds(a, s, n, None if token_cap is None else integer("token_cap", token_cap, low=1))


def _server(k: Kinds, i: int, phi: float) -> tuple[float, float, float]:
    """Return (q, R, P) of a server of kind i; rates per unit of time."""
    rho, mu = float(k.utilization[i]), float(k.service[i])
    if k.cap is None:
        found = fluid.rates(rho, phi)
        return found.queue, mu * found.requests, mu * found.offers
    law = server_law(rho, phi, k.cap)
    return float(law.queue), mu * float(law.requests), mu * float(law.offers)


def jobs(k: Kinds, phi: np.ndarray) -> tuple[float, float]:
    """Return (J, u) at these token probabilities."""
    return _total(k, [_server(k, i, float(p)) for i, p in enumerate(phi)])


def _total(k: Kinds, servers: list[tuple[float, float, float]]) -> tuple[float, float]:
    queue, requests, offers = (float(k.counts @ np.array(x)) for x in zip(*servers, strict=True))
    load = requests / offers
    return queue + load / (1 - load), load


def _search(function: Callable[[float], float], kinks: set[float]) -> tuple[float, float]:
    """Return (x, f(x)) at the least local minimum between neighbouring kinks."""
    points = [_LOWEST, *sorted(x for x in kinks if _LOWEST < x < _TOP), _TOP]
    found = (golden_section(function, a, b, 1e-7) for a, b in itertools.pairwise(points))
    return min(found, key=lambda pair: pair[1])


def _kinks(rho: float) -> set[float]:
    return {rho**k for k in range(1, _PIECES + 1)}


def tune_common(k: Kinds) -> TunedKinds:
    """Return the best single phi for all servers."""
    every = set.union(*(_kinks(float(rho)) for rho in k.utilization))
    phi, _ = _search(lambda x: jobs(k, np.full(len(k.counts), x))[0], every)
    return TunedKinds(np.full(len(k.counts), phi), *jobs(k, np.full(len(k.counts), phi)))


def tune_each(k: Kinds, *, sweeps: int = 20, tolerance: float = 1e-9) -> TunedKinds:
    """Return the best phi for each kind of server, from phi_i = rho_i downhill."""
    phi = k.utilization.copy()
    servers = [_server(k, i, float(p)) for i, p in enumerate(phi)]
    best = _total(k, servers)[0]
    for _ in range(sweeps):
        before = best
        for i, rho in enumerate(k.utilization):

            def alone(x: float, i: int = i) -> float:
                return _total(k, [*servers[:i], _server(k, i, x), *servers[i + 1 :]])[0]

            found, value = _search(alone, _kinks(float(rho)))
            if value < best - tolerance:
                phi[i], best, servers[i] = found, value, _server(k, i, found)
        if before - best <= tolerance:
            break
    return TunedKinds(phi, *_total(k, servers))
