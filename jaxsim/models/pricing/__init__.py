"""A buffering system whose prices, users and rates are set by games, and its diffusion.

J users send batches of packets to queues that V pools serve in a random environment alpha(t). At every moment
a pair of users is selected (Stage 0), shares the capacity of the pools (Stages 1 and 2) and is priced by its
queues. In heavy traffic the total workload W is a reflected diffusion with regime switching, and the queues
are the cheapest way to hold it:

    W = X + Y >= 0,   Q = q*(P, W) = argmin { sum_j C_j(P_j q_j, c_j) : sum_j q_j / mu_j = W },   P = p(Q, W).

Map: `closed_form` (two users: costs, Pareto point, prices, rates); `market` (users; what policies see and
do); `reflection` (exact reflected steps, oblique reflection, completely-S); `environment` (regimes);
`gaussian` (normal variables, shocks); `coefficients` (drifts and deviations); `diffusion` (the kernel),
`policies` (what is charged and who is served); `packets` and `packet_policies` (the same before the limit),
`laws` (of times and batches); `catalogue` (policies by name); `system` (names, defaults, validation);
`paths` (the decisions of a replication); `theory` (what is known exactly); `games` (the general games);
`network` (the learned policy), `schedule` (prices that are tuned); `stages`, `ledger` (services and the
record); `problems` (for the command line).

Source: Dai (2024), "Game-theoretic policy computing and simulation for blockchained buffering system via
diffusion approximation".
"""

from jaxsim.models.pricing.market import Action, Market, Observation, Terms, Users
from jaxsim.models.pricing.policies import (
    Arbitrary,
    Constant,
    Game,
    Rules,
    StochasticPooling,
    TwoDimensional,
)
from jaxsim.models.pricing.system import system

__all__ = [
    "Action",
    "Arbitrary",
    "Constant",
    "Game",
    "Market",
    "Observation",
    "Rules",
    "StochasticPooling",
    "Terms",
    "TwoDimensional",
    "Users",
    "system",
]
