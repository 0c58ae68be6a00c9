"""What the pooling model reports, as ratios of totals over events."""

from __future__ import annotations

from typing import Any

from jaxsim.core.kernel import Metric
from jaxsim.models.pooling.events import step_time, total_rate
from jaxsim.models.pooling.spec import Params, Spec


def _per_server(spec: Spec, params: Params) -> float:
    return 1.0 / spec.servers


def _rate_per_server(spec: Spec, params: Params) -> Any:
    return total_rate(spec, params) / spec.servers


def _served_cost(spec: Spec, params: Params) -> Any:
    """What a served job adds to the cost of a step, so that cost / steps is a cost per unit of time."""
    return params.processing_cost * total_rate(spec, params)


SYSTEM = (
    Metric("jobs_per_server", "queued", scale=_per_server, unit="jobs", summary="mean own queue of a server"),
    Metric("pool_jobs", "pooled", unit="jobs", summary="mean number of jobs in the shared pool"),
    Metric(
        "help_request_rate",
        "requests",
        scale=_rate_per_server,
        unit="1/time",
        summary="jobs sent by a server",
    ),
    Metric(
        "help_offer_rate",
        "offers",
        scale=_rate_per_server,
        unit="1/time",
        summary="units offered by a server",
    ),
    Metric("help_success", "helps", per="offers", summary="share of offers that find a job in the pool"),
    Metric(
        "token_boundary_probability",
        "at_bound",
        scale=_per_server,
        summary="servers with 0 or C tokens",
    ),
    Metric(
        "cost_per_server",
        (("queued", 1.0), ("pooled", 1.0), ("works", _served_cost)),
        scale=_per_server,
        unit="1/time",
        summary="holding plus processing cost",
        better="lower",
    ),
)
LITTLE = Metric(
    "pool_wait", "pooled", "requests", step_time, "time", "mean wait in the pool, by Little's law"
)
EXACT = (
    Metric("pool_wait", "waited", "helps", step_time, "time", "mean wait in the pool of the jobs served"),
    Metric("pool_wait_little", "pooled", "requests", step_time, "time", "the same by Little's law"),
    Metric("first_queue", "first_queued", unit="jobs", summary="mean own queue of server 0"),
    Metric("first_pool_jobs", "first_pooled", unit="jobs", summary="mean jobs of server 0 in the pool"),
    Metric(
        "first_cost",
        (("first_queued", 1.0), ("first_pooled", 1.0), ("first_works", _served_cost)),
        unit="1/time",
        summary="holding plus processing cost of server 0",
    ),
)
RELAXED = tuple(metric for metric in SYSTEM if metric.name != "token_boundary_probability")
"""What the relaxed system reports: a share of servers at a bound has no use where tokens are real numbers."""


def metrics(spec: Spec) -> tuple[Metric, ...]:
    """Return the metrics of a Spec; ``waits="exact"`` adds exact waits and server 0's own account."""
    return (*SYSTEM, *EXACT) if spec.waits == "exact" else (*SYSTEM, LITTLE)
