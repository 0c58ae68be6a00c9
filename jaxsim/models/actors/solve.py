"""Solvers: a finite number of epochs, discounted, total and long-run average reward.

All of them iterate the optimality operator of `jaxsim.models.actors.bellman`; between two maximizations the
infinite-horizon ones apply the chosen assignment a few more times (modified policy iteration), and they
stop on bounds that hold for the true optimum, not on the size of a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Array
from jaxsim.core.validation import integer, positive
from jaxsim.models.actors.bellman import Program, drift, named, prepare
from jaxsim.models.actors.bellman import firing as firing_of
from jaxsim.models.actors.bellman import violations as violations_of
from jaxsim.models.actors.conditions import Certificate, Verdict, certify
from jaxsim.models.actors.laws import Additive
from jaxsim.models.actors.model import Model


class NotConverged(RuntimeError):
    """A solver reached its limit of sweeps; the message says how far it was and what to change."""


@dataclass(frozen=True)
class Solution:
    """An optimal (or greedy) value and its policy.

    values ``[states]``: V_t, the discounted or total value, or the relative value v with v(0) = 0 ·
    assignment ``[states, actors]``: action of each actor, -1 for idle · gain: long-run average reward per
    unit of time (nan for other criteria) · error: bound of the error of ``gain`` or of ``values`` (0 for a
    finite horizon) · sweeps: maximizations done · verdict ``[states]``: `Verdict` of each state, so
    negative entries say which condition failed where (with ``checked`` those states were solved
    exhaustively).
    """

    values: np.ndarray
    assignment: np.ndarray
    gain: float
    error: float
    sweeps: int
    verdict: np.ndarray
    method: str

    @property
    def fallback(self) -> dict[str, int]:
        """Number of states per failed condition; empty where the corollaries cover every state."""
        bad = [code for code in np.unique(self.verdict) if code < 0]
        return {Verdict(code).name: int(np.sum(self.verdict == code)) for code in bad}


@float64
def finite_horizon(model: Model, epochs: int, *, method: str = "checked") -> Solution:
    """V_t(s): the largest mean net benefit over the next t epochs of the uniformized chain, V_0 = 0.

    V_{t+1} = V_t + D(V_t)/Λ; ``assignment`` is optimal with ``epochs`` to go. Source: Ahn, Righter (2005),
    3.1.
    """
    count = integer("epochs", epochs, low=1)
    proof = certify(model.params.local)
    program = prepare(model, method, proof)
    values, assignment = _finite_values(program, count)
    return _solution(model, program, proof, method, values, assignment, error=0.0, sweeps=count)


def finite_values(program: Program, epochs: int | Array) -> tuple[Array, Array]:
    """V_t and the assignment with t = ``epochs`` to go (choosing order); a pure function of the program.

    Reverse-mode differentiable where ``epochs`` is a Python number; traced, it is not compiled again.
    """

    def sweep(_: Any, values: Array) -> Array:
        return values + drift(program, values)[0] / program.uniform_rate

    last = jax.lax.fori_loop(0, epochs - 1, sweep, jnp.zeros_like(program.outflow))
    change, assignment = drift(program, last)
    return last + change / program.uniform_rate, assignment


_finite_values = jax.jit(finite_values)


@float64
def discounted(
    model: Model, rate: float, *, method: str = "checked", tolerance: float = 1e-9, evaluations: int = 10,
    max_sweeps: int = 100_000,
) -> Solution:  # fmt: skip
    """The largest mean net benefit discounted at rate α: E ∫ e^{-αt} (dR - g dt).

    α V = D(V). Stops when the bounds V + β/(1-β) [min, max](T V - V), β = Λ/(Λ+α), are within ``tolerance``
    (MacQueen's), and returns their middle. Raises `NotConverged`.
    """
    positive("rate", rate)
    proof = certify(model.params.local)
    program = prepare(model, method, proof)
    out = _discounted(program, rate, tolerance, evaluations, max_sweeps)
    return _finish(model, program, proof, method, out, tolerance, max_sweeps)


@float64
def total(
    model: Model, *, method: str = "checked", tolerance: float = 1e-12, evaluations: int = 10,
    max_sweeps: int = 100_000,
) -> Solution:  # fmt: skip
    """The largest mean net benefit until the process is absorbed in states without costs and rewards.

    D(V) = 0. Stops when max |D| <= tolerance * max(1, max |g|); ``error`` is that residual, not an error
    bound. Where the process is never absorbed the values diverge and `NotConverged` is raised.
    """
    proof = certify(model.params.local)
    program = prepare(model, method, proof)
    out = _total(program, tolerance, evaluations, max_sweeps)
    scale = max(1.0, float(np.max(np.abs(model.params.local.costs))))
    return _finish(model, program, proof, method, out, tolerance * scale, max_sweeps)


@float64
def average(
    model: Model, *, method: str = "checked", tolerance: float = 1e-9, evaluations: int = 10,
    max_sweeps: int = 100_000,
) -> Solution:  # fmt: skip
    """The largest long-run mean net benefit per unit of time, b, and relative values v: b = D(v)(s), v(0)
    = 0.

    For every v, min D(v) <= b <= max D(v) where the best gain does not depend on the start; stops when they
    are within ``tolerance``, and ``error`` is half their distance. Raises `NotConverged`.
    """
    proof = certify(model.params.local)
    program = prepare(model, method, proof)
    out = _average(program, tolerance, evaluations, max_sweeps)
    return _finish(model, program, proof, method, out, tolerance, max_sweeps)


def _frozen(program: Program, assignment: Array) -> tuple[Array, Array, Array, Array]:
    """The chain under one assignment, as few index lists as possible: targets, weights, outflow, income.

    Where rates add, actor by actor if there are fewer actors than actions; else action by action.
    """
    local, actions = program.local, program.gains.shape[0]
    if isinstance(local.law, Additive) and local.speeds.shape[0] < actions:
        pick = jnp.minimum(assignment, actions - 1)
        rate = local.speeds * (assignment < actions)
        row = partial(jnp.take_along_axis, axis=0)
        targets = row(local.targets, pick[:, None])
        weights = rate[:, None] * row(program.weights, pick[:, None])
        income = jnp.sum(rate * row(program.gains, pick), axis=0)
    else:
        rate = firing_of(program, assignment)
        targets, weights = local.targets, rate[:, None] * program.weights
        income = jnp.sum(rate * program.gains, axis=0)
    targets = targets.reshape(-1, targets.shape[-1])
    weights = weights.reshape(targets.shape)
    outflow = jnp.sum(weights, axis=0) + program.outflow
    return (
        jnp.concatenate([targets, local.exits]),
        jnp.concatenate([weights, local.exogenous]),
        outflow,
        income - local.costs,
    )


def _evaluate(
    program: Program, assignment: Array, values: Array, keep: Array, add: Array, times: int
) -> Array:
    """Apply V <- keep V + add D_f(V) of a fixed assignment f the given number of times."""
    targets, weights, outflow, income = _frozen(program, assignment)

    def sweep(_: Any, v: Array) -> Array:
        change = income - outflow * v
        for j in range(targets.shape[0]):
            change = change + weights[j] * v.at[targets[j]].get(mode="promise_in_bounds")
        return keep * v + add * change

    return jax.lax.fori_loop(0, times, sweep, values)


Scalar = Array | float | int
Outcome = tuple[Array, Array, Array, Array, Array]
"""values, assignment (choosing order), gain, error bound, sweeps."""


def _start(program: Program, floats: int) -> Any:
    """The carry before the first sweep: V = 0, everybody idle, no bound, no sweeps."""
    values = jnp.zeros_like(program.outflow)
    idle = jnp.full(program.order.shape, program.gains.shape[0], jnp.int32)
    scalars = [jnp.zeros((), values.dtype)] * (floats - 3) + [jnp.full((), jnp.inf, values.dtype)]
    return (values, idle, *scalars, jnp.zeros((), jnp.int32))


@partial(jax.jit, static_argnames=("evaluations",))
def _discounted(
    program: Program, rate: Scalar, tolerance: Scalar, evaluations: int, max_sweeps: Scalar
) -> Outcome:
    scale = 1 / (program.uniform_rate + rate)
    keep = program.uniform_rate * scale
    factor = program.uniform_rate / rate  # β/(1-β)

    def step(values: Array) -> tuple[Array, Array, Array, Array]:
        change, assignment = drift(program, values)
        after = keep * values + scale * change
        low, high = factor * jnp.min(after - values), factor * jnp.max(after - values)
        return after, assignment, (low + high) / 2, (high - low) / 2

    def more(carry: tuple[Array, Array, Array, Array, Array]) -> Array:
        return (carry[3] > tolerance) & (carry[4] < max_sweeps)

    def advance(carry: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        values, assignment, shift, _, sweeps = carry
        values = _evaluate(program, assignment, values + shift, keep, scale, evaluations)
        return (*step(values), sweeps + 1)

    values, assignment, shift, error, sweeps = jax.lax.while_loop(more, advance, _start(program, 4))
    return values + shift, assignment, jnp.full((), jnp.nan), error, sweeps


@partial(jax.jit, static_argnames=("evaluations",))
def _average(program: Program, tolerance: Scalar, evaluations: int, max_sweeps: Scalar) -> Outcome:
    add = 0.95 / program.uniform_rate  # below 1/Λ, so that the chain is aperiodic

    def step(values: Array) -> tuple[Array, Array, Array, Array]:
        change, assignment = drift(program, values)
        low, high = jnp.min(change), jnp.max(change)
        after = values + add * change
        return after - after[0], assignment, (low + high) / 2, (high - low) / 2

    def more(carry: tuple[Array, Array, Array, Array, Array]) -> Array:
        return (carry[3] > tolerance) & (carry[4] < max_sweeps)

    def advance(carry: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        values, assignment, _, _, sweeps = carry
        values = _evaluate(program, assignment, values, jnp.ones(()), add, evaluations)
        return (*step(values - values[0]), sweeps + 1)

    return jax.lax.while_loop(more, advance, _start(program, 4))


@partial(jax.jit, static_argnames=("evaluations",))
def _total(program: Program, tolerance: Scalar, evaluations: int, max_sweeps: Scalar) -> Outcome:
    add = 1 / program.uniform_rate
    enough = tolerance * jnp.maximum(1.0, jnp.max(jnp.abs(program.local.costs)))

    def step(values: Array) -> tuple[Array, Array, Array]:
        change, assignment = drift(program, values)
        return values + add * change, assignment, jnp.max(jnp.abs(change))

    def more(carry: tuple[Array, Array, Array, Array]) -> Array:
        return (carry[2] > enough) & (carry[3] < max_sweeps)

    def advance(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        values = _evaluate(program, carry[1], carry[0], jnp.ones(()), add, evaluations)
        return (*step(values), carry[3] + 1)

    values, assignment, error, sweeps = jax.lax.while_loop(more, advance, _start(program, 3))
    return values, assignment, jnp.full((), jnp.nan), error, sweeps


def _finish(
    model: Model,
    program: Program,
    proof: Certificate,
    method: str,
    out: Outcome,
    tolerance: float,
    limit: int,
) -> Solution:
    values, assignment, gain, error, sweeps = out
    if not float(error) <= tolerance:
        raise NotConverged(
            f"max_sweeps = {limit}: error bound {float(error):.3g} is above tolerance {tolerance:.3g} after "
            f"{int(sweeps)} sweeps; raise max_sweeps or tolerance, or check the criterion"
        )
    return _solution(
        model,
        program,
        proof,
        method,
        values,
        assignment,
        gain=float(gain),
        error=float(error),
        sweeps=int(sweeps),
    )


def _solution(
    model: Model, program: Program, proof: Certificate, method: str, values: Array, assignment: Array, *,
    gain: float = float("nan"), error: float, sweeps: int,
) -> Solution:  # fmt: skip
    verdict = proof.verdict.astype(np.int32)
    if proof.signs and not model.spec.idle:
        greedy = prepare(model, "greedy", proof)
        _, used = drift(greedy, values)
        negative = np.asarray(violations_of(greedy, used, values))
        verdict = np.where((verdict > 0) & negative, Verdict.NEGATIVE_VALUE, verdict)
    chosen = np.asarray(named(program, assignment)).T
    chosen = np.where(chosen == model.spec.actions, -1, chosen)
    return Solution(np.asarray(values), chosen, gain, error, sweeps, verdict, method)
