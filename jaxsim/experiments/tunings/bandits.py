"""Bandits: the weights of a softmax priority rule by state, from random ones; the index rule is the
optimum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.validation import integer, probability, scalar
from jaxsim.experiments.gradients.cases.bandits import MOVES, REWARDS
from jaxsim.experiments.tunings.tunable import Known, Tunable, random_starts
from jaxsim.learning import Annealed, CommonNumbers, Interval, Relaxed, Score, default_optimizer
from jaxsim.learning.objectives import Objective
from jaxsim.models.bandits.objective import softmax_objective
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.joint import joint_value

WIDEST = 6.0
"""Weights stay within this of 0: a rule that errs in one choice of e^12 is a strict priority."""


def weights(
    *,
    arms: Any = 3,
    discount: Any = 0.8,
    slots: Any = 40,
    replications: Any = 256,
    start_seed: Any = (0, 1, 2),
) -> Tunable:
    """Return minus the discounted reward of equal arms and one pipe as a function of the states' weights.

    Args:
        arms: N.
        discount: beta.
        slots: of a path.
        replications: paths of one gradient.
        start_seed: of random weights; several are tuned together.
    """
    count, horizon = integer("arms", arms, low=2, high=8), integer("slots", slots, low=1)
    beta, paths = scalar("discount", discount, probability), integer("replications", replications, low=2)
    seeds = [integer("start_seed", s, low=0) for s in np.atleast_1d(np.asarray(start_seed)).tolist()]
    start = tuple(n % len(REWARDS) for n in range(count))
    objective = softmax_objective(REWARDS, MOVES, discount=beta, start=start, slots=horizon)

    def make(case: Any) -> Objective:
        del case
        return objective

    best = -joint_value([(REWARDS, MOVES)] * count, beta, start)
    ranks = np.round(gittins_index(REWARDS, MOVES, beta), 4).tolist()
    known = Known(best, None, f"index rule {ranks}, for ever")
    return Tunable(
        title=f"minus the discounted reward of {count} arms in {horizon} slots",
        labels=tuple(f"weight_{s}" for s in range(len(REWARDS))),
        make=make,
        cases=np.zeros(len(seeds)),
        names=tuple(f"start {s}" for s in seeds),
        starts=np.concatenate([random_starts(s, 1, len(REWARDS), -1.0, 1.0) for s in seeds]),
        gradients={
            "score": Score(paths),
            "common": CommonNumbers(0.3, paths),
            # biased while it is warm: the schedule ends where the bias is small
            "gumbel": Annealed(Relaxed(1.0, "soft", paths), 1.0, 0.1, 100.0),
        },
        constraint=Interval(-WIDEST, WIDEST),
        optimizer=lambda steps: default_optimizer(steps, 0.2),
        steps=150,
        judges=4096,
        unit="reward",
        known=[known] * len(seeds),
    )
