"""The exact stationary law of one server's (queue, tokens) when tokens are capped at C.

Under oblivious policies servers do not influence each other: the pool only absorbs what they send. So the
pair (Q_i, S_i) is a Markov chain of its own, for every N: a job comes at rate lambda and goes to the pool
with probability x(q, s) if s > 0; a unit of capacity comes at rate mu, serves the own queue with probability
y(q, s), is offered with probability o(q, s) if s < C, and an offer earns a token with probability phi.

Tokens move by one, so with levels s = 0 .. C the stationary law is found by eliminating levels from the top:

    pi_{s+1} = pi_s R_s,    R_s = U_s (-(A_{s+1} + R_{s+1} D_{s+2}))^{-1}.

Above the last queue of the table a server has no tokens (with tokens it sends every job there), so the rest
is a geometric tail of ratio rho, added exactly.

Source: Chen, Chen, Qian (2023), sections 6.1 and C.1, solved exactly here for every C.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Real, Whole
from jaxsim.core.validation import integer, non_negative, positive, require, scalar
from jaxsim.models.pooling.theory.fluid import best_response


@pytree
class Rules:
    """An oblivious policy as tables over (queue 0 .. K, tokens 0 .. C): probabilities x, y, o of the module.

    In the last row a server with tokens must request, and serve: queues beyond it occur without tokens only.
    """

    request: Float[Array, "queues tokens"]
    serve: Float[Array, "queues tokens"]
    offer: Float[Array, "queues tokens"]


@pytree
class Law:
    """Long-run averages of one server.

    probabilities: pi(q, s) for the queues of the table; tail: probability of longer queues (tokens 0).
    queue: mean own queue. requests, offers: jobs sent and units offered per unit of time.
    boundary: P(S = 0) + P(S = C). empty: P(S = 0). full: P(S = C).
    """

    probabilities: Float[Array, "queues tokens"]
    tail: Float[Array, ""]
    queue: Float[Array, ""]
    requests: Float[Array, ""]
    offers: Float[Array, ""]
    empty: Float[Array, ""]
    full: Float[Array, ""]

    @property
    def boundary(self) -> Float[Array, ""]:
        """The probability of 0 or C tokens."""
        return self.empty + self.full


def threshold_rules(threshold: Real, offer: Real, token_cap: int, rows: int) -> Rules:
    """Return the tables of `policies.Threshold` for queues 0 .. rows - 1; rows > threshold is required."""
    queue = jnp.arange(rows)[:, None]
    ones = jnp.ones((rows, token_cap + 1))
    request = jnp.clip(queue + 1 - threshold, 0, 1) * ones
    return Rules(request, (queue > 0) * ones, (queue == 0) * offer * ones)


def _solve_levels(
    a: Float[Array, "levels n n"], up: Float[Array, "levels n"], down: Float[Array, "levels n"]
) -> Float[Array, "levels n"]:
    """Return the stationary law, not normalized, of local generators a and diagonal moves up, down."""

    def eliminate(below: Array, level: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        # `below` is what the levels above add to this level's generator.
        a_here, up_before, down_here = level
        ratio = jnp.linalg.solve(-(a_here + below).T, jnp.diag(up_before).T).T
        return ratio * down_here[None, :], ratio

    add, ratios = lax.scan(eliminate, jnp.zeros_like(a[0]), (a[1:], up[:-1], down[1:]), reverse=True)
    # Left null vector of the last remaining generator: replace one balance equation by the norm.
    rest = (a[0] + add).T
    size = rest.shape[0]
    bottom = jnp.linalg.solve(rest.at[0].set(1.0), jnp.zeros(size).at[0].set(1.0))
    _, levels = lax.scan(lambda pi, ratio: (pi @ ratio,) * 2, bottom, ratios)
    return jnp.concatenate([bottom[None], levels])


def law(rules: Rules, arrival: Real, service: Real, phi: Real) -> Law:
    """Return the stationary law; pure, differentiable in the rules, the rates and phi.

    Args:
        rules: tables with C + 1 columns.
        arrival, service: lambda < mu. phi: probability that an offer earns a token.
    """
    rows, columns = rules.request.shape
    queue, tokens = jnp.arange(rows)[:, None], jnp.arange(columns)[None, :]
    sends = arrival * rules.request * (tokens > 0)
    keeps = (arrival - sends) * (queue < rows - 1)
    serves = service * rules.serve * (queue > 0)
    offers = service * rules.offer * (tokens < columns - 1)
    earns = phi * offers
    out = sends + keeps + serves + earns
    local = (
        jnp.eye(rows, k=1) * keeps.T[:, :, None]
        + jnp.eye(rows, k=-1) * serves.T[:, :, None]
        - jnp.eye(rows) * out.T[:, :, None]
    )
    pi = _solve_levels(local, earns.T, sends.T).T
    rho = arrival / service
    last = pi[-1, 0]
    mass = jnp.sum(pi) + last * rho / (1 - rho)
    pi, last = pi / mass, last / mass
    tail = last * rho / (1 - rho)
    # Mean of the tail: queues rows - 1 + n with probability last * rho^n, n >= 1.
    beyond = last * ((rows - 1) * rho / (1 - rho) + rho / (1 - rho) ** 2)
    return Law(
        probabilities=pi,
        tail=tail,
        queue=jnp.sum(queue * pi) + beyond,
        requests=jnp.sum(sends * pi),
        offers=jnp.sum(offers * pi),
        empty=jnp.sum(pi[:, 0]) + tail,
        full=jnp.sum(pi[:, -1]),
    )


solved = jax.jit(law)
"""`law`, compiled once per table size."""


@float64
def server_law(
    arrival_rate: Real,
    token_probability: Real,
    token_cap: Whole,
    *,
    service_rate: Real = 1.0,
    pool_wait: Real = 0.0,
) -> Law:
    """Return the exact law of a server that follows the fluid equilibrium policy under a cap C on tokens.

    Args:
        arrival_rate, service_rate: lambda < mu. token_probability: phi. token_cap: C >= 1.
        pool_wait: the conjectured wait w >= 0.

    Raises:
        InvalidInput: if a number is out of range.
    """
    arrival = scalar("arrival_rate", arrival_rate, positive)
    service = scalar("service_rate", service_rate, positive)
    require(arrival < service, "arrival_rate", arrival, "is not below service_rate", "lower it")
    wait = scalar("pool_wait", pool_wait, non_negative) * service
    policy = best_response(arrival / service, float(token_probability), wait)
    cap = integer("token_cap", token_cap, low=1)
    rules = threshold_rules(policy.threshold, policy.offer, cap, math.ceil(policy.threshold) + 1)
    return solved(rules, arrival, service, float(token_probability))


def boundary_at_full_pooling(utilization: float, token_cap: int) -> float:
    """Return P(S = 0) + P(S = C) = (2 - rho)/(1 + C (1 - rho)) for phi >= rho.

    Exact in C; Lemma 6.1 states O(1/C). Derived from the token walk, which earns and spends at equal rates.
    """
    return (2 - utilization) / (1 + token_cap * (1 - utilization))


def queue_at_full_pooling(utilization: float, token_cap: int) -> float:
    """Return the mean own queue rho/((1 - rho)(1 + C (1 - rho))) for phi >= rho.

    It is 0 with unlimited tokens (Theorem 5.1, which holds for those only) and N times this number is what
    N servers hold beyond their pool under a cap C. For unequal servers sum over their rho_i.
    """
    return utilization / ((1 - utilization) * (1 + token_cap * (1 - utilization)))
