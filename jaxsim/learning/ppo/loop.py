"""Proximal policy optimization, all of it inside one compiled loop.

    batch:   replications act with the old policy for some steps
    update:  passes over minibatches of the batch descend the loss of `jaxsim.learning.ppo.losses`

`begin` and `update` are pure functions of a key, the rates and the environment's params, so trainings with
several seeds and rates run side by side under ``vmap``; `train` is the verb with progress and checkpoints.
It knows no family: all it sees is an `Environment`.

Source: Tahir, Cui, Koeppl (2023), Algorithm 1; Schulman et al. (2017).
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxsim.core import random
from jaxsim.core.random import Key
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array
from jaxsim.core.validation import require
from jaxsim.engine import Progress
from jaxsim.engine.environment import Environment, Scene, Situation
from jaxsim.learning.ppo.agent import Agent
from jaxsim.learning.ppo.estimators import advantages
from jaxsim.learning.ppo.losses import adapted, policy_loss, value_loss
from jaxsim.learning.ppo.networks import squashed
from jaxsim.learning.ppo.settings import Rates, Sizes, settings
from jaxsim.results.checkpoint import keep
from jaxsim.results.identity import identity

LONGEST = 128


@pytree
class Carry:
    """A training under way; ``scale`` is the spread of returns in the first batch, the unit of values."""

    params: Any
    average: Any
    optimizer: Any
    beta: Array
    scale: Array
    number: Array
    now: Situation
    memory: Array
    key: Key


class Sample(NamedTuple):
    """What a batch keeps of every step: [time, replications, ...]."""

    observation: Array
    central: Array
    memory: Array
    u: Array
    log_density: Array
    value: Array
    advantage: Array
    target: Array


@dataclass(frozen=True)
class Trainer:
    """Static: an environment, an agent and sizes."""

    environment: Environment
    agent: Agent
    sizes: Sizes
    length: int
    replications: int


@dataclass(frozen=True)
class Training:
    """What a training found.

    policy: parameters of the policy (averaged as `Rates.average` says). agent: what they belong to.
    curve: by name, a number for each update: ``return`` (mean over the batch's agents of the sum of rewards
        of an episode, with the control variate), ``divergence``, ``policy_loss``, ``value_loss``.
    steps: steps of the environment. seconds: of the loop; compiling: of compilation before it.
    """

    agent: Agent
    policy: Any
    curve: dict[str, np.ndarray]
    steps: int
    seconds: float
    compiling: float


def trainer(environment: Environment, params: Scene, sizes: Sizes) -> Trainer:
    """Return the static part of a training; the batch is rounded to whole pieces of path."""
    length = sizes.length or min(int(params.steps), LONGEST)
    replications = max(1, round(sizes.batch / length))
    parts = math.gcd(replications, sizes.minibatches)
    if parts != sizes.minibatches:
        replications = math.ceil(replications / sizes.minibatches) * sizes.minibatches
    now = jax.eval_shape(lambda p: environment.reset(random.key(0), p)[1], params)
    central = jax.eval_shape(environment.central, now, params).shape[0]
    agent = Agent(environment.view, sizes.widths, sizes.memory, central, sizes.deviation, sizes.learned)
    return Trainer(environment, agent, sizes, length, replications)


def begin(setup: Trainer, params: Scene, key: Key) -> Carry:
    """Return a training before its first update."""
    networks = setup.agent.init(_normal_key(key, 0))
    keys = _keys(key, setup.replications, 0)
    # Where a batch holds a part of an episode only, replications begin at evenly spread times of it.
    spread = jnp.arange(setup.replications) * params.steps // setup.replications
    times = jnp.where(setup.length < params.steps, spread, 0)
    first = jax.vmap(lambda k, t: Situation(setup.environment.reset(k, params)[1].state, t))
    now = first(keys, times)
    one = setup.agent.remember_nothing()
    memory = jnp.broadcast_to(one, (setup.replications, *one.shape))
    beta, scale = jnp.float32(-1.0), jnp.float32(0.0)
    return Carry(networks, networks["policy"], _adam(1.0).init(networks), beta, scale, jnp.int32(0), now,
                 memory, key)  # fmt: skip


def _adam(norm: Any) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(norm), optax.scale_by_adam(eps=1e-5))


def _keys(key: Key, replications: int, update: Any) -> Key:
    numbers = jnp.arange(replications) + update * replications
    return jax.vmap(key.replication)(numbers)


def _normal_key(key: Key, number: Any) -> Any:
    """Return a key of ``jax.random`` for what the learner itself draws in an update."""
    first, second = key.at(number).pair(random.Stream.POLICY)
    return jax.random.wrap_key_data(jnp.stack([first, second]), impl="threefry2x32")


def update(setup: Trainer, params: Scene, rates: Rates, carry: Carry) -> tuple[Carry, dict[str, Array]]:
    """Collect a batch and descend on it; return what the curves of `Training` show."""
    drawn, shuffled = jax.random.split(_normal_key(carry.key, carry.number + 1))
    after, path = _collect(setup, params, carry, drawn)
    sample, scale, mean = _judge(setup, params, rates, carry, after, path)
    beta = jnp.where(carry.number == 0, rates.divergence, carry.beta)
    share = carry.number / setup.sizes.updates
    speed = rates.learning_rate * (1.0 - (1.0 - rates.last_rate) * share)
    learn = functools.partial(_descend, setup, rates, beta, speed)

    def one_pass(state: Any, key: Any) -> Any:
        order = jax.random.permutation(key, setup.replications).reshape(setup.sizes.minibatches, -1)
        return lax.scan(lambda s, lanes: learn(s, jax.tree.map(lambda x: x[:, lanes], sample)), state, order)

    keys = jax.random.split(shuffled, setup.sizes.passes)
    (networks, optimizer), seen = lax.scan(one_pass, (carry.params, carry.optimizer), keys)
    last = {name: jnp.mean(values[-1]) for name, values in seen.items()}
    past = jnp.where(carry.number == 0, 0.0, rates.average)
    average = jax.tree.map(lambda a, p: past * a + (1.0 - past) * p, carry.average, networks["policy"])
    beta = adapted(beta, last["divergence"], rates.divergence_target)
    now, memory = after
    done = Carry(networks, average, optimizer, beta, scale, carry.number + 1, now, memory, carry.key)
    return done, {"return": mean, **last}


def _collect(setup: Trainer, params: Scene, carry: Carry, drawn: Any) -> tuple[Any, dict[str, Any]]:
    """Let all replications act; return where they are then, and what happened, time first."""
    env, agent = setup.environment, setup.agent
    policy, keys = carry.params["policy"], _keys(carry.key, setup.replications, carry.number + 1)
    centers = agent.centers(policy)
    nothing = agent.remember_nothing()

    def one(state: Any, step: Any) -> Any:
        now, memory = state
        time, key = step
        observation = jax.vmap(env.observe, (0, None))(now, params)
        central = jax.vmap(env.central, (0, None))(now, params)
        law, later = agent.law(policy, centers, observation, memory)
        u = law.sample(key)
        stepped = jax.vmap(lambda k, n, a: env.step(k.at(time), n, a, params))
        _, after, reward, terminated, truncated, info = stepped(keys, now, squashed(u))
        over = terminated | truncated
        shape = (-1,) + (1,) * (later.ndim - 1)
        later = jnp.where(over.reshape(shape), nothing, later)
        step = {
            "observation": observation, "central": central, "memory": memory, "u": u,
            "log_density": agent.shared(law.log_density(u)), "terminated": terminated,
            "reward": reward,
            "truncated": truncated, "final": info["final_observation"],
            "exogenous": info.get("exogenous", jnp.zeros(terminated.shape)),
        }  # fmt: skip
        return (after, later), step

    steps = (jnp.arange(1, setup.length + 1), jax.random.split(drawn, setup.length))
    return lax.scan(one, (carry.now, carry.memory), steps)


def _judge(
    setup: Trainer, params: Scene, rates: Rates, carry: Carry, after: Any, path: dict[str, Any]
) -> tuple[Sample, Array, Array]:
    """Return the batch with advantages and targets, the scale of values, and the mean return."""
    env, agent, critic = setup.environment, setup.agent, carry.params["critic"]
    wide = (...,) if agent.view.team else (..., None)
    reward = path["reward"] + rates.control * path["exogenous"][wide]
    per_episode = jnp.mean(jnp.sum(reward, axis=0)) * params.steps / setup.length
    if agent.view.credit is not None:
        reward = jax.vmap(jax.vmap(agent.view.credit))(reward)
    over = (path["terminated"] | path["truncated"])[wide]
    values = agent.value(critic, path["observation"], path["central"])
    last_seen = jax.vmap(env.observe, (0, None))(after[0], params)
    last_central = jax.vmap(env.central, (0, None))(after[0], params)
    last = agent.value(critic, last_seen, last_central)
    # After a truncated episode the critic is asked about the final observation, with no time left.
    spent = path["central"].at[..., -1].set(0.0)
    ends = agent.value(critic, path["final"], spent)
    following = jnp.concatenate([values[1:], last[None]])
    next_values = jnp.where(over, ends, following)
    estimate = jax.vmap(advantages, in_axes=(1, 1, 1, 1, 1, None, None), out_axes=1)
    flags = (path["terminated"], path["truncated"])
    returns = estimate(reward, 0 * values, 0 * values, *flags, rates.discount, 1.0)
    scale = jnp.where(carry.number == 0, jnp.std(returns) + 1e-8, carry.scale)
    gain = estimate(reward / scale, values, next_values, *flags, rates.discount, rates.lam)
    normal = (gain - jnp.mean(gain)) / (jnp.std(gain) + 1e-8)
    kept = {name: path[name] for name in ("observation", "central", "memory", "u", "log_density")}
    return Sample(**kept, value=values, advantage=normal, target=gain + values), scale, per_episode


def _descend(
    setup: Trainer, rates: Rates, beta: Array, speed: Array, state: Any, sample: Sample
) -> tuple[Any, dict[str, Array]]:
    """Take one step of Adam on a minibatch."""
    agent = setup.agent

    def loss(networks: Any) -> Any:
        log_density, divergence, entropy = _again(agent, networks["policy"], sample)
        log_ratio = log_density - sample.log_density
        value = agent.value(networks["critic"], sample.observation, sample.central)
        parts = {
            "policy_loss": policy_loss(log_ratio, sample.advantage, rates.clip),
            "value_loss": value_loss(value, sample.value, sample.target, rates.value_clip),
            "divergence": divergence(log_ratio),
        }
        total = parts["policy_loss"] + rates.value_weight * parts["value_loss"]
        return total + beta * parts["divergence"] - rates.entropy * jnp.mean(entropy), parts

    networks, optimizer = state
    slope, parts = jax.grad(loss, has_aux=True)(networks)
    change, optimizer = _adam(rates.norm).update(slope, optimizer)
    networks = jax.tree.map(lambda p, c: p - speed * c, networks, change)
    return (networks, optimizer), parts


def _again(agent: Agent, policy: Any, sample: Sample) -> tuple[Array, Callable[[Array], Array], Array]:
    """Return log densities, the divergence as a function of log ratios, and entropies, under a policy.

    The divergence from the old policy is estimated from the sample by r - 1 - log r, r = p / p_old, which
    is positive and unbiased.
    """
    centers = agent.centers(policy)
    if agent.memory:

        def one(memory: Array, now: Any) -> Any:
            observation, kept = now
            # Where an episode began the kept memory is zero: it is taken up again from there.
            fresh = jnp.all(kept == 0.0, axis=-1, keepdims=True)
            law, memory = agent.law(policy, None, observation, jnp.where(fresh, 0.0, memory))
            return memory, law

        law = lax.scan(one, sample.memory[0], (sample.observation, sample.memory))[1]
        law = law if law.log_deviation is None else _first_deviation(law)
    else:
        law, _ = agent.law(policy, centers, sample.observation, sample.memory)
    log_density = agent.shared(law.log_density(sample.u))
    return log_density, lambda ratio: jnp.mean(jnp.expm1(ratio) - ratio), law.entropy()


def _first_deviation(law: Any) -> Any:
    """Return the law with one deviation: a scan has stacked one for each step."""
    return type(law)(law.center, law.log_deviation[0])


@functools.partial(jax.jit, static_argnums=(0, 1))
def _advance(setup: Trainer, count: int, params: Scene, rates: Rates, carry: Carry) -> Any:
    return lax.scan(lambda c, _: update(setup, params, rates, c), carry, None, length=count)


class _Shapes:
    """A pytree that is equal to those of the same structure, shapes and types."""

    def __init__(self, tree: Any):
        self.tree = jax.tree.map(lambda x: jax.ShapeDtypeStruct(jnp.shape(x), jnp.result_type(x)), tree)
        leaves, structure = jax.tree.flatten(self.tree)
        self.key = (structure, tuple((leaf.shape, leaf.dtype.name) for leaf in leaves))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shapes) and self.key == other.key


@functools.lru_cache(maxsize=8)
def _compiled(setup: Trainer, count: int, shapes: _Shapes) -> Callable[..., Any]:
    """Compile apart from running, once for all params and rates of the same shapes."""
    return _advance.lower(setup, count, *shapes.tree).compile()


@functools.partial(jax.jit, static_argnums=0)
def _begin(setup: Trainer, params: Scene, key: Key) -> Carry:
    return begin(setup, params, key)


def train(
    environment: Environment,
    params: Scene,
    *,
    seed: int = 0,
    sizes: Sizes | None = None,
    rates: Rates | None = None,
    checkpoint: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Training:
    """Train a policy on an environment.

    Args:
        environment, params: as `jaxsim.engine.environment.environment` returns them.
        seed: of networks, actions and paths. sizes, rates: default the fast settings.
        checkpoint: folder that keeps the work done so far; called again with the same arguments, training
            goes on from there to the same result. progress: called after every piece of work.

    Raises:
        InvalidInput: for a bad seed or folder, or where the loss is no longer finite.
    """
    fast = settings()
    sizes, rates = sizes or fast[0], rates or fast[1]
    setup = trainer(environment, params, sizes)
    carry = _begin(setup, params, random.key(seed))
    curve: dict[str, list[float]] = {}
    count = math.gcd(sizes.updates, max(1, sizes.updates // 10))
    parts = {"seed": int(seed), "sizes": sizes, "rates": rates, "params": params}
    parts |= {"spec": environment.kernel.spec, "view": environment.view.name}
    began = time.process_time()
    compiled = _compiled(setup, count, _Shapes((params, rates, carry)))
    compiling = time.process_time() - began
    clock, seconds = time.perf_counter(), 0.0
    with keep(checkpoint, identity("training", **parts) if checkpoint else {}) as store:
        saved = store.load()
        if saved is not None:
            carry, curve, seconds = saved.tree(carry), saved.notes["curve"], saved.notes["seconds"]
            carry = jax.tree.map(jnp.asarray, carry)
        done = int(carry.number)
        while done < sizes.updates:
            began = time.process_time()
            carry, seen = compiled(params, rates, carry)
            seen = {name: np.asarray(values, np.float64).tolist() for name, values in seen.items()}
            seconds += time.process_time() - began
            curve = {name: curve.get(name, []) + values for name, values in seen.items()}
            finite = bool(np.isfinite(curve["value_loss"][-1]) and np.isfinite(curve["return"][-1]))
            rate = float(np.max(rates.learning_rate))
            require(finite, "learning_rate", rate, "has led to numbers that are not finite", "lower it")
            done += count
            store.offer(functools.partial(_snapshot, carry, curve, seconds))
            if progress is not None:
                steps = done * setup.length * setup.replications
                whole = sizes.updates * setup.length * setup.replications
                progress(Progress(steps, whole, time.perf_counter() - clock))
    return Training(
        setup.agent, jax.device_get(carry.average), {n: np.asarray(v) for n, v in curve.items()},
        sizes.updates * setup.length * setup.replications, seconds, compiling,
    )  # fmt: skip


def _snapshot(carry: Carry, curve: dict[str, list[float]], seconds: float) -> tuple[Any, dict[str, Any]]:
    return carry, {"curve": curve, "seconds": seconds}
