"""Scalable actor-critic with truncated critics: softmax policies on neighbourhood states, one per agent.

Agent i has a policy zeta_i(a_i | s_N(i)) = softmax theta_i[s_N(i)] and a critic Q_i of the states and actions
of its closed neighbourhood (the truncation, kappa = 1). Along a path under the present policies, in step t

    Q_i <- Q_i + alpha [r_i(t) + gamma Q_i(t+1) - Q_i(t)]        at the pair of step t,
    g_i  = sum_t gamma^t grad log zeta_i(a_i(t) | s_N(i)(t)) sum over j in N(i) of Q_j(t),
    theta_i <- theta_i + beta g_i    after each path.

Several replications step together: their temporal differences are added up, and g is their mean, from
whose sum of Q the replications' mean at that time is taken (which changes no mean).

Tables of all agents are learned at once, so a path costs work in proportion to their number, and no agent
learns from another: that is what parameter sharing saves.

Source: Lin, Qu, Huang, Wierman (2021), "Multi-agent reinforcement learning in stochastic networked systems",
Algorithm 1; Tahir, Cui, Koeppl (2023), section 2.2 (SAC).
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core import random
from jaxsim.core.random import Key, Stream
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float
from jaxsim.core.validation import integer, require
from jaxsim.engine.environment import Environment, Scene
from jaxsim.learning.sac.codes import count, number

LARGEST = 1 << 26
"""Entries of all critics together."""


@dataclass(frozen=True)
class SAC:
    """Settings: paths, replications side by side, step sizes of critics and actors, discount factor."""

    paths: int = 400
    replications: int = 16
    critic_rate: float = 0.05
    actor_rate: float = 2.0
    discount: float = 0.95


@pytree
class Tables:
    """theta [agents, neighbourhood states, choices] and Q [agents, neighbourhood states and actions]."""

    actor: Float[Array, "agents states choices"]
    critic: Float[Array, "agents pairs"]


class Learned(NamedTuple):
    """What a training found.

    actor: theta. returns: mean over agents and replications of each path's rewards. seconds: CPU seconds of
    the loop at the end of each tenth of the paths.
    """

    actor: np.ndarray
    returns: np.ndarray
    seconds: np.ndarray


def _sizes(environment: Environment) -> tuple[np.ndarray, int, int]:
    view = environment.view
    fits = view.neighbours is not None and view.choices is not None and view.table is not None
    require(fits, "view", view.name, "has no neighbours with numbered states", "take a view such as targets")
    return cast(np.ndarray, view.neighbours), len(cast(np.ndarray, view.table)), cast(int, view.choices)


def begin(environment: Environment) -> Tables:
    """Return uniform policies and critics of 0.

    Raises:
        InvalidInput: for a view without neighbours, or more entries than `LARGEST`.
    """
    around, states, choices = _sizes(environment)
    agents, pairs = len(around), count(around, states * choices)
    remedy = "take fewer agents, or a graph with smaller degrees"
    require(agents * pairs <= LARGEST, "agents", agents, f"need {agents * pairs} critic entries", remedy)
    actor = jnp.zeros((agents, count(around, states), choices))
    return Tables(actor, jnp.zeros((agents, pairs)))


def act(environment: Environment, actor: Array, local: Array, words: Array) -> tuple[Array, Array]:
    """Return each agent's choice, drawn by the Gumbel-max rule, and the number of its neighbourhood."""
    around, states, _ = _sizes(environment)
    seen = number(local, around, states)
    logits = jnp.take_along_axis(actor, seen[:, None, None], axis=1)[:, 0]
    return jnp.argmax(logits + jax.random.gumbel(words, logits.shape), axis=-1), seen


def path(
    environment: Environment, settings: SAC, params: Scene, tables: Tables, key: Key, length: int
) -> Any:
    """Simulate replications for one path; return critics after it and what the actors need."""
    around, states, choices = _sizes(environment)
    agents = jnp.arange(len(around))
    keys = jax.vmap(key.replication)(jnp.arange(settings.replications))

    def decide(now: Any, k: Key) -> Any:
        local = environment.observe(now, params)
        first, second = k.pair(Stream.POLICY, 1 << 20)
        words = jax.random.wrap_key_data(jnp.stack([first, second]), impl="threefry2x32")
        action, seen = act(environment, tables.actor, local, words)
        return action, seen, number(local * choices + action, around, states * choices)

    def one(state: Any, time: Array) -> Any:
        now, (action, seen, pair), critic = state
        step = jax.vmap(lambda k, n, a: environment.step_once(k.at(time), n, a, params))
        _, after, reward, terminated, _, _ = step(keys, now, action)
        following = jax.vmap(lambda n, k: decide(n, k.at(time)))(after, keys)
        later = jnp.where(terminated[:, None], 0.0, critic[agents, following[2]])
        error = reward + settings.discount * later - critic[agents, pair]
        critic = critic.at[agents, pair].add(settings.critic_rate * error)
        return (after, following, critic), (action, seen, pair, reward)

    now = jax.vmap(lambda k: environment.reset(k, params)[1])(keys)
    start = jax.vmap(lambda n, k: decide(n, k.at(0)))(now, keys)
    (_, _, critic), seen = lax.scan(one, (now, start, tables.critic), jnp.arange(1, length + 1))
    return critic, seen


def improve(environment: Environment, settings: SAC, tables: Tables, critic: Array, seen: Any) -> Tables:
    """Move the actors along g."""
    around, _, choices = _sizes(environment)
    action, code, pair, _ = seen
    agents = jnp.arange(len(around))
    q = critic[agents, pair]
    empty = jnp.zeros((*q.shape[:-1], 1))
    padded = jnp.concatenate([q, empty], axis=-1)
    near = q + sum(padded[..., around[:, k]] for k in range(around.shape[1]))
    near = near - jnp.mean(near, axis=1, keepdims=True)
    weight = near * settings.discount ** jnp.arange(len(q))[:, None, None] / settings.replications
    chance = jax.nn.softmax(tables.actor, axis=-1)[agents, code]
    slope = weight[..., None] * (jax.nn.one_hot(action, choices) - chance)
    actor = tables.actor.at[agents, code].add(settings.actor_rate * slope)
    return Tables(actor, critic)


@functools.partial(jax.jit, static_argnums=(0, 1, 5, 6))
def _some(
    environment: Environment, settings: SAC, params: Scene, tables: Tables, key: Key, length: int, many: int,
    first: Array,
) -> tuple[Tables, Array]:  # fmt: skip
    """Learn from some paths, the first of which has this number."""

    def one(tables: Tables, order: Array) -> tuple[Tables, Array]:
        here = key.replication(order)
        critic, seen = path(environment, settings, params, tables, here, length)
        return improve(environment, settings, tables, critic, seen), jnp.sum(jnp.mean(seen[3], axis=(1, 2)))

    return lax.scan(one, tables, first + jnp.arange(many))


def train(environment: Environment, params: Scene, *, seed: int = 0, settings: SAC | None = None) -> Learned:
    """Learn tables for all agents.

    Args:
        environment, params: of a view with ``neighbours``, ``choices`` and a ``table`` of local states.
        seed: of paths and choices. settings: see `SAC`.

    Raises:
        InvalidInput: for another view, or too many agents.
    """
    settings = settings or SAC()
    many = max(1, integer("paths", settings.paths, low=1) // 10)
    length, key = int(params.steps), random.key(seed)
    tables = begin(environment)
    run = _some.lower(environment, settings, params, tables, key, length, many, jnp.int32(0)).compile()
    returns, seconds, clock = [], [], time.process_time()
    for tenth in range(10):
        tables, seen = run(params, tables, key, jnp.int32(tenth * many))
        returns.append(np.asarray(seen))
        seconds.append(time.process_time() - clock)
    return Learned(np.asarray(tables.actor), np.concatenate(returns), np.asarray(seconds))


@functools.partial(jax.jit, static_argnums=(0, 4, 5))
def _judged(
    environment: Environment, params: Scene, actor: Array, key: Key, length: int, episodes: int
) -> Array:
    settings = SAC(replications=episodes)
    around, states, choices = _sizes(environment)
    blank = Tables(actor, jnp.zeros((len(around), count(around, states * choices))))
    _, seen = path(environment, settings, params, blank, key, length)
    return jnp.sum(jnp.mean(seen[3], axis=-1), axis=0)


def judge(environment: Environment, params: Scene, actor: Any, *, episodes: int = 400, seed: int = 1) -> Any:
    """Return the mean reward per agent of each of some fresh episodes under learned tables."""
    found = _judged(environment, params, jnp.asarray(actor), random.key(seed), int(params.steps), episodes)
    return np.asarray(found, np.float64)
