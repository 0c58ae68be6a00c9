"""Chapters 5 and 6 of Ishikida (1992): every figure, worked example and counter-example, with what comes out.

`sequences` (figures 6.1 and 6.2, section 6.2.1), `deadlines` (6.2.2, 6.2.3, 6.3.2, 6.3.3), `auctions` (5.2,
5.4), `values` (6.3.1), `capacity` (6.2.4), `domination` (6.4), `acquiring` (6.5), and `regret`, the problem
that simulates what the index rule loses.
"""

from jaxsim.experiments.bandits.acquiring import arrivals
from jaxsim.experiments.bandits.auctions import auction
from jaxsim.experiments.bandits.capacity import multiplier
from jaxsim.experiments.bandits.deadlines import bounds, counterexamples
from jaxsim.experiments.bandits.domination import superprocess
from jaxsim.experiments.bandits.regret import deadline
from jaxsim.experiments.bandits.sequences import envelopes
from jaxsim.experiments.bandits.values import optimality

__all__ = [
    "arrivals",
    "auction",
    "bounds",
    "counterexamples",
    "deadline",
    "envelopes",
    "multiplier",
    "optimality",
    "superprocess",
]
