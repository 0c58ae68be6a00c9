"""The formulation of section 2: states, actors, actions, rates, admissible sets, caps, rewards, costs.

In state s, the set Γ_k of actors assigned to action k makes it fire at rate r_s(Γ_k) ν_k(s); then a reward
R_k(s, s') is earned and the state becomes s', drawn from p_k(s, .). Exogenous transitions happen at rates
γ_e(s); a cost is incurred at rate g(s). Uniformization at rate Λ: in every epoch of mean length 1/Λ, one of
these events happens with probability rate/Λ, and nothing (a dummy transition) with the rest,
β(s) = 1 - Σ_k r_s(Γ_k) ν_k(s)/Λ - γ(s)/Λ (corrected: the printed dummy rate has + γ(s)). The cost of an epoch
has mean g(s)/Λ (the printed "exponential with rate 1/g" holds for Λ = 1).

Source: Ahn, Righter (2005), sections 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from jaxsim.core.tree import pytree
from jaxsim.core.validation import InvalidInput, distribution, integer, non_negative, numbers, require, scalar
from jaxsim.models.actors.laws import Additive, FiringLaw


@dataclass(frozen=True)
class ActorsSpec:
    """Sizes and choices: static and hashable.

    ``branches`` is the largest number of successors of an action, ``exits`` the number of exogenous
    transitions per state. ``idle``: every actor may also do nothing (an action of value 0 in every admissible
    set); without it every available actor must be assigned. ``clock``: ``uniformized`` (epochs of mean length
    1/Λ, with null events) or ``jump`` (only real events, exponential holding times). ``holding``: times and
    costs of simulated steps are ``mean`` or ``sampled``. ``criterion``: what simulations report (see
    `kernel`).
    """

    states: int
    actors: int
    actions: int
    branches: int
    exits: int
    idle: bool = True
    clock: str = "uniformized"
    holding: str = "mean"
    criterion: str = "average"


@pytree
class Local:
    """What holds in each state; every leaf has the states as its first axis.

    speeds ``[states, actors]`` μ_i(s) · rates ``[states, actions]`` ν_k(s) · allowed ``[states, actors,
    actions]`` (k in A_i(s)) · caps ``[states, actions]`` M_k(s) · targets, chances, rewards ``[states,
    actions, branches]`` (s', p_k(s, s'), R_k(s, s')) · exogenous, exits ``[states, exits]`` (γ_e(s) and
    its successor) · costs ``[states]`` g(s) · law r_s.
    """

    speeds: Any
    rates: Any
    allowed: Any
    caps: Any
    targets: Any
    chances: Any
    rewards: Any
    exogenous: Any
    exits: Any
    costs: Any
    law: Any


@pytree
class ActorsParams:
    """Everything traced: the local data, the uniformization rate Λ, the initial state, a rate α."""

    local: Local
    uniform_rate: Any
    initial: Any
    discount_rate: Any


class Model(NamedTuple):
    """A multi-actor Markov decision process."""

    spec: ActorsSpec
    params: ActorsParams


def _shaped(
    field: str, value: Any, states: int, shape: tuple[int, ...], dtype: Any = np.float64
) -> np.ndarray:
    """Repeat a value over the states it is not given for, and over the axes it lacks."""
    array = np.asarray(value)
    array = array.astype(dtype)
    try:
        return np.array(np.broadcast_to(array, (states, *shape)))
    except ValueError:
        remedy = f"give an array that broadcasts to {(states, *shape)}"
        raise InvalidInput(field, array.shape, "has the wrong shape", remedy) from None


def _indices(field: str, value: Any, states: int, shape: tuple[int, ...]) -> np.ndarray:
    array = numbers(field, value)
    ok = bool(np.all((array >= 0) & (array < states) & (array == np.floor(array))))
    require(ok, field, value, "is not a state", f"give whole numbers from 0 to {states - 1}")
    return _shaped(field, array, states, shape, np.int32)


def formulate(
    *, speeds: Any, rates: Any, targets: Any, chances: Any = 1.0, rewards: Any = 0.0, allowed: Any = True,
    caps: Any = None, exogenous: Any = (), exits: Any = (), costs: Any = 0.0, law: FiringLaw | None = None,
    idle: bool = True, initial: int = 0, uniform_rate: float | None = None, clock: str = "uniformized",
) -> Model:  # fmt: skip
    """Check and complete a multi-actor Markov decision process.

    Shapes as in `Local`; whatever is the same in all states may be given without the state axis (or with any
    shape that broadcasts). ``caps`` default to the number of actors (no constraint). ``uniform_rate``
    defaults to the least bound of the total rate that the firing law knows. Raises `InvalidInput` for
    rates below 0, rows of ``chances`` that do not sum to 1, targets out of range, a uniform rate below the
    total rate, and, where idling is not permitted, states in which the available actors cannot all be
    assigned.
    """
    target = numbers("targets", targets)
    require(target.ndim == 3, "targets", target.shape, "must have 3 axes", "give [states, actions, branches]")
    states, actions, branches = target.shape
    speed = non_negative("speeds", speeds)
    actors = speed.shape[-1] if speed.ndim else 1
    away = numbers("exits", exits)
    count = away.shape[-1] if away.size else 0
    chance = _shaped("chances", chances, states, (actions, branches))
    chance = np.full_like(chance, 1 / branches) if np.ndim(chances) == 0 and branches > 1 else chance
    ceiling = actors if caps is None else non_negative("caps", caps)
    local = Local(
        speeds=_shaped("speeds", speed, states, (actors,)),
        rates=_shaped("rates", non_negative("rates", rates), states, (actions,)),
        allowed=_shaped("allowed", allowed, states, (actors, actions), bool),
        caps=np.minimum(_shaped("caps", ceiling, states, (actions,), np.int32), actors),
        targets=_indices("targets", target, states, (actions, branches)),
        chances=distribution("chances", chance),
        rewards=_shaped("rewards", numbers("rewards", rewards), states, (actions, branches)),
        exogenous=_shaped("exogenous", non_negative("exogenous", exogenous), states, (count,)),
        exits=_indices("exits", away if count else np.zeros((1, 0)), states, (count,)),
        costs=_shaped("costs", numbers("costs", costs), states, ()),
        law=(law or Additive()).broadcast(states, actors, actions),
    )
    return complete(local, idle=idle, initial=initial, uniform_rate=uniform_rate, clock=clock)


def complete(
    local: Local, *, idle: bool = True, initial: int = 0, uniform_rate: float | None = None,
    clock: str = "uniformized",
) -> Model:  # fmt: skip
    """Put a checked `Local` into a `Model`: the spec, the uniformization rate, the feasibility of
    assignments.
    """
    states, actions, branches = local.targets.shape
    spec = ActorsSpec(states, local.speeds.shape[1], actions, branches, local.exogenous.shape[1], idle, clock)
    require(clock in ("uniformized", "jump"), "clock", clock, "is not known", "choose uniformized or jump")
    start = integer("initial", initial, low=0, high=states - 1)
    least = float(np.max(total_rate_bound(local)))
    rate = least if uniform_rate is None else scalar("uniform_rate", uniform_rate, non_negative)
    require(rate > 0, "uniform_rate", rate, "nothing ever happens", "give some speeds and rates above 0")
    if uniform_rate is not None:
        enough = rate >= least * (1 - 1e-12)
        require(enough, "uniform_rate", rate, "is below the total rate", f"give at least {least}")
    if not idle:
        _require_assignable(local)
    return Model(spec, ActorsParams(local, np.float64(rate), np.int32(start), np.float64(0.0)))


def effective(local: Local) -> np.ndarray:
    """Admissible sets without the actions that take nobody now: ``[states, actors, actions]``.

    An actor whose effective set is empty, or whose speed is 0, is not available (section 3.1).
    """
    allowed, speeds = np.asarray(local.allowed), np.asarray(local.speeds)
    return allowed & (np.asarray(local.caps) > 0)[:, None, :] & (speeds > 0)[:, :, None]


def total_rate_bound(local: Local) -> np.ndarray:
    """An upper bound of the rate out of every state under any assignment: ``[states]``."""
    able = effective(local)
    speeds = np.where(able.any(2), np.asarray(local.speeds), 0.0)
    rates = np.where(able.any(1), np.asarray(local.rates), 0.0)
    return local.law.bound(speeds, rates) + np.asarray(local.exogenous).sum(1)


def _require_assignable(local: Local) -> None:
    """Hall's condition: for every set T of actions, the actors confined to T fit into its caps."""
    able = effective(local)
    actions = able.shape[2]
    require(
        actions <= 16,
        "idle",
        False,
        "needs a check over all sets of actions",
        "permit idling above 16 actions",
    )
    for code in range(2**actions):
        inside = np.array([code >> k & 1 for k in range(actions)], dtype=bool)
        confined = (able.any(2) & ~(able & ~inside).any(2)).sum(1)
        bad = np.flatnonzero(confined > (np.asarray(local.caps) * inside).sum(1))
        where = f"in state {bad[0]} the actors cannot all be assigned" if bad.size else ""
        require(bad.size == 0, "idle", False, where, "permit idling or raise the caps")


def with_collaboration(model: Model) -> Model:
    """The same model with M_k(s) raised to the number of actors wherever it is positive (section 3.2)."""
    caps = np.where(np.asarray(model.params.local.caps) > 0, model.spec.actors, 0).astype(np.int32)
    local = replace(model.params.local, caps=caps)
    return complete(
        local, idle=model.spec.idle, initial=int(np.asarray(model.params.initial)), clock=model.spec.clock
    )
