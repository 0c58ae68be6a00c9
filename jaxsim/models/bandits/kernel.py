"""Pipes shared by reward processes, as a kernel: one step is one slot of time.

In slot t the policy gives the M(t) open pipes to that many arms. Each served arm draws an outcome from its
state: it earns the reward and moves; all others are frozen. Then new arms may arrive, each in a free slot.

Source: Ishikida (1992), problems SP1, SP2, SP3 and section 6.5 (arm-acquiring bandits).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import alias
from jaxsim.core.kernel import Kernel, Metric, Observables
from jaxsim.core.random import Key, Stream
from jaxsim.core.status import Status, no_trouble, raise_bit
from jaxsim.core.types import Array
from jaxsim.models.bandits.model import ROW, Context, Draws, Observation, Spec, State
from jaxsim.models.bandits.tables import prepare

METRICS = (
    Metric(
        "discounted_reward",
        "discounted",
        "horizon",
        unit="reward",
        summary="sum of beta^t r(t), t from 0",
        better="higher",
    ),
    Metric("total_reward", "reward", "horizon", unit="reward", summary="reward until the horizon"),
    Metric(
        "average_reward", "reward", "step", unit="reward/slot", summary="reward per slot", better="higher"
    ),
    Metric("served", "plays", "step", unit="pipes", summary="mean number of pipes in use"),
)


def init(key: Key, spec: Spec, context: Context) -> State:
    """Return all arms in their first states, at time 0."""
    del key
    states = jnp.asarray(np.array(spec.start, np.int32))
    words = _words(spec, context, jnp.arange(spec.arms), states)
    words = jnp.pad(words, (0, spec.width - spec.arms))
    return State(words, jnp.int32(0), jnp.float32(1), no_trouble())


def draw(key: Key, spec: Spec, policy: Any) -> Draws:
    """Return the random words of one step."""
    first, coin = key.pair(Stream.EVENTS)
    outcomes = first[None] if spec.most_pipes <= 1 else key.words(Stream.EVENTS, spec.most_pipes)
    coin = coin if spec.most_pipes <= 1 else key.pair(Stream.POLICY)[0]
    arrival = key.pair(Stream.ARRIVALS)[0] if spec.batch else jnp.uint32(0)
    return Draws(outcomes, coin, arrival, key.step)


def _words(spec: Spec, context: Context, arm: Array, state: Array) -> Array:
    """Return what the state keeps for arms in these states."""
    if context.ranks is None:
        return state.astype(jnp.uint16 if spec.states < 1 << 16 else jnp.uint32)
    cell = (arm << spec.state_bits) | state
    return context.ranks.of_cell.at[cell].get(mode="promise_in_bounds")


def _largest(words: Array) -> Array:
    """Return the largest word: over rows first, then inside the row that is left.

    The barrier keeps XLA from fusing the two into one reduction, which it does not vectorize on CPUs: 15
    times slower for 100 arms.
    """
    if words.shape[0] <= ROW:
        return jnp.max(words)
    return jnp.max(lax.optimization_barrier(jnp.max(words.reshape(-1, ROW), axis=0)))


def states_of(spec: Spec, context: Context, words: Array) -> Array:
    """Return the state of every arm."""
    words = words[: spec.arms]
    if context.ranks is None:
        return words.astype(jnp.int32)
    return context.ranks.cell[words.astype(jnp.int32)] & ((1 << spec.state_bits) - 1)


def _choose(
    spec: Spec, context: Context, policy: Any, draws: Draws, state: State
) -> list[tuple[Array, Array, Any]]:
    """Return (arm, state, whether served) for each pipe: the arms that the policy puts first."""
    schedule = jnp.asarray(np.array(spec.pipes, np.int32))
    pipes = schedule[state.time % len(spec.pipes)] if len(spec.pipes) > 1 else schedule[0]
    chosen, ranks = [], context.ranks
    if ranks is not None:
        words = state.words
        for pipe in range(spec.most_pipes):
            top = _largest(words)
            cell = ranks.cell.at[top.astype(jnp.int32)].get(mode="promise_in_bounds")
            arm, at = cell >> spec.state_bits, cell & ((1 << spec.state_bits) - 1)
            needs_check = spec.may_idle or len(spec.pipes) > 1 or spec.most_pipes > spec.arms
            chosen.append((arm, at, (top >= ranks.served) & (pipe < pipes) if needs_check else True))
            if pipe + 1 < spec.most_pipes:
                words = words.at[arm].set(0)
        return chosen
    states = states_of(spec, context, state.words)
    scores = policy(draws.coin, Observation(states, state.time, pipes))
    for pipe in range(spec.most_pipes):
        arm = jnp.argmax(scores).astype(jnp.int32)
        chosen.append((arm, states[arm], (scores[arm] > -jnp.inf) & (pipe < pipes)))
        scores = scores.at[arm].set(-jnp.inf)
    return chosen


def _outcome(spec: Spec, context: Context, arm: Array, state: Array, word: Array) -> tuple[Array, Array]:
    """Draw an outcome of an arm in a state: its reward and the next state (``states``: end of the table)."""
    row = state if spec.rows == 1 else (arm << spec.state_bits) | state
    outcome = alias.sample_packed(context.aliases, row, alias.bits(spec.outcomes), word).astype(jnp.int32)
    if spec.direct:
        return context.mean_rewards.at[row].get(mode="promise_in_bounds"), outcome
    entry = row * spec.outcomes + outcome
    reward = context.rewards.at[entry].get(mode="promise_in_bounds")
    return reward, context.following.at[entry].get(mode="promise_in_bounds")


def step(draws: Draws, spec: Spec, context: Context, policy: Any, state: State) -> tuple[State, Observables]:
    """Serve one slot of time; report what it earned."""
    words, status = state.words, state.status
    reward, plays = jnp.float32(0), jnp.int32(0)
    for pipe, (arm, at, served) in enumerate(_choose(spec, context, policy, draws, state)):
        earned, after = _outcome(spec, context, arm, at, draws.outcomes[pipe])
        if not spec.direct:
            ended = after >= spec.states
            status = raise_bit(status, Status.BUFFER_OVERFLOW, ended & served)
            after = jnp.where(ended, at, after)
        word = _words(spec, context, arm, after)
        if served is not True:
            word = jnp.where(served, word, words[arm])
            earned = jnp.where(served, earned, 0)
        words = words.at[arm].set(word, mode="promise_in_bounds", unique_indices=True)
        reward, plays = reward + earned, plays + jnp.asarray(served, jnp.int32)
    if spec.batch:
        words, status = _arrive(spec, context, draws.arrival, words, status)
    observed = {"reward": reward, "discounted": state.weight * reward, "plays": plays}
    return State(words, state.time + 1, state.weight * context.discount, status), observed


def _arrive(spec: Spec, context: Context, word: Array, words: Array, status: Array) -> tuple[Array, Array]:
    """Put the arms that arrive into the free slots with the lowest numbers."""
    width = alias.bits(context.arrival_states.shape[0])
    law = alias.sample_packed(context.arrival_aliases, jnp.int32(0), width, word).astype(jnp.int32)
    numbers = jnp.arange(spec.arms)
    empty = _words(spec, context, numbers, jnp.full(spec.arms, spec.free))
    for which in range(spec.batch):
        comer = context.arrival_states[law, which]
        free = words[: spec.arms] == empty
        slot = jnp.argmax(free)
        status = raise_bit(status, Status.BUFFER_OVERFLOW, (comer >= 0) & ~free[slot])
        word = _words(spec, context, slot, jnp.maximum(comer, 0))
        words = words.at[slot].set(jnp.where((comer >= 0) & free[slot], word, words[slot]))
    return words, status


def _slot(spec: Spec, params: Any) -> float:
    """Return the length of a slot; a named function, so that equal Specs give equal kernels."""
    del spec, params
    return 1.0


def build(spec: Spec, *, horizon: float) -> Kernel:
    """Return the kernel of a Spec; a slot is the unit of time, and nothing is warmed up."""
    return Kernel(
        family="bandits",
        spec=spec,
        init=init,
        step=step,
        step_time=_slot,
        metrics=METRICS,
        prepare=prepare,
        draw=draw,
        horizon=horizon,
        largest_count=max(1, spec.most_pipes),
    )
