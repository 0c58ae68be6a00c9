"""Marginal values and the optimality operator, with states along the last axis.

With V the values now, m_k(s) = ν_k(s) Σ_{s'} p_k(s, s') [R_k(s, s') + V(s') - V(s)] is the marginal value
of action k, and the drift of V under the best assignment is

    D(s) = max over Γ in G(s) of Σ_k r_s(Γ_k) m_k(s) + Σ_e γ_e(s) [V(s_e) - V(s)] - g(s),

so that V_{t+1} = V_t + D/Λ is the recursion of section 3.1, (Λ V + D)/(Λ + α) discounts at rate α, and D =
b (a constant) is the average-reward equation with gain b. (The paper's replacement for the average
criterion is read as V_{t+1} -> b + v, V_t -> v; for means, the order is that of E m.)

`prepare` lays a model out for sweeps once; `drift` is one sweep. Transitions are index lists: a sweep costs
states x (actions x branches + exits) gathers.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array
from jaxsim.core.validation import choice
from jaxsim.models.actors.assignment import (
    assignment_rate,
    greedy_by_increment,
    greedy_by_value,
    greedy_with_worth,
    in_order,
    out_of_order,
)
from jaxsim.models.actors.conditions import Certificate, certify, signs_hold
from jaxsim.models.actors.exhaustive import best_assignment, joint_assignments
from jaxsim.models.actors.laws import Additive, trailing
from jaxsim.models.actors.model import Local, Model

METHODS = ("checked", "greedy", "exhaustive")
"""``checked``: greedy where a corollary holds, the exhaustive maximum elsewhere."""


@pytree
class Program:
    """A model laid out for sweeps: states last, rates folded into the transition weights.

    weights ``[actions, branches, states]`` ν_k p_k · gains ``[actions, states]`` ν_k E R_k · outflow
    ``[states]`` Σ_e γ_e · hard ``[h]`` states maximized over ``joint`` · order ``[actors, states]``;
    ``local`` is in that order.
    """

    local: Local
    weights: Any
    gains: Any
    outflow: Any
    uniform_rate: Any
    order: Any
    hard: Any
    joint: Any
    idle: bool = static()
    by_increment: bool = static()
    capped: bool = static()


def prepare(model: Model, method: str = "checked", certificate: Certificate | None = None) -> Program:
    """Lay a model out for sweeps with the given method (one of `METHODS`)."""
    choice("method", method, METHODS)
    spec, local = model.spec, model.params.local
    proof = certificate or certify(local)
    settled = proof.holds & (spec.idle or not proof.signs)
    every = np.arange(spec.states, dtype=np.int32)
    hard = {"checked": every[~settled], "greedy": every[:0], "exhaustive": every}[method]
    joint = (
        joint_assignments(spec.actors, spec.actions) if hard.size else np.zeros((0, spec.actors), np.int32)
    )
    capped = bool(np.any(np.asarray(local.allowed).sum(1) > np.asarray(local.caps)))
    return arrange(
        model.params.local, model.params.uniform_rate, np.asarray(proof.order).T, hard, joint,
        idle=spec.idle, by_increment=proof.by_increment, capped=capped,
    )  # fmt: skip


@partial(jax.jit, static_argnames=("idle", "by_increment", "capped"))
def arrange(
    local: Local, uniform_rate: Any, order: Any, hard: Any, joint: Any, *,
    idle: bool, by_increment: bool, capped: bool,
) -> Program:  # fmt: skip
    """The traced part of `prepare`: a differentiable function of the local data."""
    back = trailing(local)
    speeds, allowed = in_order(jnp.asarray(order), back.speeds, back.allowed)
    return Program(
        local=replace(back, speeds=speeds, allowed=allowed),
        weights=back.rates[:, None] * back.chances,
        gains=back.rates * jnp.sum(back.chances * back.rewards, axis=1),
        outflow=jnp.sum(back.exogenous, axis=0),
        uniform_rate=jnp.asarray(uniform_rate, back.speeds.dtype),
        order=jnp.asarray(order), hard=jnp.asarray(hard), joint=jnp.asarray(joint),
        idle=idle, by_increment=by_increment, capped=capped,
    )  # fmt: skip


def _look(values: Array, index: Array) -> Array:
    return values.at[index].get(mode="promise_in_bounds")


def marginal_values(program: Program, values: Array) -> Array:
    """m_k(s) for every action and state, ``[actions, states]``, from the values ``[states]``."""
    local, out = program.local, []
    for k in range(program.gains.shape[0]):
        m = program.gains[k] - local.rates[k] * values
        for b in range(program.weights.shape[1]):
            m = m + program.weights[k, b] * _look(values, local.targets[k, b])
        out.append(m)
    return jnp.stack(out)


def exogenous_drift(program: Program, values: Array) -> Array:
    """Σ_e γ_e(s) [V(s_e) - V(s)] - g(s), the part that no assignment changes, ``[states]``."""
    local = program.local
    total = -program.outflow * values - local.costs
    for e in range(local.exits.shape[0]):
        total = total + local.exogenous[e] * _look(values, local.exits[e])
    return total


def choose(program: Program, marginals: Array) -> Array:
    """The assignment ``[actors, states]``, actors in choosing order; ``actions`` means idle.

    The laws for which a choosing order exists are symmetric in the actors' names, so everything inside a
    sweep stays in that order; `named` undoes it.
    """
    local, idle, hard = program.local, program.idle, program.hard
    if hard.shape[0] == local.costs.shape[0]:
        return _choose_hard(program, marginals)
    if program.by_increment:
        found = greedy_by_increment(local.law, local.speeds, local.allowed, local.caps, marginals, idle=idle)
    else:
        found = greedy_by_value(
            local.speeds, local.allowed, local.caps, marginals, idle=idle, capped=program.capped
        )
    return found if hard.shape[0] == 0 else found.at[:, hard].set(_choose_hard(program, marginals))


def _choose_hard(program: Program, marginals: Array) -> Array:
    """The exhaustive maximum in the states that need it, ``[actors, h]``."""
    hard = program.hard
    local: Local = jax.tree.map(lambda leaf: leaf[..., hard], program.local)
    _, chosen = best_assignment(
        local.law,
        local.speeds,
        local.allowed,
        local.caps,
        marginals[:, hard],
        program.joint,
        idle=program.idle,
    )
    return chosen


def named(program: Program, assignment: Array) -> Array:
    """An assignment in choosing order, brought into the actors' declared order."""
    return out_of_order(program.order, assignment)


def firing(program: Program, assignment: Array) -> Array:
    """r_s(Γ_k) of an assignment in choosing order, ``[actions, states]``."""
    return assignment_rate(program.local.law, program.local.speeds, assignment, program.gains.shape[0])


def drift(program: Program, values: Array) -> tuple[Array, Array]:
    """D(s) under the best assignment, and that assignment in choosing order.

    Shapes ``[states]`` and ``[actors, states]``.
    """
    marginals = marginal_values(program, values)
    if isinstance(program.local.law, Additive) and program.hard.shape[0] == 0:
        local = program.local
        assignment, controlled = greedy_with_worth(
            local.speeds, local.allowed, local.caps, marginals, idle=program.idle, capped=program.capped
        )
    else:
        assignment = choose(program, marginals)
        controlled = jnp.sum(firing(program, assignment) * marginals, axis=0)
    return controlled + exogenous_drift(program, values), assignment


def violations(program: Program, assignment: Array, values: Array) -> Array:
    """States in which an action in use has a negative marginal value though idling is barred,
    ``[states]``.
    """
    return ~signs_hold(assignment, marginal_values(program, values), idle=program.idle)
