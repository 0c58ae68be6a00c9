"""Mean total cost differences of figure 11 without simulation.

With two users of kinds (log, delay) prices have two states: the initial ones until the workload first is 0,
the lower bounds ever after (kappa is an identity and cannot move them). So the mean cost is an integral
against the law of W, plus, under projected Euler, that over the paths that never were at 0. In continuous
time the workload returns to 0 at once, and prices are at the lower bounds for all t > 0.

Source: Dai (2024), equation (5.11) and figure 11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array
from jaxsim.models.pricing import closed_form, diffusion
from jaxsim.models.pricing.coefficients import pair_coefficients
from jaxsim.models.pricing.market import Market, Terms, effective_rates, terms_of
from jaxsim.models.pricing.policies import pair_queues, slopes
from jaxsim.models.pricing.theory import brownian, euler


class Differences(NamedTuple):
    """Mean cost of the game, and that minus the costs of constant prices 1 and of the prices (5.12).

    never_constant, never_arbitrary: what paths that never were at 0 contribute to these differences (0 in
    continuous time). They are rare and dear: a simulation of thousands of paths may see none.
    """

    cost: float
    constant: float
    arbitrary: float
    never_constant: float
    never_arbitrary: float


def cost_function(terms: Terms, prices: tuple[Any, ...]) -> Callable[[Array], Any]:
    """Return the least dual cost of the first pair as a function of the workload."""
    return lambda w: pair_queues(terms, slopes(terms, prices), terms.market.coalitions[0], w)[1]


def arbitrary_terms(market: Market) -> tuple[list[float], list[float]]:
    """Return a_j and b_j of (5.12), the paper's numbers, by the kinds of the users."""
    gain = [20.0 if kind == "log" else 30.0 for kind in market.kinds]
    return gain, [0.05 if kind == "log" else 0.1 for kind in market.kinds]


def arbitrary_cost(terms: Terms, prices: tuple[Any, ...], gain: Any, offset: Any) -> Callable[[Array], Any]:
    """Return the cost of the same queues at the prices of (5.12)."""

    def cost(w: Array) -> Array:
        queues, _ = pair_queues(terms, slopes(terms, prices), terms.market.coalitions[0], w)
        charged = [
            low + a / (b + jnp.sqrt(q))
            for low, a, b, q in zip(terms.lower, gain, offset, queues, strict=True)
        ]
        m = terms.market
        users = zip(m.kinds, charged, queues, terms.mu, terms.rate, strict=True)
        return sum((closed_form.dual_cost(*u, m.reading) for u in users), jnp.zeros(()))

    return cost


@float64
def differences(
    spec: diffusion.Spec, params: diffusion.Params, horizon: float, *, cells: int = 4096
) -> Differences:
    """Return mean cost differences at the horizon for two users from an empty system, one regime.

    The scheme of the Spec decides the law: exact, or projected Euler with the parameters' time step.
    """
    users = _rounded(params.users)
    drift, deviation = (float(x[0, 0]) for x in pair_coefficients(spec.market, spec.covariance, users))
    terms = terms_of(spec.market, users, effective_rates(spec.market, users.rate), 0)
    low = cost_function(terms, terms.lower)
    high = cost_function(terms, terms.initial)
    one = cost_function(terms, (1.0,) * spec.market.users)
    gain, offset = arbitrary_terms(spec.market)
    charged = arbitrary_cost(terms, terms.lower, gain, offset)
    charged_high = arbitrary_cost(terms, terms.initial, gain, offset)
    if spec.scheme == "exact":

        def mean(f: Callable[[Array], Array]) -> float:
            return float(brownian.mean_of(f, horizon, drift, deviation**2))

        cost = mean(low)
        return Differences(cost, cost - mean(one), cost - mean(charged), 0.0, 0.0)
    step = _decimal(params.time_step)
    found = euler.law(step, round(horizon / step), drift, deviation**2, cells=cells)
    grid, mass = jnp.asarray(found.grid), jnp.asarray(found.mass)
    never = jnp.asarray(found.never)
    reset = mass - never

    def integral(weights: Array, f: Callable[[Array], Array]) -> float:
        return float(jnp.sum(weights[1:] * f(grid[1:])))

    rare = integral(never, high)
    never_constant, never_arbitrary = rare - integral(never, one), rare - integral(never, charged_high)
    constant = integral(reset, low) - integral(reset, one) + never_constant
    arbitrary = integral(reset, low) - integral(reset, charged) + never_arbitrary
    return Differences(integral(reset, low) + rare, constant, arbitrary, never_constant, never_arbitrary)


def _decimal(value: Any) -> float:
    """Return the short decimal number that a float32 stands for, as a user wrote it."""
    return float(str(np.float32(value)))


def _rounded(tree: Any) -> Any:
    """Return the pytree with every float64 leaf replaced by the decimal that its float32 stands for."""

    def decimals(leaf: Any) -> Any:
        values = np.asarray(leaf, np.float64)
        return jnp.asarray(np.vectorize(_decimal, otypes=[np.float64])(values))

    fields = {name: decimals(value) for name, value in vars(tree).items()}
    return type(tree)(**fields)
