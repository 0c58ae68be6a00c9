"""Is one policy stochastically better than another? A one-sided Monte Carlo test on common random numbers.

Policy f is stochastically better than g where V_t^f >=_st V_t^g, that is F_f(x) <= F_g(x) for the
distribution functions at every x (section 3.1). From n pairs of samples,

    D = max_x [F_f(x) - F_g(x)]   (empirical)   is the evidence against f >=_st g.

Two error bounds are given:

- ``guaranteed``: 2 exp(-n D^2 / 2) bounds the probability of such a D if f >=_st g, for every n and
whatever the
  dependence in a pair: D is at most the sum of two one-sided empirical deviations, each beyond D/2 with
  probability at most exp(-n D^2 / 2) (Dvoretzky, Kiefer, Wolfowitz; Massart 1990; a union bound).
- ``p_value``: a bootstrap over pairs of the centred process max_x [(F_f - F_g)* - (F_f - F_g)]; it uses the
dependence that
  common random numbers create, so it is far sharper, and holds asymptotically (the least favourable case is
  equality; Barrett and Donald 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.core.validation import integer, numbers, require
from jaxsim.models.actors.model import Model
from jaxsim.models.actors.paths import benefits

GRID = 256
"""Points at which distribution functions are compared: quantiles of the pooled sample, a subset of all x."""


@dataclass(frozen=True)
class Dominance:
    """Evidence against "the first is stochastically at least as large as the second".

    statistic: D · p_value, guaranteed: see the module · difference: mean of first minus second, and its
    standard error over pairs · replications: n.
    """

    statistic: float
    p_value: float
    guaranteed: float
    difference: float
    standard_error: float
    replications: int

    def refuted(self, level: float = 0.01) -> bool:
        """Whether dominance is refuted at this (asymptotic) probability of error."""
        return self.p_value <= level


def compare_samples(first: Any, second: Any, *, resamples: Whole = 400, seed: Whole = 0) -> Dominance:
    """Test first >=_st second from paired samples ``[n]`` each."""
    x, y = numbers("first", first), numbers("second", second)
    require(
        x.ndim == 1 and x.shape == y.shape, "second", y.shape, "is not paired with first", f"give {x.shape}"
    )
    require(len(x) >= 20, "first", len(x), "samples are too few", "give at least 20 pairs")
    count, n = integer("resamples", resamples, low=20), len(x)
    points = np.unique(np.quantile(np.concatenate([x, y]), np.linspace(0, 1, GRID), method="lower"))
    ahead = (x[:, None] <= points).astype(np.float64) - (y[:, None] <= points)
    process = ahead.mean(0)
    statistic = float(max(process.max(), 0.0))
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=count) / n
    null = np.max(weights @ ahead - process, axis=1)
    p_value = (1 + int(np.sum(null >= statistic))) / (1 + count)
    gap = x - y
    return Dominance(
        statistic, p_value, min(1.0, 2 * float(np.exp(-n * statistic**2 / 2))), float(gap.mean()),
        float(gap.std(ddof=1) / np.sqrt(n)), n,
    )  # fmt: skip


def dominates(
    model: Model, first: Any, second: Any, *, epochs: Whole, replications: Whole = 2000, seed: Whole = 0
) -> Dominance:
    """Test V_t^first >=_st V_t^second over ``epochs`` epochs from the initial state, on common random
    numbers.
    """
    runs = {"epochs": epochs, "replications": replications, "seed": seed}
    return compare_samples(benefits(model, first, **runs), benefits(model, second, **runs), seed=seed)
