"""Tuning by gradient: what is minimized, how its gradient is estimated, how it is descended.

objectives.py   a metric of a simulated path, as a function of parameters and a key
estimators.py   gradients: pathwise, score function, common-number differences, SPSA; exact
constraints.py  probabilities, positive rates, simplices and ordered menus by smooth parametrization
tune.py         the descent, its trace and what it found
"""

from jaxsim.learning.constraints import Free, Interval, Ordered, Positive, Simplex
from jaxsim.learning.estimators import SPSA, CommonNumbers, Exact, Gradient, Pathwise, Score
from jaxsim.learning.objectives import Sample, path_objective
from jaxsim.learning.tune import Tuning, tune

__all__ = [
    "SPSA",
    "CommonNumbers",
    "Exact",
    "Free",
    "Gradient",
    "Interval",
    "Ordered",
    "Pathwise",
    "Positive",
    "Sample",
    "Score",
    "Simplex",
    "Tuning",
    "path_objective",
    "tune",
]
