"""Tuning by gradient: what is minimized, how its gradient is estimated, how it is descended.

objectives.py   a metric of a simulated path, as a function of parameters and a key
gradient.py     what an estimator returns, and what it states about its bias
estimators.py   gradients: exact, pathwise, relaxed, common-number differences, SPSA; annealed
scores.py       the score function with its baselines; smoothed by conditional expectations
constraints.py  probabilities, positive rates, simplices and ordered menus by smooth parametrization
tune.py         the descent, its trace and what it found
"""

from jaxsim.learning.constraints import Free, Interval, Ordered, Positive, Simplex
from jaxsim.learning.estimators import SPSA, Annealed, CommonNumbers, Exact, Pathwise, Relaxed
from jaxsim.learning.gradient import Bias, Estimator, Gradient
from jaxsim.learning.objectives import path_objective
from jaxsim.learning.scores import Conditional, Score
from jaxsim.learning.tune import Tuning, tune
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
    "Simplex",
    "Tuning",
    "path_objective",
    "tune",
]
