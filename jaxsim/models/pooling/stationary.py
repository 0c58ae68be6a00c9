"""The system started from the exact law of its servers' (queue, tokens), so that only the pool must warm up.

Tokens relax as slowly as C^2 / (pi^2 R), R the rate at which they are spent: thousands of units of time at
C = 100. Servers are independent under oblivious policies, so that drawing each from the law of
`theory.chain` makes every server stationary from time 0, for every policy and every cap.

Source: Chen, Chen, Qian (2023), section 6.1; the start is ours.
"""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core import samplers
from jaxsim.core.kernel import System
from jaxsim.core.precision import float64
from jaxsim.core.random import Key, Stream
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float
from jaxsim.core.validation import require
from jaxsim.models.pooling.events import prepare
from jaxsim.models.pooling.kernel import filled
from jaxsim.models.pooling.spec import Context, Params, Spec, State
from jaxsim.models.pooling.theory.chain import Law, solved, threshold_rules
from jaxsim.models.pooling.theory.fluid import best_response

_ROWS = 32


@pytree
class StartedParams(Params):
    """Parameters and the start: cumulative probabilities of (queue, tokens), row by row."""

    start: Float[Array, " cells"]


@pytree
class StartedContext(Context):
    """What is constant along a path, and the start."""

    start: Float[Array, " cells"]


def started(system: System) -> System:
    """Return the system of equal servers under its equilibrium policy, started from its exact law.

    The pool starts empty. Queues beyond the table of the law follow its geometric tail.

    Raises:
        InvalidInput: if servers are unequal or tokens unlimited.
    """
    spec, params = system.kernel.spec, system.params
    require(spec.equal, "arrival_rate", "a list", "has no start from one law", "give equal servers")
    require(spec.tokens == "bounded", "tokens", spec.tokens, "have no stationary law", "use bounded ones")
    table = np.asarray(_law(spec, params).probabilities, np.float64)
    start = jnp.asarray(np.cumsum(table), jnp.float32)
    kernel = replace(system.kernel, init=_init, prepare=_prepare)
    return System(kernel, StartedParams(**_leaves(params), start=start))


@float64
def _law(spec: Spec, params: Params) -> Law:
    rates = params.arrival_rate, params.service_rate, params.token_probability
    arrival, service, phi = (float(x) for x in rates)
    policy = best_response(arrival / service, phi)
    rows = max(_ROWS, math.ceil(policy.threshold) + 1)
    return solved(
        threshold_rules(policy.threshold, policy.offer, spec.token_cap, rows), arrival, service, phi
    )


def _leaves(tree: Any) -> dict[str, Any]:
    return {f.name: getattr(tree, f.name) for f in fields(tree)}


def _prepare(spec: Spec, params: StartedParams, policy: Any) -> StartedContext:
    return StartedContext(**_leaves(prepare(spec, params, policy)), start=params.start)


def _init(key: Key, spec: Spec, context: StartedContext) -> State:
    first, second = key.pair(Stream.INITIAL, jnp.arange(spec.servers, dtype=jnp.uint32))
    cell = jnp.searchsorted(context.start, samplers.uniform(first), side="right").astype(jnp.int32)
    width, cells = spec.token_cap + 1, context.start.size
    beyond = jnp.floor(samplers.exponential(second) / -jnp.log(context.utilization)).astype(jnp.int32)
    queue = jnp.where(cell < cells, cell // width, cells // width + beyond)
    tokens = jnp.where(cell < cells, cell % width, 0)
    return filled(spec, jnp.minimum(queue, spec.longest_queue), tokens)
