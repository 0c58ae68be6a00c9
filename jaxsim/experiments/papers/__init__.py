"""Every figure, table, worked example and numerical claim of the five papers, in the papers' order.

One file per paper. An item names the experiments that show it again, or says why there is nothing to
reproduce; none is left out.
"""

from jaxsim.experiments.papers.actors import PAPER as _ACTORS
from jaxsim.experiments.papers.allocation import PAPER as _ALLOCATION
from jaxsim.experiments.papers.balancing import PAPER as _BALANCING
from jaxsim.experiments.papers.pooling import PAPER as _POOLING
from jaxsim.experiments.papers.pricing import PAPER as _PRICING

PAPERS = (_POOLING, _PRICING, _ALLOCATION, _BALANCING, _ACTORS)

__all__ = ["PAPERS"]
