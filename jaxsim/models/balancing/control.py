"""A control variate that no policy can touch: what own queue is expected to lose on the same regime path.

Under own queue all queues are alike and independent given the regimes r(0), r(1), ..., so with the law p(t)
of one queue and the epoch's law P_r and expected drops D_r at relative rate 1,

    C = sum over epochs of p(t) . D_r(t),    p(t+1) = p(t) P_r(t),

is exact given the path, and its mean is `jaxsim.models.balancing.theory.constant_rates`. The regime path is
most of the noise of any policy on a large graph; C - E C, times a regression coefficient, takes it out.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Float, Int
from jaxsim.models.balancing import epoch
from jaxsim.models.balancing.model import Params, Spec
from jaxsim.models.balancing.theory import constant_rates


def own_laws(
    loads: Float[Array, " regimes"], laws: Float[Array, "n states drops states"]
) -> Float[Array, "regimes states columns"]:
    """Return P_r[start, end] with D_r[start] as last column, for one class of servers."""
    _, states, drops, _ = laws.shape
    rates = jnp.broadcast_to(loads[:, None], (loads.shape[0], states))
    joint = epoch.mix(rates, laws).reshape(loads.shape[0], states, drops, states)
    moves = jnp.sum(joint, axis=2)
    lost = jnp.einsum("rsde,d->rs", joint, jnp.arange(float(drops)))
    return jnp.concatenate([moves / jnp.sum(moves, axis=2, keepdims=True), lost[:, :, None]], axis=2)


def empty(spec: Spec) -> Float[Array, "classes states"]:
    """Return the law of empty queues."""
    return jnp.broadcast_to(jnp.arange(spec.states) == 0, (len(spec.buffers), spec.states)).astype(float)


def advance(
    params: Params,
    own: Float[Array, "classes regimes states columns"],
    alone: Float[Array, "classes states"],
    regime: Int[Array, ""],
) -> tuple[Float[Array, "classes states"], Float[Array, ""]]:
    """Return the law after an epoch of the regime, and the expected drops of a node (mean over classes)."""
    after = jnp.sum(alone[:, :, None] * own[:, regime], axis=1)
    lost = after[:, -1]
    if lost.shape[0] > 1:
        classes = jnp.arange(lost.shape[0])[:, None]
        lost = lost * jnp.mean((params.server_class == classes).astype(jnp.float32), axis=1)
    return after[:, :-1], jnp.sum(lost)


def mean(spec: Spec, params: Params, warmup: int, steps: int) -> float:
    """Return E C over the epochs after the warm-up, exactly, as a mean over the classes of servers."""
    rates, switch, start = (
        np.asarray(x, np.float64) for x in (params.arrival_rates, params.switch, params.start)
    )
    kinds, delay = len(spec.buffers), float(params.delay)
    server = np.asarray(params.server_class)
    shares = np.bincount(server, minlength=kinds) / server.size if server.size else np.ones(1)

    def until(epochs: int, kind: int) -> float:
        keys: dict[str, Any] = {"arrival_rates": rates, "switch": switch / switch.sum(axis=1, keepdims=True)}
        keys |= {"buffer": spec.buffers[kind], "service_rate": float(params.service_rates[kind])}
        keys |= {"delay": delay, "horizon": epochs * delay, "start": start / start.sum()}
        return constant_rates(**keys)["drops_per_node"] if epochs else 0.0

    return float(sum(s * (until(warmup + steps, i) - until(warmup, i)) for i, s in enumerate(shares)))
