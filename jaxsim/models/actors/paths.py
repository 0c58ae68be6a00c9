"""Sample paths of the uniformized chain with all that their likelihood needs: for dominance tests and
gradients.

For estimates of means use the engine; these functions keep whole paths, or one sum per replication.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random, samplers
from jaxsim.core.random import Key
from jaxsim.core.types import Array, Float, Int, Whole
from jaxsim.core.validation import integer, require
from jaxsim.models.actors.kernel import Context, Observation, draw, flow, here, init, prepare, step
from jaxsim.models.actors.model import ActorsParams, ActorsSpec, Model


class Path(NamedTuple):
    """One replication: state, assignment and event of each epoch, and its net benefit.

    An event is a place in `kernel.Flow`; the number of places stands for the null event.
    """

    states: Int[Array, " epochs"]
    assignments: Int[Array, "epochs actors"]
    events: Int[Array, " epochs"]
    net: Float[Array, " epochs"]
    status: Any


def sample_path(spec: ActorsSpec, context: Context, policy: Any, key: Key, epochs: int) -> Path:
    """Follow the kernel for a number of epochs; pure and unbatched."""

    def one(state: Any, number: Array) -> tuple[Any, tuple[Array, ...]]:
        words = draw(key.at(number), spec, policy)
        local = here(context.local, state.state)
        assignment = policy(words.policy, Observation(state.state, local))
        after, observed = step(words, spec, context, policy, state)
        now = flow(local, assignment)
        place = samplers.uniform(words.event) * context.uniform_rate
        event = jnp.sum(place >= jnp.cumsum(now.rates), dtype=jnp.int32)
        return after, (state.state, assignment, event, observed["net"])

    last, rows = jax.lax.scan(one, init(key, spec, context), jnp.arange(epochs, dtype=jnp.uint32))
    states, assignments, events, net = rows
    return Path(states, assignments, events, net, last.status)


def benefits(
    model: Model, policy: Any, *, epochs: Whole, replications: Whole = 2000, seed: Whole = 0
) -> np.ndarray:
    """V_t^f as a random variable: sampled net benefits over ``epochs`` epochs, ``[replications]``.

    Costs are sampled too, G(s) = g(s) X with X exponential of mean 1/Λ. Replications of two policies under
    one seed share their words (common random numbers).
    """
    count, paths = integer("epochs", epochs, low=1), integer("replications", replications, low=2)
    spec = replace(model.spec, holding="sampled", clock="uniformized")
    root = random.key(seed)

    @jax.jit
    def run(params: ActorsParams, policy: Any, numbers: Array) -> tuple[Array, Array]:
        context = prepare(spec, params, policy)

        def one(number: Array) -> tuple[Array, Array]:
            path = sample_path(spec, context, policy, root.replication(number), count)
            return jnp.sum(path.net), path.status

        return jax.vmap(one)(numbers)

    net, status = run(model.params, policy, jnp.arange(paths))
    require(
        not bool(np.any(status)),
        "policy",
        int(np.max(status)),
        "was refused by the kernel",
        "keep to the caps",
    )
    return np.asarray(net, np.float64)
