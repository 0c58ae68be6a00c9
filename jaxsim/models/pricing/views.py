"""A view for learners: one controller posts the prices of all users, workload and regime in sight.

An action in [0, 1]^users is a point between the market's price bounds; users without an upper bound have
`CEILING` times their lower one. The prices posted at the start of a step hold at its end, when the workload
has moved: the pair served and its queues are then the Pareto point at these prices. The reward of a step is
minus the total dual cost of the users at its end, times its length.

Source: Dai (2024), equations (5.9) to (5.13).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, cast

import jax.numpy as jnp

from jaxsim.core.kernel import System
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float
from jaxsim.core.validation import require
from jaxsim.core.view import View
from jaxsim.models.pricing.diffusion import Spec
from jaxsim.models.pricing.market import Action, Observation
from jaxsim.models.pricing.policies import Rules, cheapest

CEILING = 10.0
SCALE = 1000.0
"""Workload at which its observation ln(1 + W / scale) is ln 2."""


@pytree
class Posted(Rules):
    """Prices at a given share of the way between the bounds; the queues are the Pareto point."""

    share: Float[Array, " users"]
    keeps_prices: ClassVar[bool] = False

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return the Pareto point at the posted prices."""
        prices = []
        for low, high, share in zip(o.terms.lower, o.terms.upper, self.share, strict=True):
            top = jnp.where(jnp.isfinite(high), high, CEILING * low)
            prices.append(low + (top - low) * share)
        queues, chosen = cheapest(o.terms, tuple(prices), o.workload)
        return Action(queues, tuple(prices), (), chosen)


def prices(system: System) -> tuple[System, View]:
    """Return the system and the view of a diffusion.

    Raises:
        InvalidInput: for another model than the diffusion.
    """
    spec = system.kernel.spec
    fits = isinstance(spec, Spec)
    require(fits, "model", type(spec).__name__, "has no view", "take model=diffusion")
    spec = cast(Spec, spec)
    regimes, users = spec.market.regimes, spec.market.users

    def summary(scene: Any, state: Any) -> Array:
        seen = jnp.log1p(state.sides[0].workload / SCALE)
        which = jnp.arange(regimes) == (0 if state.regime is None else state.regime)
        return jnp.concatenate([jnp.atleast_1d(seen), which.astype(jnp.float32)])

    def reward(scene: Any, state: Any, policy: Any, observed: Any, after: Any) -> Array:
        return -observed["cost"] * scene[1].params.time_step

    view = View(
        name="prices", agents=1, features=1 + regimes, actions=users, summary_size=1 + regimes,
        observe=lambda scene, state: summary(scene, state)[None], summary=summary,
        act=lambda scene, state, action: Posted(jnp.reshape(action, (users,))),
        blank=lambda spec: Posted(jnp.zeros(users)), reward=reward,
        bounds=(0.0, math.log1p(3e38 / SCALE)),
    )  # fmt: skip
    return system, view
