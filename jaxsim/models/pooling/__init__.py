"""Resource pooling with tokens: N servers that help each other through a shared pool.

Server i has a queue of its own (Q_i jobs, arriving at rate lambda_i), a stream of units of capacity (rate
mu_i) and an account of S_i tokens, 0 <= S_i <= C. It may send an arriving job to the shared pool for one
token; it may use a unit of capacity for its own queue or offer it to the pool, where the oldest job is served
if there is one; an offer earns a token with probability phi either way. Holding a job, in a queue or in the
pool, costs 1 per unit of time; serving one costs c. Arrivals and units of capacity are Poisson. Decisions are
made at events only, and a request concerns the arriving job, which loses nothing in the mean-field problem
(Lemma 3.1).

    spec.py      Spec, Params, State; what a server sees and does; words that pack a server's state
    events.py    the merged Poisson clock: which server, job or capacity
    kernel.py    one event
    ring.py      the pool as a FIFO queue of owners and times
    score.py     the log-probability of an event's choices, for gradients by the score function
    relaxed.py   the same event with gates in the place of comparisons, for gradients along paths
    metrics.py   what is measured
    policies.py  thresholds, tables, one deviating server
    system.py    names, defaults, validation
    stationary.py  the start from the exact law of the servers, for equilibrium policies
    problems.py  what `jaxsim solve` computes
    theory/      what is known exactly: fluid (closed forms), equilibrium (fixed points), chain (a server
                 under a cap), joint (few servers and their pool), server_one and program (section 6.3),
                 deviation, tuning, transient (first events of a server), unequal, tuning_unequal

Source: Chen, Chen, Qian (2023), "Incentivizing Resource Pooling".
"""

from jaxsim.models.pooling.policies import OneDeviates, Table, Threshold, Watchful
from jaxsim.models.pooling.spec import IDLE, OFFER, SERVE, Action, Observation, Params, Spec, State
from jaxsim.models.pooling.system import system

__all__ = [
    "IDLE",
    "OFFER",
    "SERVE",
    "Action",
    "Observation",
    "OneDeviates",
    "Params",
    "Spec",
    "State",
    "Table",
    "Threshold",
    "Watchful",
    "system",
]
