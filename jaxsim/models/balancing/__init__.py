"""Finite queues on a sparse graph that schedulers see with delay: where should packets go?

N schedulers, each with a queue of B places and a server of rate mu, sit on the nodes of a graph of bounded
degree. Packets reach every scheduler at rate lambda(regime). At the start of an epoch of length ``delay`` a
scheduler sees the queues of its closed neighbourhood and says where its packets of the epoch go: to its own
queue or to neighbours. During the epoch queue j is therefore M/M/1/B with the frozen arrival rate

    lambda_j = lambda(regime) * (share kept by j + sum over neighbours i of the share that i sends to j),

packets that meet a full queue are lost, and after it the regime moves by a Markov chain. The last state and
the drops of every queue are sampled exactly; there is no time step smaller than the epoch.

Assumptions: Poisson arrivals, exponential services, regimes that change between epochs only, allocation
frozen during an epoch, each packet lost at a full queue gone for good.

Map: `graphs` and `graph_files` (topologies); `model` (Spec, Params, State); `pairing` (random graphs as
replications); `exchange` (what flows between neighbours); `actions` (what schedulers see and can do),
`policies`, `comparing` and `rules` (what they do); `tables` (from actions to arrival rates); `epoch` (the
law of an epoch); `context` (its tables); `kernel` (one epoch of all queues); `control` (a control variate);
`gillespie` (the same event by event, for validation); `system` (names, defaults, validation); `theory` (what
is known exactly), `fresh` (JSQ without delay); `meanfield` (laws of a node on the cycle); `search` and
`learned` (the best tables); `problems` (for the command line).

Source: Tahir, Cui, Koeppl (2023), "Sparse mean field load balancing in large localized queueing systems".
"""

from jaxsim.models.balancing.actions import Fixed, Observation, Offload, OwnState, Slots
from jaxsim.models.balancing.comparing import SED, PowerOfD
from jaxsim.models.balancing.model import Params, Spec, State
from jaxsim.models.balancing.policies import JSQ, Own, Random, Table
from jaxsim.models.balancing.rules import Rule
from jaxsim.models.balancing.system import assemble, system

__all__ = [
    "JSQ",
    "SED",
    "Fixed",
    "Observation",
    "Offload",
    "Own",
    "OwnState",
    "Params",
    "PowerOfD",
    "Random",
    "Rule",
    "Slots",
    "Spec",
    "State",
    "Table",
    "assemble",
    "system",
]
