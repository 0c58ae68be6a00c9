"""Exponential jobs on machines of different speeds: Weiss, Pinedo (1980).

Job j runs on machine i at rate (job rate j) x (speed i), preemption is free, one machine per job. The fastest
job on the fastest machine minimizes the expected flow time, the slowest job on the fastest machine the
expected makespan: Corollary 3.2 of Ahn, Righter (2005), the machines being the actors and the jobs the
actions.
"""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real
from jaxsim.core.validation import choice, positive, require
from jaxsim.models.actors.model import Model, formulate

OBJECTIVES = ("flowtime", "makespan")


def scheduling(
    *, job_rates: Real = (1.0, 2.0, 3.0, 4.0, 5.0), speeds: Real = (1.0, 0.6, 0.3),
    objective: str = "flowtime",
) -> Model:  # fmt: skip
    """The jobs as a model whose state is the set of those left (bit j for job j); it starts with all."""
    choice("objective", objective, OBJECTIVES)
    rates = positive("job_rates", job_rates)
    jobs = len(rates)
    require(jobs <= 16, "job_rates", jobs, "jobs are too many", "give at most 16")
    state = np.arange(2**jobs)
    left = state[:, None] >> np.arange(jobs) & 1
    costs = left.sum(1) if objective == "flowtime" else (state > 0).astype(float)
    return formulate(
        speeds=positive("speeds", speeds), rates=rates, caps=left, costs=costs, initial=2**jobs - 1,
        targets=(state[:, None] - (left << np.arange(jobs)))[:, :, None],
    )  # fmt: skip


def sorted_assignment(job_rates: Real, speeds: Real, *, fastest_first: bool) -> np.ndarray:
    """The list policy ``[states, machines]``: the fastest machine gets the fastest (or slowest) job left,
    etc.
    """
    jobs, machines = len(job_rates), len(speeds)
    order = np.argsort(job_rates, kind="stable")
    order = order[::-1] if fastest_first else order
    table = np.full((2**jobs, machines), -1)
    quickest = np.argsort(-np.asarray(speeds), kind="stable")
    for s in range(2**jobs):
        waiting = [j for j in order if s >> j & 1]
        for machine, job in zip(quickest, waiting, strict=False):
            table[s, machine] = job
    return table
