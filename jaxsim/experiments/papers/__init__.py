"""Every figure, table, worked example and numerical claim of the five papers, in the papers' order.

One file per paper. An item names the experiments that show it again, or says why there is nothing to
reproduce; none is left out.
"""

from jaxsim.experiments.papers.actors import PAPER as _ACTORS
from jaxsim.experiments.papers.allocation import PAPER as _ALLOCATION
from jaxsim.experiments.papers.balancing import PAPER as _BALANCING
from jaxsim.experiments.papers.pooling import PAPER as _POOLING
from jaxsim.experiments.papers.pricing import PAPER as _PRICING
from jaxsim.experiments.registry import families
from jaxsim.results import Item, Paper

PAPERS = (_POOLING, _PRICING, _ALLOCATION, _BALANCING, _ACTORS)

__all__ = ["PAPERS", "beyond"]


def beyond() -> Paper:
    """Return the experiments that no item of the papers names, as a last list."""
    named = {name for paper in PAPERS for item in paper.items for name in item.experiments}
    others = {
        f"{family.name}.{name}": entry.summary
        for family in families().values()
        for name, entry in family.experiments.items()
    }
    items = (Item(name, what, (name,)) for name, what in others.items() if name not in named)
    return Paper("Beyond the papers", tuple(items))
