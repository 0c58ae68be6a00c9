"""The token probability phi that makes a system cheapest: by closed form, and by the exact chain.

A server's cost rate is J(phi) = E q + E Q0 / N + c lambda (mu = 1). With unlimited tokens

    J = q(phi) + phi/((1 - phi) N) + c lambda,    q(phi) = 0 for phi >= lambda,

which has a kink at phi = lambda: the slopes of N J there are -N/(1 - lambda) + 1/(1 - lambda)^2 on the left
and 1/(1 - lambda)^2 on the right, so that phi = lambda is optimal for N (1 - lambda) >= 1 and no slope is
zero. At a finite cap C the own queue is that of the exact chain, and the pool is taken at its limit for many
servers. J has kinks at all powers of lambda, so it is searched by golden section between neighbours.

Source: Chen, Chen, Qian (2023), section 5, Theorems 5.1 and 5.2; the kink and the capped optimum are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float, Real, Whole
from jaxsim.core.validation import integer, non_negative, require, scalar
from jaxsim.models.pooling.theory import fluid
from jaxsim.models.pooling.theory.chain import law, threshold_rules

_GOLDEN = (math.sqrt(5.0) - 1) / 2
_DEEPEST = 12


class Tuned(NamedTuple):
    """The best token probability and the cost rate of a server there."""

    token_probability: float
    cost: float


def fluid_cost(arrival_rate: float, phi: float, servers: int, processing_cost: float = 1.0) -> float:
    """Return J(phi) with unlimited tokens, the pool at its limit for large N (exact for phi >= lambda)."""
    return fluid.system_jobs(arrival_rate, phi, servers) / servers + processing_cost * arrival_rate


def fluid_slopes(arrival_rate: float, servers: int) -> tuple[float, float]:
    """Return the one-sided derivatives of J at phi = lambda: left, right."""
    slope = 1 / (1 - arrival_rate) ** 2 / servers
    return slope - 1 / (1 - arrival_rate), slope


def chain_cost(arrival: Real, phi: Real, servers: Real, cost: Real, cap: int, k: int) -> Float[Array, ""]:
    """Return J(phi) under a cap C for phi in [lambda^(k+1), lambda^k], differentiable in lambda and phi.

    k = 0 is phi >= lambda. The pool is taken at phi/(1 - phi), its limit for many servers.
    """
    threshold, offer = fluid.on_piece(arrival, phi, k) if k else (0.0, arrival / phi)
    found = law(threshold_rules(threshold, offer, cap, k + 1), arrival, 1.0, phi)
    return found.queue + phi / (1 - phi) / servers + cost * arrival


_chain_cost = jax.jit(chain_cost, static_argnames=("cap", "k"))
_chain_slope = jax.jit(jax.grad(chain_cost, argnums=1), static_argnames=("cap", "k"))


def golden_section(
    function: Callable[[float], float], low: float, high: float, tolerance: float = 1e-10
) -> tuple[float, float]:
    """Return (x, f(x)) at a local minimum in [low, high] (the minimum, if f has only one)."""
    a, b = low, high
    inner, outer = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    f_inner, f_outer = function(inner), function(outer)
    while b - a > tolerance:
        if f_inner <= f_outer:
            b, outer, f_outer = outer, inner, f_inner
            inner = b - _GOLDEN * (b - a)
            f_inner = function(inner)
        else:
            a, inner, f_inner = inner, outer, f_outer
            outer = a + _GOLDEN * (b - a)
            f_outer = function(outer)
    return min(((x, function(x)) for x in (low, (a + b) / 2, high)), key=lambda pair: pair[1])


def tune_fluid(arrival_rate: Real, servers: Whole, *, processing_cost: Real = 1.0) -> Tuned:
    """Return the phi that minimizes J with unlimited tokens; lambda once N (1 - lambda) >= 1.

    Raises:
        InvalidInput: if a number is out of range.
    """
    lam, count, cost = _checked(arrival_rate, servers, processing_cost)
    pieces = [(lam ** (k + 1), lam**k) for k in range(_DEEPEST)]
    pieces[0] = (lam, 1 - 1e-9)
    found = [golden_section(lambda x: fluid_cost(lam, x, count, cost), *piece) for piece in pieces]
    return Tuned(*min(found, key=lambda pair: pair[1]))


@float64
def tune_chain(arrival_rate: Real, servers: Whole, token_cap: Whole, *, processing_cost: Real = 1.0) -> Tuned:
    """Return the phi that minimizes J under a cap C on tokens, the pool being at its limit for many servers.

    Raises:
        InvalidInput: if a number is out of range.
    """
    lam, count, cost = _checked(arrival_rate, servers, processing_cost)
    cap = integer("token_cap", token_cap, low=1)
    found: list[tuple[float, float]] = []
    for k in range(_DEEPEST):

        def piece(phi: float, k: int = k) -> float:
            return float(_chain_cost(lam, phi, float(count), cost, cap=cap, k=k))

        low, high = lam ** (k + 1), lam**k if k else 1 - 1e-6
        found.append(golden_section(piece, low, high, 1e-8))
        # The own queue dominates below lambda^2: once J rises from piece to piece it goes on rising.
        if k > 1 and found[-1][1] > found[-2][1]:
            break
    return Tuned(*min(found, key=lambda pair: pair[1]))


@float64
def chain_slope(
    arrival_rate: Real, phi: Real, servers: Whole, token_cap: Whole, *, processing_cost: Real = 1.0
) -> float:
    """Return dJ/dphi under a cap C by differentiating the stationary law (from the left at a kink).

    Raises:
        InvalidInput: if a number is out of range.
    """
    lam, count, cost = _checked(arrival_rate, servers, processing_cost)
    k, _ = fluid.request_threshold(lam, scalar("token_probability", phi))
    cap = integer("token_cap", token_cap, low=1)
    return float(_chain_slope(lam, float(phi), float(count), cost, cap=cap, k=k))


def _checked(arrival_rate: Real, servers: Whole, processing_cost: Real) -> tuple[float, int, float]:
    lam = scalar("arrival_rate", arrival_rate)
    require(0 < lam < 1, "arrival_rate", arrival_rate, "is out of range", "give a number above 0 and below 1")
    cost = scalar("processing_cost", processing_cost, non_negative)
    return lam, integer("servers", servers, low=1), cost
