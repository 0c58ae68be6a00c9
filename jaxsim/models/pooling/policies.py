"""What servers do: threshold policies on their own queue and tokens, and combinations of policies.

A policy is a pytree called with a uniform coin and an `Observation`; its leaves (thresholds, probabilities)
are traced, so that sweeping them never recompiles.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Int, Real, Whole
from jaxsim.core.validation import choice, integer, non_negative, probability, require, scalar
from jaxsim.models.pooling.spec import IDLE, OFFER, SERVE, Action, Observation, Spec, of_server
from jaxsim.models.pooling.theory.chain import Rules, server_law
from jaxsim.models.pooling.theory.deviation import best_deviation, pool_wait, saver_rules
from jaxsim.models.pooling.theory.fluid import best_response, on_piece
from jaxsim.relaxations import Gate


@pytree
class Threshold:
    """Request help above a queue length, serve the own queue first, offer help only when it is empty.

    A job that finds q jobs is sent to the pool with probability clip(q + 1 - threshold, 0, 1): with
    threshold = k - p that is 0 for q <= k - 2, p at q = k - 1 and 1 from k on: Lemma 4.2 in one number.
    A unit of capacity that finds an empty queue is offered with probability ``offer``.

    threshold, offer: scalars, or one per server. Infinity never requests.

    Source: Chen, Chen, Qian (2023), Lemma 4.2 and Corollary 4.3.
    """

    threshold: Float[Array, "*servers"]
    offer: Float[Array, "*servers"]

    def __call__(self, coin: Float[Array, ""], seen: Observation) -> Action:
        """Return the action of a server with this queue."""
        threshold, offer = of_server(self.threshold, seen.server), of_server(self.offer, seen.server)
        requests = coin < seen.queue.astype(jnp.float32) + 1 - threshold
        empty_use = jnp.where(coin < offer, OFFER, IDLE)
        return Action(requests, jnp.where(seen.queue > 0, SERVE, empty_use))

    def chances(self, seen: Observation) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Return the probabilities to send an arriving job, and to offer a unit that finds an empty queue."""
        threshold, offer = of_server(self.threshold, seen.server), of_server(self.offer, seen.server)
        return jnp.clip(seen.queue + 1 - threshold, 0.0, 1.0), offer

    def relaxed(
        self, gate: Gate, coin: Float[Array, ""], server: Int[Array, ""], queue: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Return gates in the place of the comparisons: to send an arriving job, to offer a free unit."""
        threshold, offer = of_server(self.threshold, server), of_server(self.offer, server)
        return gate(queue + 1 - threshold - coin), gate(offer - coin)


@pytree
class Table:
    """Any randomized policy on (own queue, own tokens), oblivious of all else.

    request: probability to send a job to the pool, of shape (queues, tokens) or (queues, 1).
    serve, offer: probabilities to serve the own queue or to offer a unit of capacity; the rest is idleness.
    Queues longer than the table behave like its last row.
    """

    request: Float[Array, "queues tokens"]
    serve: Float[Array, "queues tokens"]
    offer: Float[Array, "queues tokens"]

    def __call__(self, coin: Float[Array, ""], seen: Observation) -> Action:
        """Return the action by inversion: the lowest part of the coin's range serves, the next offers."""
        rows, columns = self.request.shape
        row = jnp.minimum(seen.queue, rows - 1)
        column = jnp.minimum(seen.tokens, columns - 1)
        request, serve, offer = (
            table.at[row, column].get(mode="promise_in_bounds")
            for table in (self.request, self.serve, self.offer)
        )
        use = jnp.where(coin < serve, SERVE, jnp.where(coin < serve + offer, OFFER, IDLE))
        return Action(coin < request, use)


@pytree
class Watchful:
    """Follow one policy while the last offer found a job in the pool, another while it found none.

    This is what a server can observe of the pool: each of its offers tells whether a job was waiting. Needs a
    system with ``signal=true``; before a server's first offer the pool counts as empty.
    """

    busy: Any
    idle: Any

    def __call__(self, coin: Float[Array, ""], seen: Observation) -> Action:
        """Return the action of the policy for what the server last saw."""
        busy, idle = self.busy(coin, seen), self.idle(coin, seen)
        return jax.tree.map(lambda a, b: jnp.where(seen.pool_busy, a, b), busy, idle)


@pytree
class OneDeviates:
    """Server 0 follows ``deviant``, all others ``others``; every server meets the same coins either way."""

    deviant: Any
    others: Any

    def __call__(self, coin: Float[Array, ""], seen: Observation) -> Action:
        """Return the action of the policy that this server follows."""
        mine, theirs = self.deviant(coin, seen), self.others(coin, seen)
        return jax.tree.map(lambda a, b: jnp.where(seen.server == 0, a, b), mine, theirs)


def table(rules: Rules) -> Table:
    """Return a policy from the tables of exact theory."""
    return Table(*(jnp.asarray(x, jnp.float32) for x in (rules.request, rules.serve, rules.offer)))


def _threshold(threshold: Any, offer: Any) -> Threshold:
    return Threshold(jnp.asarray(threshold, jnp.float32), jnp.asarray(offer, jnp.float32))


def fmfe(system: System, *, pool_wait: Real = 0.0) -> Threshold:
    """Return the fluid mean-field best response to a conjectured wait in the pool (0 = negligible).

    Args:
        system: gives lambda_i, mu_i and phi (or phi_i).
        pool_wait: w >= 0, in units of time; up to 1/mu_i the policy is that of Corollary 4.3.

    Source: Chen, Chen, Qian (2023), Lemma 4.2; with service rate mu, w is measured in units of 1/mu
    (section 7 uses rho_i = lambda_i / mu_i for lambda).
    """
    wait = scalar("pool_wait", pool_wait, non_negative)
    params = system.params
    rates = np.asarray(params.arrival_rate, np.float64), np.asarray(params.service_rate, np.float64)
    a, m, phi = np.broadcast_arrays(*rates, np.asarray(params.token_probability, np.float64))
    each = zip(*(np.ravel(x) for x in (a, m, phi)), strict=True)
    pairs = [best_response(float(a / m), float(phi), wait * float(m)) for a, m, phi in each]
    shape = a.shape
    thresholds, offers = zip(*((p.threshold, p.offer) for p in pairs), strict=True)
    return _threshold(np.reshape(thresholds, shape), np.reshape(offers, shape))


def fluid(utilization: Float[Array, "*rates"], phi: Float[Array, "*earners"]) -> Threshold:
    """Return the policy of `fmfe` for no wait in the pool as a traced, differentiable function of phi.

    phi > rho: threshold 0, offers with probability rho / phi. Else k - p and 1 on the piece rho^(k+1) < phi
    <= rho^k; the derivative is the one of that piece.

    Source: Chen, Chen, Qian (2023), Corollary 4.3.
    """
    rho, p = utilization, phi
    k = jnp.floor(jnp.log(p) / jnp.log(rho))
    # Logarithms round; powers decide: rho^(k+1) < phi <= rho^k.
    k = jax.lax.stop_gradient(k + (p <= rho ** (k + 1)) - (p > rho**k))
    inside = jnp.maximum(k, 1.0)
    threshold, _ = on_piece(rho, jnp.where(k > 0, p, rho), inside)
    return Threshold(jnp.where(k > 0, threshold, 0.0), jnp.where(k > 0, 1.0, rho / p))


def complete(system: System) -> Threshold:
    """Return complete resource pooling: request help for every job, offer every free unit of capacity."""
    del system
    return _threshold(0.0, 1.0)


def independent(system: System) -> Threshold:
    """Return no cooperation: every server is an M/M/1 queue of its own."""
    del system
    return _threshold(np.inf, 0.0)


def threshold(system: System, *, level: Real = 2.0, offer: Real = 1.0) -> Threshold:
    """Return a threshold policy: request help from queue ``level`` on, offer when the queue is empty.

    Args:
        level: k - p >= 0, see `Threshold`.
        offer: probability to offer a free unit of capacity.
    """
    del system
    return _threshold(scalar("level", level, non_negative), scalar("offer", offer, probability))


def watchful(system: System, *, level: Real = 1.0) -> Watchful:
    """Return complete pooling that keeps jobs below queue ``level`` while the last offer found the pool busy.

    Args:
        system: with ``signal=true``.
        level: >= 0; 0 is complete pooling.

    Raises:
        InvalidInput: if the servers keep no signal, or level is out of range.
    """
    spec = system.kernel.spec
    assert isinstance(spec, Spec)
    require(spec.signal, "signal", spec.signal, "hides the pool from this policy", "use signal=true")
    return Watchful(threshold(system, level=level), complete(system))


def deviate(
    system: System, *, kind: str = "best", level: Real = 1.0, reserve: Whole | None = None
) -> OneDeviates:
    """Return the equilibrium policy for all servers but server 0, which deviates.

    Run it with ``waits=exact`` to see server 0's own cost (``first_cost``); server 0 needs equal servers.

    Args:
        kind: ``best`` is the cheapest policy on (own queue, own tokens) against the pool's mean wait;
            ``saver`` pools completely but keeps ``reserve`` tokens for when a job is waiting already;
            ``threshold`` requests help from queue ``level`` on and offers all free units;
            ``watcher`` does so while its last offer found a job, and pools completely otherwise;
            ``free_rider`` requests help for every job and never offers any;
            ``loner`` neither requests nor offers.
        level: for ``threshold`` and ``watcher``.
        reserve: for ``saver``; default a quarter of the token cap.

    Raises:
        InvalidInput: if a key is out of range, the servers are unequal or tokens are unlimited.
    """
    choice("kind", kind, ("best", "saver", "threshold", "watcher", "free_rider", "loner"))
    spec, params = system.kernel.spec, system.params
    assert isinstance(spec, Spec)
    require(spec.equal, "arrival_rate", params.arrival_rate, "differs by server", "give one rate to all")
    require(spec.tokens == "bounded", "tokens", spec.tokens, "leaves nothing to save", "use tokens=bounded")
    phis = params.token_probability
    require(jnp.ndim(phis) == 0, "token_probability", phis, "differs by server", "give one number to all")
    simple = {
        "threshold": lambda: threshold(system, level=level),
        "watcher": lambda: watchful(system, level=level),
        "free_rider": lambda: _threshold(0.0, 0.0),
        "loner": lambda: independent(system),
    }
    if kind in simple:
        return OneDeviates(simple[kind](), fmfe(system))
    if kind == "saver":
        kept = integer(
            "reserve", spec.token_cap // 4 if reserve is None else reserve, low=0, high=spec.token_cap
        )
        return OneDeviates(table(saver_rules(spec.token_cap, kept)), fmfe(system))
    mu, phi = float(params.service_rate), float(params.token_probability)
    rho, cost = float(params.arrival_rate) / mu, float(params.processing_cost)
    wait = pool_wait(phi, spec.servers, float(server_law(rho, phi, spec.token_cap).requests))
    # Time in units of 1/mu: holding a job for such a unit costs 1/mu.
    best = best_deviation(rho, phi, spec.token_cap, wait, processing_cost=cost * mu)
    return OneDeviates(table(best.rules()), fmfe(system))
