"""Optimal value of many independent arms without their product space: Whittle's integral."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import validation
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float
from jaxsim.models.bandits.theory.elimination import eliminate
from jaxsim.models.bandits.theory.inputs import Numbers, arm, discount_factor


class Retirement(NamedTuple):
    """How long one arm is played at each charge: charges in decreasing order and E beta^tau from a state.

    ``discount_at_stop[k]`` = E_i beta^tau for a charge in [charges[k+1], charges[k]), where the arm is played
    while its index is above the charge; it is 1 above charges[0] and 0 at no charge (never stopped) below
    the last one.
    """

    charges: Float[Array, " states"]
    discount_at_stop: Float[Array, "states states"]


def retirement(
    rewards: Float[Array, " states"], transitions: Float[Array, "states states"], stop: Float[Array, ""]
) -> Retirement:
    """Indices in decreasing order and, for each of them and each start i, E_i beta^tau below it.

    With C the states whose index is above the charge, E_i beta^tau = 1 - stop * T_i, where T solves
    (I - beta P_CC) T = 1 on C and is 0 off C. One masked solve per charge; pure, dtype-generic.
    """
    n = rewards.shape[0]
    indices, order = eliminate(rewards, transitions, stop)

    def after(k: Array) -> Array:
        inside = order <= k
        kept = jnp.where(inside[:, None] & inside[None, :], (1 - stop) * transitions, 0)
        time = jnp.linalg.solve(jnp.eye(n, dtype=rewards.dtype) - kept, inside.astype(rewards.dtype))
        return 1 - stop * time

    return Retirement(-jnp.sort(-indices), jax.vmap(after)(jnp.arange(n)))


_retirement = jax.jit(retirement)


@float64
def joint_value(arms: Sequence[tuple[Numbers, Numbers]], discount: Numbers, start: Sequence[Any]) -> float:
    """Largest expected discounted reward of N independent arms and one pipe that is never idle.

        V(i_1, ..., i_N) = (1/(1-beta)) [ L - int_{l}^{L} prod_n E beta^{tau_n(c)} dc ]

    where tau_n(c) plays arm n while its index exceeds c, L is the largest and l the smallest index. Each
    factor is a step function of c with steps at the arm's indices, so the integral is a finite sum: the cost
    is that of the arms one by one, not of their product space. The first play is discounted by beta^0;
    multiply by beta where time starts at 1.

    arms: (rewards, transitions) of each; discount in [0, 1); start: one state number per arm.
    Raises `InvalidInput` for bad arms, a discount outside [0, 1), or states out of range.
    Source: Whittle (1980), Multi-armed bandits and the Gittins index; Ishikida (1992), section 6.4.
    """
    beta, states = discount_factor(discount), start_states(start, [len(np.atleast_1d(r)) for r, _ in arms])
    tables = [retirement_of(a, beta, i) for a, i in zip(arms, states, strict=True)]
    charges = np.unique(np.concatenate([c for c, _ in tables]))[::-1]
    middles = (charges[1:] + charges[:-1]) / 2
    product = np.ones(len(middles))
    for levels, factor in tables:
        product *= factor[np.searchsorted(-levels, -middles)]
    return float((charges[0] + product @ np.diff(charges)) / (1 - beta))


@float64
def retirement_of(given: tuple[Numbers, Numbers], beta: float, state: int) -> tuple[np.ndarray, np.ndarray]:
    """Charges of an arm in decreasing order and E beta^tau above, between and below them (n + 1 values).

    Below the last charge the play never ends, so the last value is that of a charge just below it, 0.
    """
    charges, table = _retirement(*(jnp.asarray(x) for x in arm(*given)), jnp.asarray(1 - beta))
    return np.asarray(charges), np.append(1.0, np.asarray(table)[:, state])


def start_states(start: Sequence[Any], sizes: Sequence[int]) -> list[int]:
    """Validate one state number per arm."""
    fits = len(start) == len(sizes)
    validation.require(fits, "start", list(start), f"does not list {len(sizes)} states", "give one per arm")
    return [validation.integer("start", s, low=0, high=n - 1) for s, n in zip(start, sizes, strict=True)]
