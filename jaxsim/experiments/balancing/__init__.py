"""The figures of Tahir, Cui, Koeppl (2023) that need no neural network.

`measure` (simulation with a control variate), `figures` (3a, 5, 6, 7, 8), `variants` (10a, 10b, sizes that
no paper has, random graphs as replications).
"""

from jaxsim.experiments.balancing.figures import figure3a, figure5, figure6, figure7, figure8
from jaxsim.experiments.balancing.variants import figure10a, figure10b, large_systems, random_graphs

__all__ = [
    "figure3a",
    "figure5",
    "figure6",
    "figure7",
    "figure8",
    "figure10a",
    "figure10b",
    "large_systems",
    "random_graphs",
]
