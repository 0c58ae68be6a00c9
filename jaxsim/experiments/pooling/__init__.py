"""The figures and theorems of Chen, Chen, Qian (2023), "Incentivizing Resource Pooling".

equilibrium.py   figures 1a, 1b, Theorem 5.2
convergence.py   Lemma 6.1, Propositions 4.4 and 6.3, Theorems 7.1 and 7.2
incentives.py    figure 2, deviations in the finite system
tuning.py        gradients in phi, the best phi at finite N and C, unequal servers
grid.py          the finite system against exact laws over a grid
"""

from jaxsim.experiments.pooling.convergence import lemma_6_1, pool_waits, unequal_servers
from jaxsim.experiments.pooling.equilibrium import figure_1, theorem_5_2
from jaxsim.experiments.pooling.grid import grid
from jaxsim.experiments.pooling.incentives import deviations, figure_2
from jaxsim.experiments.pooling.tuning import best_phi, gradients, tune_unequal

__all__ = [
    "best_phi",
    "deviations",
    "figure_1",
    "figure_2",
    "gradients",
    "grid",
    "lemma_6_1",
    "pool_waits",
    "theorem_5_2",
    "tune_unequal",
    "unequal_servers",
]
