"""Derivatives of a policy's value: exact through the solved chain, and estimated through the simulated one.

The value over t epochs of a policy f, random or not, obeys V_{n+1} = V_n + (c + Q V_n)/Λ and the gain
solves b = c + Q v; both are smooth in speeds, rates, rewards, costs and the policy's logits, so `jax.grad`
of `finite_value` or `mean_gain` is exact.

`score_gradient` needs no transition matrix: along simulated paths of the uniformized chain, with p_n the
probability of what happened in epoch n (assignment and event),

    grad E Σ net = E Σ_n [ grad net_n + grad log p_n (Σ_{u >= n} net_u - baseline(s_n, t - n)) ],

unbiased for every baseline; with the solved gain b and relative values v as baseline, (t - n) b + v(s_n),
its variance is small. Λ is held fixed, above the total rate (see `score_gradient`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.random import Key
from jaxsim.core.types import Array, Float
from jaxsim.core.validation import require
from jaxsim.models.actors.evaluate import firing_rates, gain_and_bias, generator, income, mixed_firing_rates
from jaxsim.models.actors.kernel import flow, here, prepare
from jaxsim.models.actors.model import ActorsParams, ActorsSpec, Local, total_rate_bound
from jaxsim.models.actors.paths import Path, sample_path
from jaxsim.models.actors.policies import Softmax, Table


def policy_firing(local: Local, policy: Table | Softmax) -> Float[Array, "states actions"]:
    """Mean firing rates f_k(s) of a table or a softmax policy."""
    local = jax.tree.map(jnp.asarray, local)
    if isinstance(policy, Softmax):
        return mixed_firing_rates(local, policy.chances(), policy.joint)
    return firing_rates(local, policy.assignment, local.caps.shape[1])


def mean_gain(params: ActorsParams, policy: Table | Softmax) -> Float[Array, ""]:
    """The long-run gain b of a policy, differentiable in parameters and logits."""
    local = jax.tree.map(jnp.asarray, params.local)
    return gain_and_bias(local, policy_firing(local, policy))[0]


def finite_value(params: ActorsParams, policy: Table | Softmax, epochs: int) -> Float[Array, ""]:
    """Mean net benefit of a policy over ``epochs`` epochs from the initial state, differentiable."""
    local = jax.tree.map(jnp.asarray, params.local)
    firing = policy_firing(local, policy)
    q, c = generator(local, firing), income(local, firing)
    scale = 1 / jax.lax.stop_gradient(params.uniform_rate)

    def sweep(values: Array, _: None) -> tuple[Array, None]:
        return values + scale * (c + q @ values), None

    return jax.lax.scan(sweep, jnp.zeros_like(c), None, length=epochs)[0][params.initial]


def log_chances(params: ActorsParams, policy: Table | Softmax, path: Path) -> Float[Array, " epochs"]:
    """Logarithm of p_n for a path's epochs: the policy's choice and the event (or null event) that
    followed.
    """
    local = jax.tree.map(jnp.asarray, params.local)
    clock = jax.lax.stop_gradient(jnp.asarray(params.uniform_rate))

    def one(state: Array, assignment: Array, event: Array) -> Array:
        now = flow(here(local, state), assignment)
        rates = jnp.concatenate([now.rates, (clock - jnp.sum(now.rates))[None]])
        happened = rates[event]
        chance = jnp.log(jnp.where(happened > 0, happened, 1.0) / clock)
        if isinstance(policy, Softmax):
            logits = jnp.where(jnp.asarray(policy.open)[state], policy.logits[state], -jnp.inf)
            picked = jnp.argmax(jnp.all(jnp.asarray(policy.joint) == assignment, axis=1))
            chance = chance + jax.nn.log_softmax(logits)[picked]
        return chance

    return jax.vmap(one)(path.states, path.assignments, path.events)


def path_net(params: ActorsParams, path: Path) -> Float[Array, " epochs"]:
    """The epochs' net benefits as functions of rewards and costs, what happened being given."""
    local = jax.tree.map(jnp.asarray, params.local)
    rewards = local.rewards.reshape(local.rewards.shape[0], -1)
    none = jnp.zeros((rewards.shape[0], local.exogenous.shape[1] + 1), rewards.dtype)
    table = jnp.concatenate([rewards, none], axis=1)
    return table[path.states, path.events] - local.costs[path.states] / jax.lax.stop_gradient(
        params.uniform_rate
    )


def score_surrogate(
    spec: ActorsSpec, params: ActorsParams, policy: Table | Softmax, key: Key, epochs: int,
    baseline: tuple[Any, Any] | None = None,
) -> Float[Array, ""]:  # fmt: skip
    """A number whose `jax.grad` (in params and policy) is one unbiased sample of the gradient.

    Its value is the path's net benefit. ``baseline`` is (gain, relative values ``[states]``) of the policy.
    """
    frozen = jax.lax.stop_gradient
    spec = replace(spec, clock="uniformized", holding="mean")
    still = frozen(params)
    path = jax.tree.map(frozen, sample_path(spec, prepare(spec, still, policy), frozen(policy), key, epochs))
    net = path_net(params, path)
    to_go = jnp.cumsum(frozen(net)[::-1])[::-1]
    if baseline is not None:
        gain, bias = baseline
        left = jnp.arange(epochs, 0, -1) / still.uniform_rate
        to_go = to_go - (left * gain + jnp.asarray(bias)[path.states])
    score = log_chances(params, policy, path) * frozen(to_go)
    return jnp.sum(net) + jnp.sum(score - frozen(score))


def score_gradient(
    spec: ActorsSpec, params: ActorsParams, policy: Table | Softmax, key: Key, *, epochs: int,
    replications: int, baseline: tuple[Any, Any] | None = None,
) -> tuple[Any, Any]:  # fmt: skip
    """Mean and standard error, over replications, of the gradient in (params, policy): two pytrees of pairs.

    The null event must be possible everywhere: where its probability is 0, paths cannot show how it would
    grow, and the estimate is biased. So Λ must exceed the total rate by 5 % at least (`InvalidInput`
    otherwise: give ``formulate`` a larger ``uniform_rate``). Leaves that are not floating point have
    ``float0`` gradients, as in `jax.grad` with ``allow_int``.
    """
    least = float(np.max(total_rate_bound(params.local)))
    rate = float(np.asarray(params.uniform_rate))
    require(
        rate >= 1.05 * least,
        "uniform_rate",
        rate,
        "leaves no null events",
        f"formulate with {1.25 * least:.6g}",
    )

    def one(number: Array) -> Any:
        def value(both: tuple[ActorsParams, Any]) -> Array:
            return score_surrogate(spec, both[0], both[1], key.replication(number), epochs, baseline)

        return jax.grad(value, allow_int=True)((params, policy))

    samples = jax.jit(jax.vmap(one))(jnp.arange(replications))
    scale = replications**0.5
    real = lambda x: jnp.issubdtype(x.dtype, jnp.floating)  # noqa: E731
    mean = jax.tree.map(lambda x: jnp.mean(x, axis=0) if real(x) else x, samples)
    error = jax.tree.map(lambda x: jnp.std(x, axis=0, ddof=1) / scale if real(x) else x, samples)
    return mean, error
