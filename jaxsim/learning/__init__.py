"""Learning: tuning by gradient (what is minimized, how its gradient is estimated, how it is descended), and
policies by reinforcement learning.

objectives.py   a metric of a simulated path, as a function of parameters and a key
gradient.py     what an estimator returns, and what it states about its bias
estimators.py   gradients: exact, pathwise, relaxed, common-number differences, SPSA; annealed
scores.py       the score function with its baselines; smoothed by conditional expectations
constraints.py  probabilities, positive rates, simplices and ordered menus by smooth parametrization
tune.py         the verbs: one descent, or many at once
descend.py      their compiled parts; descent.py: a descent under way, its trace and checkpoints
verdict.py      what is said of the answer; shortfall.py: how far from the optimum it can be
record.py       a tuning as a Result
ppo/            proximal policy optimization of any environment, inside one compiled loop
sac/            scalable actor-critic: tables for every agent of a network
saved.py        trained policies as files
"""

from jaxsim.learning.constraints import Free, Interval, Ordered, Positive, Simplex
from jaxsim.learning.estimators import SPSA, Annealed, CommonNumbers, Exact, Pathwise, Relaxed
from jaxsim.learning.gradient import Bias, Estimator, Gradient
from jaxsim.learning.objectives import path_objective
from jaxsim.learning.record import recorded
from jaxsim.learning.scores import Conditional, Score
from jaxsim.learning.shortfall import Shortfall
from jaxsim.learning.tune import default_optimizer, tune, tune_many
from jaxsim.learning.verdict import Tuning
from jaxsim.relaxations import Relaxation, Sample

__all__ = [
    "SPSA",
    "Annealed",
    "Bias",
    "CommonNumbers",
    "Conditional",
    "Estimator",
    "Exact",
    "Free",
    "Gradient",
    "Interval",
    "Ordered",
    "Pathwise",
    "Positive",
    "Relaxation",
    "Relaxed",
    "Sample",
    "Score",
    "Shortfall",
    "Simplex",
    "Tuning",
    "default_optimizer",
    "path_objective",
    "recorded",
    "tune",
    "tune_many",
]
