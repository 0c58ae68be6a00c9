"""The same event with gates in the place of its comparisons, so that gradients pass through a path.

With hard gates a path is the kernel's own (the same words, the same queues). With soft gates jobs and tokens
become real numbers; with straight-through gates the path is the hard one and only its derivative is soft.
Events themselves (which server, job or capacity) do not depend on what is tuned and stay hard.

Bias: a soft path is that of a smoothed system, off by O(temperature^2) per gate at points where the compared
uniform numbers have a density; comparisons of whole numbers with a half are off by about
exp(-1 / (2 temperature)). Both errors build up along a path because tokens remember them, and the derivative
of a straight-through path carries no guarantee: measure either against `scored` or common random numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from jaxsim.core.kernel import Kernel, Observables, System
from jaxsim.core.random import Key
from jaxsim.core.status import no_trouble
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Real, UInt32
from jaxsim.core.validation import choice, positive, require
from jaxsim.models.pooling.events import Draws, draw, event, prepare, step_time
from jaxsim.models.pooling.kernel import initial
from jaxsim.models.pooling.metrics import RELAXED
from jaxsim.models.pooling.policies import Threshold
from jaxsim.models.pooling.spec import Context, Params, Spec, of_server
from jaxsim.relaxations import Gate
from jaxsim.relaxations.gates import Kind


@pytree
class RelaxedParams(Params):
    """The parameters of the system, and the gate that stands for every comparison."""

    gate: Gate


@pytree
class RelaxedContext(Context):
    """The context of the system, and the gate."""

    gate: Gate


@pytree
class RelaxedState:
    """Own queues, tokens and the pool, as real numbers."""

    queue: Float[Array, " servers"]
    tokens: Float[Array, " servers"]
    pool: Float[Array, ""]
    status: UInt32[Array, ""]


def _prepare(spec: Spec, params: RelaxedParams, policy: Any) -> RelaxedContext:
    return RelaxedContext(**vars(prepare(spec, params, policy)), gate=params.gate)


def _init(key: Key, spec: Spec, context: RelaxedContext) -> RelaxedState:
    queue, tokens = (x.astype(jnp.float32) for x in initial(key, spec, context))
    return RelaxedState(queue, tokens, jnp.float32(0), no_trouble())


def step(
    draws: Draws, spec: Spec, context: RelaxedContext, policy: Threshold, state: RelaxedState
) -> tuple[RelaxedState, Observables]:
    """Let one event happen, each comparison a gate; report what it did and the state it left."""
    e, gate = event(draws, spec, context), context.gate
    queue, tokens = state.queue[e.server], state.tokens[e.server]
    arrival, unit = e.arrival.astype(jnp.float32), 1 - e.arrival.astype(jnp.float32)
    request, offer = policy.relaxed(gate, e.coin, e.server, queue)
    some = gate(queue - 0.5)

    requests = arrival * request * gate(tokens - 0.5)
    keeps, serves = arrival - requests, unit * some
    offers = unit * (1 - some) * offer * gate(spec.token_cap - 0.5 - tokens)
    helps = offers * gate(state.pool - 0.5)
    earns = offers * gate(of_server(context.token_probability, e.server) - e.lot)

    new = RelaxedState(
        state.queue.at[e.server].add(keeps - serves),
        state.tokens.at[e.server].add(earns - requests),
        state.pool + requests - helps,
        state.status,
    )
    return new, {
        "queued": jnp.sum(new.queue),
        "pooled": new.pool,
        "requests": requests,
        "offers": offers,
        "helps": helps,
        "works": serves + helps,
    }


def relaxed(system: System, *, kind: Kind = "soft", temperature: Real = 0.1) -> System:
    """Return the relaxed system; its policies are `Threshold` policies.

    Args:
        system: with bounded tokens; its waits are those of Little's law.
        kind: ``hard``, ``soft`` or ``straight_through``. temperature: > 0, of all gates.

    Raises:
        InvalidInput: if a key is out of range or tokens are unlimited.
    """
    spec, params = system.kernel.spec, system.params
    assert isinstance(spec, Spec)
    choice("kind", kind, ("hard", "soft", "straight_through"))
    require(spec.tokens == "bounded", "tokens", spec.tokens, "has no gates on tokens", "use tokens=bounded")
    gate = Gate(jnp.float32(positive("temperature", temperature)), kind)
    kernel = Kernel(
        family="pooling",
        spec=replace(spec, waits="little", signal=False),
        init=_init,
        step=step,
        step_time=step_time,
        metrics=RELAXED,
        prepare=_prepare,
        draw=draw,
        horizon=system.kernel.horizon,
        warmup=system.kernel.warmup,
    )
    return System(kernel, RelaxedParams(**vars(params), gate=gate))
