"""The exact value of a given policy, and its derivatives: linear algebra on the chain that it drives.

A stationary policy, random or not, enters only through its mean firing rates f_k(s) = E r_s(Γ_k), ``[states,
actions]``: the generator is Q(s, s') = Σ_k f_k ν_k p_k(s, s') + γ(s, s') (off the diagonal) and the income
rate is c(s) = Σ_k f_k ν_k E R_k - g. All functions are smooth in rates, speeds, rewards and costs, so
`jax.grad` gives exact derivatives; the dense ones cost states^3 and refuse more than `DENSE` states.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array
from jaxsim.core.validation import choice, numbers, require
from jaxsim.models.actors.assignment import assignment_rate
from jaxsim.models.actors.exhaustive import joint_assignments
from jaxsim.models.actors.laws import trailing
from jaxsim.models.actors.model import ActorsParams, Local, Model

DENSE = 4096
"""Most states for which dense linear algebra is used."""


def check_assignment(model: Model, assignment: Any) -> np.ndarray:
    """An assignment ``[states, actors]`` (-1 or ``actions``: idle) that respects skills and caps; refuse
    others.
    """
    spec, local = model.spec, model.params.local
    table = numbers("assignment", assignment).astype(np.int32)
    shape = (spec.states, spec.actors)
    require(table.shape == shape, "assignment", table.shape, "has the wrong shape", f"give {shape}")
    table = np.where(table < 0, spec.actions, table)
    require(
        bool(np.all(table <= spec.actions)), "assignment", table.max(), "no such action", "name known actions"
    )
    members = table[:, :, None] == np.arange(spec.actions)
    bad = np.flatnonzero(np.any(members & ~np.asarray(local.allowed), axis=(1, 2)))
    require(
        bad.size == 0, "assignment", table[bad[:1]], "uses a forbidden action", "keep to the admissible sets"
    )
    bad = np.flatnonzero(np.any(members.sum(1) > np.asarray(local.caps), axis=1))
    require(
        bad.size == 0, "assignment", table[bad[:1]], f"exceeds a cap in state {bad[:1]}", "keep to the caps"
    )
    return table


def firing_rates(local: Local, assignment: Any, actions: int) -> Array:
    """f_k(s) = r_s(Γ_k) of a deterministic assignment ``[states, actors]``: ``[states, actions]``."""
    back = trailing(local)
    chosen = jnp.asarray(assignment).T
    return assignment_rate(back.law, back.speeds, jnp.where(chosen < 0, actions, chosen), actions).T


def mixed_firing_rates(local: Local, chances: Any, joint: Any) -> Array:
    """f_k(s) of a random policy: ``chances [states, joint]`` over joint assignments ``[joint, actors]``."""
    back, actions = trailing(local), local.caps.shape[1]
    rates = jax.vmap(
        lambda one: assignment_rate(
            back.law, back.speeds, jnp.broadcast_to(one[:, None], back.speeds.shape), actions
        )
    )(jnp.asarray(joint))
    return jnp.einsum("sj,jks->sk", jnp.asarray(chances), rates)


def generator(local: Local, firing: Array) -> Array:
    """Q ``[states, states]`` of the chain under mean firing rates ``[states, actions]``; rows sum to 0."""
    states = firing.shape[0]
    require(states <= DENSE, "states", states, "is too many for dense algebra", f"use at most {DENSE}")
    row = jnp.arange(states)
    flow = (firing * local.rates)[:, :, None] * local.chances
    q = jnp.zeros((states, states), flow.dtype)
    q = q.at[row[:, None, None], local.targets].add(flow)
    q = q.at[row[:, None], local.exits].add(local.exogenous)
    return q - jnp.diag(jnp.sum(q, axis=1))


def income(local: Local, firing: Array) -> Array:
    """c(s): mean reward minus cost per unit of time, ``[states]``."""
    mean = jnp.sum(jnp.asarray(local.chances) * local.rewards, axis=2)
    return jnp.sum(firing * local.rates * mean, axis=1) - local.costs


def gain_and_bias(local: Local, firing: Array) -> tuple[Array, Array]:
    """Long-run gain b and relative values v with v(0) = 0: b = c + Q v (one recurrent class)."""
    system = (-generator(local, firing)).at[:, 0].set(1.0)
    solution = jnp.linalg.solve(system, income(local, firing))
    return solution[0], solution.at[0].set(0.0)


def discounted_values(local: Local, firing: Array, rate: Any) -> Array:
    """V ``[states]`` with (α - Q) V = c."""
    q = generator(local, firing)
    return jnp.linalg.solve(rate * jnp.eye(q.shape[0], dtype=q.dtype) - q, income(local, firing))


def total_values(local: Local, firing: Array) -> Array:
    """V ``[states]`` with Q V = -c off the absorbing states, where V = 0."""
    q = generator(local, firing)
    absorbed = jnp.diagonal(q) == 0
    system = jnp.where(absorbed[:, None], jnp.eye(q.shape[0], dtype=q.dtype), -q)
    return jnp.linalg.solve(system, jnp.where(absorbed, 0.0, income(local, firing)))


def stationary(local: Local, firing: Array) -> Array:
    """The stationary law π ``[states]`` by dense algebra: π Q = 0, π 1 = 1 (one recurrent class)."""
    system = (-generator(local, firing)).at[:, 0].set(1.0)
    first = jnp.zeros(system.shape[0], system.dtype).at[0].set(1.0)
    return jnp.linalg.solve(system.T, first)


def stationary_sparse(
    params: ActorsParams, firing: Array, tolerance: float = 1e-12, limit: int = 1_000_000
) -> Array:
    """π by power iteration on the uniformized chain; stops when ||π Q||_1 / Λ <= tolerance, NaN if it
    never does.
    """
    local = params.local
    flow = ((firing * local.rates)[:, :, None] * local.chances).reshape(firing.shape[0], -1)
    flow = jnp.concatenate([flow, jnp.asarray(local.exogenous)], axis=1)
    index = jnp.concatenate(
        [jnp.asarray(local.targets).reshape(flow.shape[0], -1), jnp.asarray(local.exits)], axis=1
    )
    out = jnp.sum(flow, axis=1)

    def change(p: Array) -> Array:
        moved = (p[:, None] * flow).reshape(-1)
        return jnp.zeros_like(p).at[index.reshape(-1)].add(moved) - out * p

    def more(carry: tuple[Array, Array, Array]) -> Array:
        return (carry[1] > tolerance) & (carry[2] < limit)

    def sweep(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        move = change(carry[0]) / params.uniform_rate
        p = carry[0] + 0.95 * move
        return p / jnp.sum(p), jnp.sum(jnp.abs(move)), carry[2] + 1

    start = (
        jnp.full(out.shape, 1.0 / out.shape[0], out.dtype),
        jnp.ones((), out.dtype),
        jnp.zeros((), jnp.int32),
    )
    p, residual, _ = jax.jit(lambda s: jax.lax.while_loop(more, sweep, s))(start)
    return jnp.where(residual <= tolerance, p, jnp.nan)


@float64
def policy_law(model: Model, assignment: Any) -> np.ndarray:
    """Stationary law ``[states]`` of a deterministic policy, dense or sparse as the size asks."""
    table = check_assignment(model, assignment)
    return np.asarray(_policy(model.params, table, 0.0, "law"))


@float64
def policy_value(
    model: Model, assignment: Any, *, criterion: str = "average", rate: float = 0.0
) -> np.ndarray:
    """Exact value of a deterministic policy ``[states, actors]``.

    ``average``: the gain, a number; ``discounted`` (at ``rate``) and ``total``: ``[states]``.
    """
    choice("criterion", criterion, ("average", "discounted", "total"))
    table = check_assignment(model, assignment)
    return np.asarray(_policy(model.params, table, rate, criterion))


@partial(jax.jit, static_argnames="criterion")
def _policy(params: ActorsParams, table: Array, rate: Array | float, criterion: str) -> Array:
    """The law or value of a table of assignments; by sparse iteration above 1024 states, if possible."""
    local = jax.tree.map(jnp.asarray, params.local)
    firing = firing_rates(local, table, local.caps.shape[1])
    large = firing.shape[0] > 1024
    if criterion == "law":
        return stationary_sparse(params, firing) if large else stationary(local, firing)
    if criterion == "average":
        exact = stationary_sparse(params, firing) @ income(local, firing) if large else None
        return gain_and_bias(local, firing)[0] if exact is None else exact
    if criterion == "discounted":
        return discounted_values(local, firing, rate)
    return total_values(local, firing)


def all_joint(model: Model) -> np.ndarray:
    """Every joint assignment ``[joint, actors]`` of a model, admissible or not."""
    return joint_assignments(model.spec.actors, model.spec.actions)
