"""What ``jaxsim solve pooling.NAME`` computes: exact numbers of the paper, as plain dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, integer, scalar
from jaxsim.models.pooling.theory import (
    chain,
    deviation,
    equilibrium,
    fluid,
    server_one,
    tuning,
    tuning_unequal,
)
from jaxsim.models.pooling.theory.program import best_response_program
from jaxsim.models.pooling.theory.unequal import unequal_pooling


def _number(field: str, value: Real) -> float:
    return scalar(field, value)


def fluid_equilibrium(
    *,
    arrival_rate: Real = 0.8,
    token_probability: Real = 0.5,
    servers: Whole = 10,
    processing_cost: Real = 1.0,
) -> dict[str, Any]:
    """Return the fluid best response, rates of help, costs, and all equilibrium waits (mu = 1).

    Args:
        arrival_rate: lambda in (0, 1). token_probability: phi in (0, 1). servers: N. processing_cost: c >= 0.

    Source: Chen, Chen, Qian (2023), sections 2.1, 4 and 5.
    """
    rho, phi = _number("arrival_rate", arrival_rate), _number("token_probability", token_probability)
    count = integer("servers", servers, low=1)
    k, p = fluid.request_threshold(rho, phi)
    rates, policy = fluid.rates(rho, phi), fluid.best_response(rho, phi)
    found = equilibrium.equilibria(rho, phi, count)
    return {
        "k": k,
        "p": p,
        "m_of_k": fluid.m(k, rho),
        "threshold": policy.threshold,
        "offer_probability": policy.offer,
        "help_offer_rate": rates.offers,
        "help_request_rate": rates.requests,
        "queue": rates.queue,
        "jobs_in_system": fluid.system_jobs(rho, phi, count),
        "cost_independent": fluid.independent_cost(rho, processing_cost),
        "cost_centralized": fluid.centralized_cost(rho, processing_cost, count),
        "minimal_servers": fluid.minimal_servers(rho),
        "equilibrium_waits": [e.wait for e in found],
        "equilibrium_thresholds": [e.upper for e in found],
    }


def server_law(
    *,
    arrival_rate: Real = 0.9,
    service_rate: Real = 1.0,
    token_probability: Real = 0.9,
    token_cap: Whole = 20,
    pool_wait: Real = 0.0,
) -> dict[str, Any]:
    """Return the exact stationary law of a server's (queue, tokens) under a cap C on tokens.

    Source: Chen, Chen, Qian (2023), section 6.1, solved for every C.
    """
    found = chain.server_law(
        arrival_rate, token_probability, token_cap, service_rate=service_rate, pool_wait=pool_wait
    )
    return {
        "queue": float(found.queue),
        "help_request_rate": float(found.requests),
        "help_offer_rate": float(found.offers),
        "probability_no_tokens": float(found.empty),
        "probability_full": float(found.full),
        "token_boundary_probability": float(found.boundary),
        "tokens": np.asarray(found.probabilities).sum(axis=0).tolist(),
    }


def server_one_value(
    *,
    arrival_rate: Real = (0.7, 0.8, 0.9, 0.7, 0.8),
    servers: Real = (8, 10, 18, 16, 18),
    processing_cost: Real = 1.0,
    reading: str = "paper",
    method: str = "policy_iteration",
    longest_pool: Whole = 150,
    longest_queue: Whole = 14,
) -> dict[str, Any]:
    """Return V_OPT of a fully informed server, V_CRP, and the gap, for pairs (lambda, N) (section 6.3).

    Args:
        reading: ``paper`` charges (q0 + 1)/N per request, ``honest`` q0/N after another server's service.
        method: ``policy_iteration``, or ``linear_program`` (HiGHS: minutes at the full size).
        longest_pool, longest_queue: truncation of the state.
    """
    choice("method", method, ("policy_iteration", "linear_program"))
    options = {"processing_cost": processing_cost, "reading": reading}
    options |= {"longest_pool": longest_pool, "longest_queue": longest_queue}
    if method == "linear_program":
        pairs = zip(*(np.ravel(x) for x in np.broadcast_arrays(arrival_rate, servers)), strict=True)
        values = [(best_response_program(a, n, **options).value, a, n) for a, n in pairs]
        optimal = np.array([value for value, _, _ in values])
        pooling = np.array([a * (float(processing_cost) + 1 / (n * (1 - a))) for _, a, n in values])
        gap = (pooling - optimal) / optimal
        return {"value": optimal.tolist(), "complete_pooling": pooling.tolist(), "gap": gap.tolist()}
    found = server_one.best_response_value(arrival_rate, servers, **options)
    return {
        "value": np.asarray(found.optimum.value).tolist(),
        "complete_pooling": found.complete_pooling.tolist(),
        "gap": found.gap.tolist(),
        "multiplier": np.asarray(found.optimum.multiplier).tolist(),
        "converged": np.asarray(found.optimum.converged).tolist(),
    }


def best_deviation(
    *,
    arrival_rate: Real = 0.8,
    token_probability: Real | None = None,
    servers: Whole = 10,
    token_cap: Whole = 20,
    processing_cost: Real = 1.0,
) -> dict[str, Any]:
    """Return the best policy on (queue, tokens) against N - 1 others, and what it gains in the mean field."""
    rho = _number("arrival_rate", arrival_rate)
    phi = rho if token_probability is None else _number("token_probability", token_probability)
    law = chain.server_law(rho, phi, token_cap)
    wait = deviation.pool_wait(phi, integer("servers", servers, low=1), float(law.requests))
    found = deviation.best_deviation(rho, phi, token_cap, wait, processing_cost=processing_cost)
    saver = deviation.saver_rules(int(token_cap), int(token_cap) // 4)
    saves = deviation.deviant_cost(saver, rho, phi, wait, processing_cost=processing_cost)
    return {
        "pool_wait": wait,
        "equilibrium_cost": found.equilibrium,
        "best_cost": found.best,
        "gain": found.gain,
        "saver_gain": (found.equilibrium - saves) / found.equilibrium,
        "tokens_needed_to_request_by_queue": [int(np.argmax(row)) for row in found.request[:6]],
        "converged": found.converged,
    }


def tune_phi(
    *, arrival_rate: Real = 0.8, servers: Whole = 100, token_cap: Whole = 20, processing_cost: Real = 1.0
) -> dict[str, Any]:
    """Return the cheapest phi with unlimited tokens and under a cap, and the slopes of the cost around it."""
    unlimited = tuning.tune_fluid(arrival_rate, servers, processing_cost=processing_cost)
    capped = tuning.tune_chain(arrival_rate, servers, token_cap, processing_cost=processing_cost)
    left, right = tuning.fluid_slopes(float(arrival_rate), int(servers))
    return {
        "phi_unlimited": unlimited.token_probability,
        "cost_unlimited": unlimited.cost,
        "phi_capped": capped.token_probability,
        "cost_capped": capped.cost,
        "slope_left_of_lambda": left,
        "slope_right_of_lambda": right,
    }


def unequal(
    *, arrival_rates: Real = (0.3, 0.8, 1.0), service_rates: Real = (1.0, 1.0, 2.0), token_cap: Whole = 100
) -> dict[str, Any]:
    """Return what pooling brings to unequal servers, and who pays for processing (section 7)."""
    found = unequal_pooling(arrival_rates, service_rates, token_cap)._asdict()
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in found.items()}


def tune_unequal(
    *,
    arrival_rates: Real = (0.3, 0.5, 0.8, 1.0),
    service_rates: Real = (1.0, 1.0, 1.0, 2.0),
    counts: Real = 5,
    token_cap: Whole = 0,
) -> dict[str, Any]:
    """Return the cheapest phi for kinds of unequal servers: one for all, and one for each kind.

    Args:
        arrival_rates, service_rates: lambda_i < mu_i of each kind. counts: servers of each kind.
        token_cap: C, by exact chains (seconds); 0 stands for unlimited tokens, by closed forms.
    """
    cap = integer("token_cap", token_cap, low=0) or None
    kinds = tuning_unequal.kinds(arrival_rates, service_rates, counts, cap)
    common, each = tuning_unequal.tune_common(kinds), tuning_unequal.tune_each(kinds)
    highest = kinds.utilization.max()
    central = float(kinds.counts @ kinds.arrival / (kinds.counts @ (kinds.service - kinds.arrival)))
    return {
        "phi_common": float(common.token_probability[0]),
        "jobs_common": common.jobs,
        "phi_each": each.token_probability.tolist(),
        "jobs_each": each.jobs,
        "jobs_at_highest_utilization": tuning_unequal.jobs(kinds, kinds.utilization * 0 + highest)[0],
        "jobs_centralized": central,
    }
