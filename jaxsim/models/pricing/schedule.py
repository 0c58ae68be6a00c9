"""Prices that are a smooth function of the workload, to be tuned; and any policy kept within the bounds.

P_j(W) = lower_j + (upper_j - lower_j) / (1 + exp(-(level_j + slope_j ln(1 + W / 1000))))

In a market without upper bound the initial price takes its place.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float
from jaxsim.models.pricing.market import Action, Observation
from jaxsim.models.pricing.policies import Rules, cheapest, clipped

SCALE = 1000.0
"""Workload at which ln(1 + W / scale) = ln 2; the unit of ``slope``."""


@pytree
class Schedule(Rules):
    """Prices P(W) between the market's bounds; the queues are the Pareto point.

    level, slope: per user; smooth in both, so that pathwise gradients of costs are exact where the selection
    of the pair does not change.
    """

    level: Float[Array, " users"]
    slope: Float[Array, " users"]
    keeps_prices: ClassVar[bool] = False

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return the Pareto point at the prices of the workload."""
        share = jax.nn.sigmoid(self.level + self.slope * jnp.log1p(o.workload / SCALE))
        bounds = zip(o.terms.lower, o.terms.upper, o.terms.initial, share, strict=True)
        prices = tuple(
            low + (jnp.where(jnp.isfinite(high), high, first) - low) * s for low, high, first, s in bounds
        )
        queues, chosen = cheapest(o.terms, prices, o.workload)
        return Action(queues, prices, (), chosen)


@pytree
class Bounded(Rules):
    """Another policy of the workload whose charged prices are kept within the market's bounds."""

    policy: Any

    @property
    def keeps_queues(self) -> bool:
        """As the policy does."""
        return self.policy.keeps_queues

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return the policy's action with bounded prices."""
        action = self.policy(words, o)
        return Action(action.queues, clipped(o.terms, action.prices), action.memory, action.coalition)
