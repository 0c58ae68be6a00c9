"""The bandit system by name: keys, defaults and their validation."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import (
    choice,
    distribution,
    integer,
    numbers,
    positive,
    probability,
    refuse,
    require,
)
from jaxsim.models.bandits.arms import Tables, bernoulli, deterministic, markov
from jaxsim.models.bandits.kernel import build
from jaxsim.models.bandits.model import Params, Spec

CYCLE = (0.0, 0.0, 9.0), ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
THESIS = (0.0, 4.0, 0.0, 0.0), (0.0, 4.0, 0.0, 0.0), (0.0, 0.0, 7.0, 0.0)
KINDS = ("markov", "deterministic", "bernoulli")


def system(
    *,
    kind: str = "markov",
    arms: Whole = 5,
    rewards: Any = None,
    transitions: Any = None,
    successes: Real = 1.0,
    failures: Real = 1.0,
    truth: Any = None,
    depth: Whole = 60,
    discount: Real = 0.9,
    pipes: Any = 1,
    may_idle: Any = False,
    start: Any = 0,
    arrival_probability: Real = 0.0,
    arrival_state: Whole = 0,
) -> System:
    """Return N reward processes that share one or more pipes.

    Args:
        kind: ``markov`` (finite chains), ``deterministic`` (reward sequences) or ``bernoulli`` (Beta priors).
        arms: N, how many arms share the tables given, or the number of tables; with arrivals, the number of
            slots for arms. Ignored by ``deterministic``, which has one arm per sequence.
        rewards: ``markov``: r(s) per state, or a list of such lists, one per arm (default: 0, 0, 9);
            ``deterministic``: a list of sequences Z (default: the three users of section 6.2.2).
        transitions: ``markov``: P, or a list of them (default: a cycle).
        successes, failures: ``bernoulli``: the parameters a, b > 0 of the prior, numbers or one per arm.
        truth: ``bernoulli``: success probabilities per arm; by default they are drawn from the prior.
        depth: ``bernoulli``: the most plays of one arm; one more makes the result untrustworthy.
        discount: beta in [0, 1]; 1 for the total until a deadline and for the average reward.
        pipes: M, or a list M(1), M(2), ..., repeated periodically.
        may_idle: whether pipes may stay idle (deadlines): priorities of 0 and below are then not served.
        start: first state of every arm, or one per arm (with arrivals: of the arms that are there at first).
        arrival_probability: chance that one new arm arrives in a slot, in [0, 1] (``markov``, one table, with
            an absorbing state without reward, which marks a free slot).
        arrival_state: the state in which it arrives.

    Returns:
        The system. The default horizon is 100 slots; discount^horizon is the part of the value left out.

    Raises:
        InvalidInput: if a key is out of range or the tables do not fit.
    """
    choice("kind", kind, KINDS)
    count = integer("arms", arms, low=1, high=1 << 15)
    beta = _number("discount", probability("discount", discount))
    schedule = tuple(
        integer("pipes", m, low=0, high=count) for m in np.atleast_1d(numbers("pipes", pipes)).tolist()
    )
    require(len(schedule) > 0 and max(schedule) > 0, "pipes", pipes, "are never open", "give M >= 1")
    require(isinstance(may_idle, bool), "may_idle", may_idle, "is not true or false", "give true or false")
    plays = integer("depth", depth, low=1, high=250)
    chance = _number("arrival_probability", probability("arrival_probability", arrival_probability))
    positive("successes", successes)
    positive("failures", failures)
    tables, count = _tables(kind, count, rewards, transitions, successes, failures, truth, plays)
    rows, states, outcomes = tables.chances.shape
    coming = integer("arrival_state", arrival_state, low=0, high=states - 1)
    free = _free_state(kind, tables) if chance > 0 else -1
    spec = Spec(
        kind=kind, arms=count, states=states, outcomes=outcomes, rows=rows, direct=tables.direct,
        pipes=schedule, may_idle=may_idle, start=_start(start, count, states, free),
        batch=int(chance > 0), free=free,
    )  # fmt: skip
    return System(build(spec, horizon=100.0), _params(tables, beta, chance, coming))


def custom(
    tables: Tables, *, arms: int, discount: float = 0.9, horizon: float = 100.0, **choices: Any
) -> System:
    """Return a system of user-supplied arms: outcome tables with one row for all arms, or one row per arm.

    ``choices`` are fields of `Spec` (``pipes``, ``may_idle``, ``start``). Raises `InvalidInput` for tables
    that are not distributions or lead to states that do not exist.
    """
    chances = distribution("chances", tables.chances)
    rows, states, outcomes = chances.shape
    require(rows in (1, arms), "chances", f"{rows} rows", "do not fit the arms", f"give 1 or {arms}")
    rewards = np.broadcast_to(numbers("rewards", tables.rewards), chances.shape)
    following = np.broadcast_to(np.asarray(tables.following), chances.shape)
    inside = bool(np.all((following >= 0) & (following <= states)))
    require(
        inside, "following", "a state", "does not exist", f"use 0 to {states - 1}, or {states} for the end"
    )
    fields = {"start": (0,) * arms, **choices}
    spec = Spec(
        kind="custom", arms=arms, states=states, outcomes=outcomes, rows=rows, direct=tables.direct, **fields
    )
    return System(
        build(spec, horizon=horizon),
        _params(Tables(chances, rewards, following, tables.direct), discount, 0.0, 0),
    )


def _number(field: str, value: np.ndarray) -> float:
    require(value.ndim == 0, field, value, "is not a single number", "give one number")
    return float(value)


def _tables(
    kind: str,
    count: int,
    rewards: Any,
    transitions: Any,
    successes: Any,
    failures: Any,
    truth: Any,
    depth: int,
) -> tuple[Tables, int]:
    """Return the tables of a kind of arm, and how many arms there are."""
    if kind == "bernoulli":
        tables = bernoulli(successes, failures, depth, truth)
    elif kind == "deterministic":
        given = THESIS if rewards is None else rewards
        nested = isinstance(given, list | tuple) and all(np.ndim(z) == 1 for z in given)
        require(
            nested, "rewards", rewards, "is not a list of sequences", "give [[3, 1, 4], [1, 5]], one per arm"
        )
        tables = deterministic(given)
        return tables, len(tables.chances)
    else:
        tables = markov(*(CYCLE if rewards is None and transitions is None else (rewards, transitions)))
    rows = len(tables.chances)
    if rows not in (1, count):
        refuse("arms", count, f"does not match {rows} tables", f"give arms={rows}, or one table")
    return tables, count


def _free_state(kind: str, tables: Tables) -> int:
    """Return the absorbing state without reward that marks a free slot."""
    one = kind == "markov" and len(tables.chances) == 1
    require(one, "arrival_probability", kind, "needs one table of Markov arms", "use kind=markov")
    done = (np.diag(tables.chances[0]) == 1) & (tables.rewards[0, :, 0] == 0)
    require(
        bool(done.any()),
        "transitions",
        "no absorbing state without reward",
        "leaves no free slots",
        "add one",
    )
    return int(np.flatnonzero(done)[0])


def _start(start: Any, count: int, states: int, free: int) -> tuple[int, ...]:
    given = np.atleast_1d(numbers("start", start)).tolist()
    first = [integer("start", s, low=0, high=states - 1) for s in given]
    if free >= 0:
        require(
            len(first) <= count, "start", start, f"lists more than {count} arms", "give more arms (slots)"
        )
        return tuple(first + [free] * (count - len(first)))
    require(
        len(first) in (1, count), "start", start, f"does not list {count} states", "give one, or one per arm"
    )
    return tuple(first * count if len(first) == 1 else first)


def _params(tables: Tables, discount: float, arrival: float, state: int) -> Params:
    return Params(
        chances=jnp.asarray(tables.chances, jnp.float32),
        rewards=jnp.asarray(tables.rewards, jnp.float32),
        following=jnp.asarray(tables.following, jnp.int32),
        discount=jnp.float32(discount),
        arrival_chances=jnp.asarray([1 - arrival, arrival], jnp.float32),
        arrival_states=jnp.asarray([[-1], [state]], jnp.int32),
    )
