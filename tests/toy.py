"""A small kernel with known answers: the M/M/1 queue on a uniformized clock."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxsim.core import samplers, status
from jaxsim.core.kernel import Kernel, Metric
from jaxsim.core.random import Stream
from jaxsim.core.tree import pytree


@dataclass(frozen=True)
class Spec:
    capacity: int = 1 << 20


@pytree
class Params:
    arrival_rate: jax.Array


@pytree
class State:
    jobs: jax.Array
    status: jax.Array


TRACES = {"step": 0}


def step(key, spec, params, policy, state):
    """One event of an M/M/1 queue with service rate 1; null when the server is idle."""
    TRACES["step"] += 1
    u = samplers.uniform(key.pair(Stream.EVENTS)[0])
    arrival = u < params.arrival_rate / (1 + params.arrival_rate)
    jobs = jnp.where(arrival, state.jobs + 1, jnp.maximum(state.jobs - 1, 0))
    full = jobs > spec.capacity
    trouble = status.raise_bit(state.status, status.Status.QUEUE_OVERFLOW, full)
    observed = {
        "jobs": state.jobs,
        "arrivals": arrival.astype(jnp.int32),
        "smooth": state.jobs.astype(jnp.float32) * params.arrival_rate,
    }
    return State(jobs, trouble), observed


def kernel(capacity=1 << 20, largest_count=1 << 15):
    metrics = (
        Metric("jobs", "jobs", unit="jobs"),
        Metric(
            "wait", "jobs", per="arrivals", scale=lambda spec, p: 1 / float(1 + p.arrival_rate), unit="time"
        ),
        Metric("arrived", "arrivals", per="horizon", unit="jobs"),
    )
    return Kernel(
        "toy",
        Spec(capacity),
        lambda key, spec, context: State(jnp.int32(0), status.no_trouble()),
        step,
        lambda spec, params: 1 / (1 + params.arrival_rate),
        metrics,
        largest_count=largest_count,
    )


def params(arrival_rate=0.5):
    return Params(jnp.float32(arrival_rate))
