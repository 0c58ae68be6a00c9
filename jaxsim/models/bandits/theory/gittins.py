"""Gittins index of finite Markov arms, and its derivatives."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float
from jaxsim.models.bandits.theory.blocked import eliminate_blocked
from jaxsim.models.bandits.theory.elimination import eliminate
from jaxsim.models.bandits.theory.inputs import Numbers, arm, discount_factor

BLOCKED_FROM = 500
"""Number of states from which the blocked elimination is the faster one."""
_ARMS_IN_CACHE = 16
_BYTES_ON_A_DEVICE = 1 << 28


@jax.custom_jvp
def index_of(
    rewards: Float[Array, " states"], transitions: Float[Array, "states states"], stop: Float[Array, ""]
) -> Float[Array, " states"]:
    """Index of every state of one arm, differentiable: `eliminate` forward, `implicit_terms` for derivatives.

    ``stop`` is 1 - discount (0 for average reward). Computes in the precision of its arguments. Pure, jit-,
    vmap- and grad-able.
    """
    return eliminate(rewards, transitions, stop).indices


def implicit_terms(
    rewards: Float[Array, " states"], transitions: Float[Array, "states states"], stop: Float[Array, ""]
) -> tuple[Float[Array, "states states"], Float[Array, "states states"]]:
    """Return the shares x_i / T_i and the surplus values g_i that every derivative of an index is made of.

    Starting from i and continuing while in C_i (i and the states with higher indices), x_ij is the expected
    discounted number of visits to j, T_i its sum over j, and g_ik the expected discounted reward above nu_i
    from k on (0 off C_i). The optimal C_i stays the same under small changes, so by the envelope theorem

        d nu_i = sum_j (x_ij / T_i) (d r_j + sum_k d(beta P_jk) g_ik).
    """
    n = rewards.shape[0]
    index, order = eliminate(rewards, transitions, stop)

    def of_state(i: Array) -> tuple[Array, Array]:
        inside = order <= order[i]
        system = jnp.eye(n, dtype=rewards.dtype) - jnp.where(
            inside[:, None] & inside[None, :], (1 - stop) * transitions, 0
        )
        visits = jnp.where(inside, jnp.linalg.solve(system.T, jax.nn.one_hot(i, n, dtype=rewards.dtype)), 0)
        surplus = jnp.linalg.solve(system, jnp.where(inside, rewards - index[i], 0))
        return visits / visits.sum(), jnp.where(inside, surplus, 0)

    return jax.vmap(of_state)(jnp.arange(n))


@index_of.defjvp
def _index_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    rewards, transitions, stop = primals
    d_rewards, d_transitions, d_stop = tangents
    shares, surplus = implicit_terms(rewards, transitions, stop)
    d_chance = (1 - stop) * d_transitions - d_stop * transitions
    slope = shares @ d_rewards + jnp.einsum("ij,jk,ik->i", shares, d_chance, surplus)
    return index_of(rewards, transitions, stop), slope


@jax.jit
def _many(rewards: Array, transitions: Array, stop: Array) -> Array:
    def one(arm: tuple[Array, Array]) -> Array:
        return eliminate(arm[0], arm[1], stop).indices

    arms, states = rewards.shape
    # A CPU keeps the arms at work in its cache; an accelerator wants as many at once as its memory holds.
    filling = max(1, _BYTES_ON_A_DEVICE // (rewards.dtype.itemsize * states**2))
    together = _ARMS_IN_CACHE if jax.default_backend() == "cpu" else filling
    return jax.lax.map(one, (rewards, transitions), batch_size=min(together, arms))


@float64
def gittins_index(rewards: Numbers, transitions: Numbers, discount: Numbers) -> Float[np.ndarray, "..."]:
    """Gittins index of every state of one or many finite Markov arms.

    nu(i) = max over stopping times tau >= 1 of
            E_i[sum_{s < tau} beta^s r(X_s)] / E_i[sum_{s < tau} beta^s].

    Args: rewards (..., states), earned by playing in a state; transitions (..., states, states), rows sum
    to 1; discount beta in [0, 1]. Leading axes are arms, solved 128 at a time. Returns (..., states) float64:
    this oracle always computes in double precision; `index_of` keeps the precision of its arguments.

    Special cases: ``discount = 1`` is the average-reward index, the limit of beta -> 1; its minimum over a
    recurrent arm is the stationary mean. From 500 states on, the elimination is blocked. The index is a rate
    and does not depend on whether the first play is discounted by beta^0 or beta^1.

    Raises `InvalidInput` for rewards that are not finite, rows that are not distributions, misfit shapes.

    Source: Ishikida (1992), equation (6.17); algorithm of Sonin (2008) with Grassmann-Taksar-Heyman pivots.
    """
    reward, move = arm(rewards, transitions)
    beta = discount_factor(discount, average=True)
    if reward.shape[-1] >= BLOCKED_FROM:
        each = [
            eliminate_blocked(r, p, 1 - beta)
            for r, p in zip(
                reward.reshape(-1, reward.shape[-1]), move.reshape(-1, *move.shape[-2:]), strict=True
            )
        ]
        return np.stack(each).reshape(reward.shape)
    flat = _many(
        jnp.asarray(reward.reshape(-1, reward.shape[-1])),
        jnp.asarray(move.reshape(-1, *move.shape[-2:])),
        jnp.asarray(1 - beta),
    )
    return np.asarray(flat).reshape(reward.shape)


class IndexDerivatives(NamedTuple):
    """Derivatives of the index nu_i of every state i with respect to r_j, P_jk and the discount."""

    indices: Float[np.ndarray, " states"]
    rewards: Float[np.ndarray, "states states"]
    transitions: Float[np.ndarray, "states states states"]
    discount: Float[np.ndarray, " states"]


@float64
def gittins_derivatives(rewards: Numbers, transitions: Numbers, discount: Numbers) -> IndexDerivatives:
    """Exact derivatives of the Gittins index, implicit at the optimal continuation set.

    With x, T, g of `implicit_terms`: d nu_i / d r_j = x_ij / T_i, d nu_i / d P_jk = beta x_ij g_ik / T_i,
    d nu_i / d beta = sum_jk x_ij P_jk g_ik / T_i.

    Shapes: n, n x n, n x n x n, n; first axis is the state whose index is meant. Entries of P are free
    variables here: combine them along directions whose rows sum to 0. Where indices tie the function has a
    kink; the result then belongs to the order of elimination (lowest state first), a one-sided derivative.
    Raises `InvalidInput` as `gittins_index`, and for a discount of 1, where the expectations are infinite.
    Source: derived from Ishikida (1992), equation (6.17), by the envelope theorem.
    """
    reward, move = arm(rewards, transitions)
    stop = 1 - discount_factor(discount)
    parts = _derivatives(jnp.asarray(reward), jnp.asarray(move), jnp.asarray(stop))
    return IndexDerivatives(*map(np.asarray, parts))


@jax.jit
def _derivatives(reward: Array, move: Array, stop: Array) -> tuple[Array, Array, Array, Array]:
    shares, surplus = implicit_terms(reward, move, stop)
    by_discount = jnp.einsum("ij,jk,ik->i", shares, move, surplus)
    by_transition = (1 - stop) * shares[:, :, None] * surplus[:, None, :]
    return index_of(reward, move, stop), shares, by_transition, by_discount
