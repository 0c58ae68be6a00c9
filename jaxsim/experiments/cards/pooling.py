"""The pooling family by name."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_MODEL = "jaxsim.models.pooling"
_PROBLEMS = f"{_MODEL}.problems"
_EXPERIMENTS = "jaxsim.experiments.pooling"

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
        "deviate": Entry("server 0 deviates, the others are in equilibrium", f"{_MODEL}.policies:deviate"),
    },
    problems={
        "fluid_equilibrium": Entry("thresholds, rates, costs, equilibria", f"{_PROBLEMS}:fluid_equilibrium"),
        "server_law": Entry("exact law of a server's queue and tokens", f"{_PROBLEMS}:server_law"),
        "server_one_value": Entry("best answer of a fully informed server", f"{_PROBLEMS}:server_one_value"),
        "best_deviation": Entry("best policy on own queue and tokens", f"{_PROBLEMS}:best_deviation"),
        "tune_phi": Entry("the cheapest token probability", f"{_PROBLEMS}:tune_phi"),
        "unequal": Entry("pooling among unequal servers", f"{_PROBLEMS}:unequal"),
        "tune_unequal": Entry("the cheapest phi for unequal servers", f"{_PROBLEMS}:tune_unequal"),
    },
    tunings={
        "token_probability": Entry(
            "the token probability phi, by arrival rate",
            "jaxsim.experiments.tunings.pooling:token_probability",
        ),
    },
    experiments={
        "figure_1": Entry("rates of help and queues against phi", f"{_EXPERIMENTS}:figure_1"),
        "figure_2": Entry("complete pooling against the best answer", f"{_EXPERIMENTS}:figure_2"),
        "theorem_5_2": Entry("the best token probability", f"{_EXPERIMENTS}:theorem_5_2"),
        "lemma_6_1": Entry("token bounds fall like 1/C", f"{_EXPERIMENTS}:lemma_6_1"),
        "pool_waits": Entry("waits fall like 1/N", f"{_EXPERIMENTS}:pool_waits"),
        "unequal_servers": Entry("unequal servers", f"{_EXPERIMENTS}:unequal_servers"),
        "deviations": Entry("what deviating gains", f"{_EXPERIMENTS}:deviations"),
        "gradients": Entry("gradients in phi, exact and simulated", f"{_EXPERIMENTS}:gradients"),
        "best_phi": Entry("the best phi at finite N and C", f"{_EXPERIMENTS}:best_phi"),
        "tune_unequal": Entry("a phi for each kind of server", f"{_EXPERIMENTS}:tune_unequal"),
        "grid": Entry("simulation against exact laws", f"{_EXPERIMENTS}:grid"),
        "tuned_phi": Entry(
            "phi tuned to its kink at the arrival rate",
            "jaxsim.experiments.tunings.headlines:token_probability",
        ),
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
