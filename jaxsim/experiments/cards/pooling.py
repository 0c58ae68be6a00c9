"""The pooling family by name."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_MODEL = "jaxsim.models.pooling"

FAMILY = Family(
    name="pooling",
    summary="servers that help each other through a shared pool, for tokens",
    source="Chen, Chen, Qian (2023), Incentivizing Resource Pooling",
    system=Entry("N servers with token accounts and a shared pool", f"{_MODEL}.system:system"),
    policies={
        "fmfe": Entry("fluid mean-field best response (Lemma 4.2)", f"{_MODEL}.policies:fmfe"),
        "complete": Entry("request help for every job, offer all free units", f"{_MODEL}.policies:complete"),
        "independent": Entry("no cooperation: separate M/M/1 queues", f"{_MODEL}.policies:independent"),
        "threshold": Entry("request help from a given queue length on", f"{_MODEL}.policies:threshold"),
    },
    metrics={
        "jobs_per_server": "mean own queue of a server",
        "pool_jobs": "mean number of jobs in the shared pool",
        "pool_wait": "mean wait in the pool",
        "help_request_rate": "jobs sent to the pool per server and unit of time",
        "help_offer_rate": "units of capacity offered per server and unit of time",
        "help_success": "share of offers that find a job in the pool",
        "token_boundary_probability": "share of servers that hold 0 or C tokens",
        "cost_per_server": "holding plus processing cost per server and unit of time",
    },
)
