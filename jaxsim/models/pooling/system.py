"""The pooling system by name: keys, defaults and their validation."""

from __future__ import annotations

import math
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, integer, non_negative, numbers, positive, refuse, require, scalar
from jaxsim.models.pooling.kernel import build
from jaxsim.models.pooling.spec import Params, Spec

_RARE = 1e-12


def system(
    *,
    servers: Whole = 100,
    arrival_rate: Real = 0.8,
    service_rate: Real = 1.0,
    token_probability: Real | None = None,
    token_cap: Whole = 100,
    processing_cost: Real = 1.0,
    tokens: str = "bounded",
    waits: str = "little",
    pool_slots: Whole | None = None,
    signal: Any = False,
    initial_tokens: Whole | None = None,
) -> System:
    """Return N servers with own queues, token accounts and a shared pool.

    Args:
        servers: N, 1 to 32768.
        arrival_rate: lambda, jobs per unit of time at each server; a list gives lambda_i.
        service_rate: mu, units of capacity per unit of time at each server, above lambda; a list gives mu_i.
        token_probability: phi in (0, 1), the probability that an offer earns a token; by default the
            largest utilization lambda_i / mu_i, the paper's choice. A list gives phi_i.
        token_cap: C, the most tokens a server may hold, 1 to 65535.
        processing_cost: c >= 0, the cost of serving a job; holding a job costs 1 per unit of time.
        tokens: ``bounded`` (the mechanism), or ``unlimited`` (the fluid problem: tokens never forbid
            anything; with policy ``complete`` this is centralized control).
        waits: ``little`` counts the pool's jobs, so that mean waits follow from Little's law;
            ``exact`` follows each job with its owner through the pool, first come first served, and adds
            the exact mean wait and server 0's own account (slower).
        pool_slots: with ``waits=exact``, the most jobs the pool may hold (rounded up to a power of two).
            By default min(N C, 1024): with tokens bounded the pool never holds more than N C.
        signal: whether servers remember if their last offer found a job (for policies that use it).
        initial_tokens: tokens of each server at time 0, queues being empty; by default queues and tokens
            follow the stationary law of complete pooling, which shortens the warm-up (tokens relax like C^2).

    Returns:
        The system. Default horizon 1000 units of time; the default warm-up is ten relaxation times
        (1 - sqrt(rho))^-2 / mu of the busiest server's own queue plus C of them in units of 1/lambda.

    Raises:
        InvalidInput: if a key is out of range or arrival_rate is not below service_rate.
    """
    count = integer("servers", servers, low=1, high=1 << 15)
    cap = integer("token_cap", token_cap, low=1, high=65535)
    choice("tokens", tokens, ("bounded", "unlimited"))
    choice("waits", waits, ("little", "exact"))
    require(isinstance(signal, bool), "signal", signal, "is not true or false", "give true or false")
    rates, equal = _rates(arrival_rate, service_rate, count)
    utilization = rates[0] / rates[1]
    busiest = float(np.max(utilization))
    phi = busiest if token_probability is None else _phi(token_probability, count)
    cost = scalar("processing_cost", _scalar("processing_cost", processing_cost), non_negative)
    if initial_tokens is not None:
        initial_tokens = integer("initial_tokens", initial_tokens, low=0, high=cap)
    exact = waits == "exact"
    most = (
        min(count * cap, 1024)
        if pool_slots is None
        else integer("pool_slots", pool_slots, low=1, high=1 << 24)
    )
    spec = Spec(
        servers=count,
        token_cap=cap,
        equal=equal,
        tokens=_bounded(tokens),
        waits="exact" if exact else "little",
        pool_slots=1 << (most - 1).bit_length() if exact else 1,
        signal=signal,
        initial_tokens=initial_tokens,
        word_bits=_word_bits(cap if tokens == "bounded" else 0, signal, busiest),
    )
    leaves = (*rates, np.float64(phi), np.float64(cost))
    params = Params(*(jnp.asarray(np.asarray(leaf), jnp.float32) for leaf in leaves))
    slowest = 10.0 / float(np.min(rates[1] * (1 - np.sqrt(utilization)) ** 2))
    warmup = float(math.ceil(slowest + cap / float(np.min(rates[0]))))
    return System(build(spec, horizon=1000.0, warmup=warmup), params)


def _bounded(tokens: str) -> Literal["bounded", "unlimited"]:
    return "bounded" if tokens == "bounded" else "unlimited"


def _scalar(field: str, value: Any) -> float:
    array = numbers(field, value)
    require(array.ndim == 0, field, value, "is not a single number", "give one number")
    return float(array)


def _phi(value: Any, count: int) -> np.ndarray:
    phi, field = numbers("token_probability", value), "token_probability"
    inside = bool(np.all((phi > 0) & (phi < 1)))
    require(inside, field, value, "is not inside (0, 1)", "give numbers above 0 and below 1")
    if phi.ndim > 1 or (phi.ndim == 1 and phi.size != count):
        refuse(field, value, f"has shape {phi.shape}", f"give one number, or {count} of them")
    return phi


def _rates(arrival: Any, service: Any, count: int) -> tuple[tuple[np.ndarray, np.ndarray], bool]:
    """Return lambda and mu, both scalars or both per server, and whether the servers are equal."""
    a, s = positive("arrival_rate", arrival), positive("service_rate", service)
    for field, value in (("arrival_rate", a), ("service_rate", s)):
        if value.ndim > 1 or (value.ndim == 1 and value.size != count):
            refuse(field, value, f"has shape {value.shape}", f"give one number, or {count} of them")
    if np.any(a >= s):
        refuse("arrival_rate", a, "is not below service_rate", "lower it: queues would grow without bound")
    if a.ndim == s.ndim == 0:
        return (a, s), True
    a, s = np.broadcast_to(a, (count,)), np.broadcast_to(s, (count,))
    return (a, s), False


def _word_bits(cap: int, signal: bool, busiest: float) -> Literal[16, 32]:
    """Return 16 where an M/M/1 queue of that utilization outgrows 16-bit words with probability < 1e-12."""
    queue_bits = 16 - cap.bit_length() - int(signal)
    if queue_bits < 1:
        return 32
    return 16 if busiest ** (2**queue_bits - 1) < _RARE else 32
