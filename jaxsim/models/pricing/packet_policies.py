"""Policies of the packet model: prices follow the queues, a pair shares every pool as a Nash equilibrium.

In pool v the pair (j, k) with valued queues P Q maximizes the sum of its utilities over c_j + c_k <= C_v and
c_j, c_k <= the one-user capacities; both constraints of the face and the box are met in closed form. A user
alone with packets is served at its one-user capacity.

With more than two users the pair that holds the greatest dual cost is served. The paper's Stage 0 selects the
pair of least minimal cost; among queues that are not held at the Pareto point that would starve the others.

Source: Dai (2024), equations (3.16), (3.20), (3.21), (4.1), (5.7), (5.8), (5.12), (5.21).
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from jaxsim.core import samplers
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float
from jaxsim.models.pricing import closed_form
from jaxsim.models.pricing.market import Vector, where
from jaxsim.models.pricing.packets import PacketAction, PacketObservation
from jaxsim.models.pricing.policies import clipped, prices_of


def pair_rates(o: PacketObservation, prices: Vector, pair: tuple[int, int]) -> Vector:
    """Return the rates of all users while this pair is served, pools together."""
    j, k = pair
    kinds = (o.terms.market.kinds[j], o.terms.market.kinds[k])
    first, second = o.queues[j] > 0, o.queues[k] > 0
    both = first & second
    valued = [jnp.where(both, prices[i] * o.queues[i], 1.0) for i in pair]
    rates = [jnp.zeros(()) for _ in o.queues]
    for total, alone in zip(o.capacity, o.alone, strict=True):
        x, _ = closed_form.share(kinds, valued[0], valued[1], total)
        x = jnp.minimum(jnp.maximum(x, total - alone[k]), alone[j])
        y = jnp.minimum(total - x, alone[k])
        rates[j] = rates[j] + jnp.where(both, x, alone[j])
        rates[k] = rates[k] + jnp.where(both, y, alone[k])
    return tuple(rates)


def heaviest(o: PacketObservation, prices: Vector) -> Any:
    """Return the number of the pair that holds the greatest dual cost, ties to the first."""
    m, terms = o.terms.market, o.terms
    each = zip(m.kinds, prices, o.queues, terms.mu, terms.rate, strict=True)
    cost = [closed_form.dual_cost(*user, m.reading) for user in each]
    most, number = cost[m.coalitions[0][0]] + cost[m.coalitions[0][1]], jnp.zeros((), jnp.int32)
    for other, (j, k) in enumerate(m.coalitions[1:], start=1):
        held = cost[j] + cost[k]
        number, most = jnp.where(held > most, other, number), jnp.maximum(held, most)
    return number


def serve(o: PacketObservation, prices: Vector, number: Any) -> PacketAction:
    """Return prices and the rates of the pair with this number."""
    pairs = o.terms.market.coalitions
    rates = pair_rates(o, prices, pairs[0])
    for other, pair in enumerate(pairs[1:], start=1):
        rates = where(number == other, pair_rates(o, prices, pair), rates)
    return PacketAction(prices, rates)


def priced(o: PacketObservation, varpi: Any) -> Vector:
    """Return P = f(Q): (5.21) at the queues of the first two users that hold packets, within the bounds.

    Users alone with packets, and those outside the first pair of the market, are at their lower bounds: the
    ratio kappa of (5.7) compares two held queues.
    """
    m, terms = o.terms.market, o.terms
    prices, taken = list(terms.lower), jnp.zeros((), bool)
    for j, k in m.coalitions:
        kinds = (m.kinds[j], m.kinds[k])
        both = (o.queues[j] > 0) & (o.queues[k] > 0) & ~taken
        x, y = (jnp.where(both, o.queues[i] / terms.mu[i], 1.0) for i in (j, k))
        kappa = closed_form.price_ratio(
            kinds, x, y, (terms.mu[j], terms.mu[k]), (terms.rate[j], terms.rate[k])
        )
        moved = prices_of(kinds, kappa, varpi, m.reading)
        prices[j], prices[k] = (jnp.where(both, new, prices[i]) for i, new in zip((j, k), moved, strict=True))
        taken = taken | both
    return clipped(terms, tuple(prices))


@pytree
class PacketGame:
    """The paper's policy before the limit: prices from the queues, then the game over rates."""

    varpi: Float[Array, ""]
    random: ClassVar[bool] = False

    def __call__(self, words: Any, o: PacketObservation) -> PacketAction:
        """Return prices and rates."""
        prices = priced(o, self.varpi)
        return serve(o, prices, heaviest(o, prices))


@pytree
class PacketConstant:
    """Constant prices, the same game over rates."""

    prices: Float[Array, " users"]
    random: ClassVar[bool] = False

    def __call__(self, words: Any, o: PacketObservation) -> PacketAction:
        """Return the prices and rates."""
        prices = tuple(self.prices)
        return serve(o, prices, heaviest(o, prices))


@pytree
class PacketArbitrary:
    """The prices (5.12), the same game over rates: lower_j + a_j / (b_j + sqrt(Q_j))."""

    gain: Float[Array, " users"]
    offset: Float[Array, " users"]
    random: ClassVar[bool] = False

    def __call__(self, words: Any, o: PacketObservation) -> PacketAction:
        """Return prices and rates."""
        prices = tuple(
            low + self.gain[j] / (self.offset[j] + jnp.sqrt(o.queues[j]))
            for j, low in enumerate(o.terms.lower)
        )
        return serve(o, prices, heaviest(o, prices))


@pytree
class PacketStochastic:
    """A random pair between two events, at constant prices."""

    prices: Float[Array, " users"]
    random: ClassVar[bool] = True

    def __call__(self, words: Any, o: PacketObservation) -> PacketAction:
        """Return the prices and the rates of the pair drawn."""
        number = samplers.index(words[0], len(o.terms.market.coalitions))
        return serve(o, tuple(self.prices), number)
