"""The games of the pricing family: rates, queues and users selected, with residuals that judge them.

utilities.py   U(x, c) = Phi(x) Psi(c) by weight and decay; proportional fair, delay, (beta, alpha)-fair
custom.py      users' own utilities, checked against (6.1)
regions.py     capacity regions: sum-and-box, polytopes, curved facets
nash.py        stages 1 and 2: rates that maximize utility, by bisection, interior.py or curved.py
dual.py        queues that share a workload at the least dual cost (Newton); bisection.py for custom weights
selection.py   stage 0: the coalition of least dual cost, by enumeration or by a Lagrangian sort
problems.py    what ``jaxsim solve pricing.PROBLEM`` answers

Source: Dai (2024), Game-theoretic policy computing and simulation for blockchained buffering system via
diffusion approximation, (3.20) to (3.23), (5.1) to (5.20), (6.1), (6.2).
"""

from jaxsim.models.pricing.games.custom import custom
from jaxsim.models.pricing.games.dual import Pareto, pareto, pareto_pools
from jaxsim.models.pricing.games.nash import Nash, equilibrium
from jaxsim.models.pricing.games.regions import (
    Curved,
    Polytope,
    SumAndBox,
    as_polytope,
    curved_region,
    polytope,
    power_facets,
    sum_and_box,
)
from jaxsim.models.pricing.games.selection import Selection, select
from jaxsim.models.pricing.games.utilities import (
    Custom,
    Power,
    by_name,
    fair,
    join,
    minimal_potential_delay,
    proportional_fair,
    radially_homogeneous,
)

__all__ = [
    "Curved", "Custom", "Nash", "Pareto", "Polytope", "Power", "Selection", "SumAndBox", "as_polytope",
    "by_name", "curved_region", "custom", "equilibrium", "fair", "join", "minimal_potential_delay", "pareto",
    "pareto_pools", "polytope", "power_facets", "proportional_fair", "radially_homogeneous", "select",
    "sum_and_box",
]  # fmt: skip
