"""The family's problems by name: worked examples with keyword arguments, for ``jaxsim solve
mechanisms.NAME``.

`programs` (chapters 2, 3 and 5), `electricity` (chapter 4), `answers` (what they share).
"""

from jaxsim.models.mechanisms.problems.electricity import (
    brown_johnson,
    compare,
    forecast,
    priority,
    spot,
)
from jaxsim.models.mechanisms.problems.programs import (
    dimensions,
    exchange,
    lp,
    matching,
    nonseparable,
    price,
    walras,
)

__all__ = [
    "brown_johnson", "compare", "dimensions", "exchange", "forecast", "lp", "matching", "nonseparable",
    "price", "priority", "spot", "walras",
]  # fmt: skip
