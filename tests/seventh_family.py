"""The M/M/c queue with impatient customers (Erlang A): a whole family of one's own in one file.

Customers arrive at rate lambda, c servers work at rate mu each, and whoever waits leaves at rate theta. The
clock is uniformized: every step lasts 1 / Lambda on average, Lambda = lambda + c mu + theta (room - c).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import samplers, status
from jaxsim.core.kernel import Kernel, Metric, System
from jaxsim.core.random import Stream
from jaxsim.core.tree import pytree
from jaxsim.core.validation import integer, positive
from jaxsim.experiments.registry import Entry, Family


@dataclass(frozen=True)
class Spec:
    servers: int
    room: int


@pytree
class Params:
    arrival: jax.Array
    service: jax.Array
    patience: jax.Array


@pytree
class State:
    jobs: jax.Array
    status: jax.Array


@pytree
class Admission:
    """Admit a customer while fewer than ``level`` are there; infinity admits all."""

    level: jax.Array

    def __call__(self, key, jobs):
        return jobs < self.level


def step_time(spec, params):
    most_waiting = spec.room - spec.servers
    return 1 / (params.arrival + spec.servers * params.service + params.patience * most_waiting)


def init(key, spec, params):
    return State(jnp.int32(0), status.no_trouble())


def step(key, spec, params, policy, state):
    u = samplers.uniform(key.pair(Stream.EVENTS)[0]) / step_time(spec, params)
    jobs, busy = state.jobs, jnp.minimum(state.jobs, spec.servers)
    # Where the word falls says what happens: an arrival, a service, a loss of patience, or nothing.
    ends = jnp.cumsum(jnp.stack([params.arrival, params.service * busy, params.patience * (jobs - busy)]))
    arrival, served, gone = (u < ends) & (u >= jnp.concatenate([jnp.zeros(1), ends[:-1]]))
    after = jobs + (arrival & policy(key, jobs)) - served - gone
    full = status.raise_bit(state.status, status.Status.QUEUE_OVERFLOW, after > spec.room)
    counts = {"arrivals": arrival.astype(jnp.int32), "abandoned": gone.astype(jnp.int32)}
    return State(jnp.minimum(after, spec.room), full), {"jobs": jobs, "waiting": jobs - busy, **counts}


def system(*, servers=4, arrival_rate=3.5, service_rate=1.0, patience_rate=0.5, room=60):
    """Return the queue.

    Args:
        servers: c.
        arrival_rate, service_rate, patience_rate: lambda, mu, theta, above 0.
        room: no state beyond so many customers is simulated; reaching it makes the result untrustworthy.
    """
    spec = Spec(integer("servers", servers, low=1, high=1000), integer("room", room, low=1, high=10000))
    given = {"arrival_rate": arrival_rate, "service_rate": service_rate, "patience_rate": patience_rate}
    params = Params(*(jnp.float32(positive(name, value)) for name, value in given.items()))
    per_arrival = Metric("abandoned", "abandoned", per="arrivals")
    metrics = (Metric("jobs", "jobs"), Metric("waiting", "waiting"), per_arrival)
    kernel = Kernel("erlang_a", spec, init, step, step_time, metrics, warmup=50.0)
    return System(kernel, params)


def admit(system, *, level=np.inf):
    return Admission(jnp.float32(level))


FAMILY = Family(
    name="erlang_a",
    summary="M/M/c queue with impatient customers",
    source="Garnett, Mandelbaum, Reiman (2002)",
    system=Entry("the queue", "seventh_family:system"),
    policies={"admit": Entry("admit up to a level", "seventh_family:admit")},
    metrics={"jobs": "mean customers", "waiting": "mean who wait", "abandoned": "share that leaves"},
)
