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
from jaxsim.core.types import Array, Float, Real
from jaxsim.core.validation import non_negative, probability
from jaxsim.models.pooling.spec import IDLE, OFFER, SERVE, Action, Observation
from jaxsim.models.pooling.theory.fluid import best_response


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
        threshold, offer = _of(self.threshold, seen), _of(self.offer, seen)
        requests = coin < seen.queue.astype(jnp.float32) + 1 - threshold
        empty_use = jnp.where(coin < offer, OFFER, IDLE)
        return Action(requests, jnp.where(seen.queue > 0, SERVE, empty_use))


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
class OneDeviates:
    """Server 0 follows ``deviant``, all others ``others``; every server meets the same coins either way."""

    deviant: Any
    others: Any

    def __call__(self, coin: Float[Array, ""], seen: Observation) -> Action:
        """Return the action of the policy that this server follows."""
        mine, theirs = self.deviant(coin, seen), self.others(coin, seen)
        return jax.tree.map(lambda a, b: jnp.where(seen.server == 0, a, b), mine, theirs)


def _of(value: Float[Array, "*servers"], seen: Observation) -> Float[Array, ""]:
    return value if value.ndim == 0 else value.at[seen.server].get(mode="promise_in_bounds")


def _threshold(threshold: Any, offer: Any) -> Threshold:
    return Threshold(jnp.asarray(threshold, jnp.float32), jnp.asarray(offer, jnp.float32))


def fmfe(system: System, *, pool_wait: Real = 0.0) -> Threshold:
    """Return the fluid mean-field best response to a conjectured wait in the pool (0 = negligible).

    Args:
        system: gives lambda_i, mu_i and phi.
        pool_wait: w >= 0, in units of time; up to 1/mu_i the policy is that of Corollary 4.3.

    Source: Chen, Chen, Qian (2023), Lemma 4.2; with service rate mu, w is measured in units of 1/mu
    (section 7 uses rho_i = lambda_i / mu_i for lambda).
    """
    wait = float(non_negative("pool_wait", pool_wait))
    params = system.params
    rates = np.asarray(params.arrival_rate, np.float64), np.asarray(params.service_rate, np.float64)
    phi = float(params.token_probability)
    each = zip(np.ravel(rates[0]), np.ravel(rates[1]), strict=True)
    pairs = [best_response(float(a / m), phi, wait * float(m)) for a, m in each]
    shape = rates[0].shape
    thresholds, offers = zip(*((p.threshold, p.offer) for p in pairs), strict=True)
    return _threshold(np.reshape(thresholds, shape), np.reshape(offers, shape))


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
        level: k - p >= 0, see `Threshold`. offer: probability to offer a free unit of capacity.
    """
    del system
    return _threshold(float(non_negative("level", level)), float(probability("offer", offer)))
