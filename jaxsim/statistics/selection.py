"""Which of k systems is best: simultaneous intervals, and all pairs under control of the family-wise error.

Systems are simulated under common random numbers, so differences are paired by replication and k - 1 (or all)
of them are dependent in an unknown way; Bonferroni's bound needs to know nothing of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxsim.core.validation import choice, require
from jaxsim.statistics.intervals import Estimate, paired_interval, student_t, t_tail

Sides = tuple[np.ndarray, np.ndarray]
"""Numerators and denominators of a metric, one per replication."""


@dataclass(frozen=True)
class Ranking:
    """What can be said of the best of k systems with probability ``level``, all statements together.

    intervals: by name, (low, high) of its mean minus the best mean of the others; ``better`` says whether a
        larger or a smaller mean is better. The low end is at most 0 and the high end at least 0.
    best: the one system that is best, None if several may be. candidates: those that may be.
    """

    better: str
    level: float
    intervals: dict[str, tuple[float, float]]
    candidates: tuple[str, ...]

    @property
    def best(self) -> str | None:
        """Return the system that is best, if that is known."""
        return self.candidates[0] if len(self.candidates) == 1 else None


def with_the_best(systems: Mapping[str, Sides], better: str, level: float = 0.95) -> Ranking:
    """Compare each system with the best of the others (multiple comparisons with the best).

    With larger means better, Y_ij the paired difference of systems i and j, and w_ij the one-sided half-width
    t_{n-1; 1 - a/(k-1)} s_ij / sqrt(n),

        m_i = min_{j != i} (Y_ij + w_ij),   high_i = max(0, m_i),   G = {i: m_i >= 0},
        low_i  = 0 if G = {i}, else min(0, min_{j in G, j != i} (Y_ij - w_ij)).

    All intervals hold together with probability 1 - a: they do wherever the k - 1 one-sided bounds of the
    truly best system hold.

    Args:
        systems: name -> (numerators, denominators) of the metric, paired by replication.
        better: ``higher`` or ``lower``.

    Raises:
        InvalidInput: for fewer than two systems or two replications, or if their numbers differ.

    Source: Hsu (1984), "Constrained simultaneous confidence intervals for multiple comparisons with the
    best"; Nelson and Matejcik (1995), "Using common random numbers for indifference-zone selection and
    multiple comparisons in simulation", with Bonferroni's bound in the place of their sphericity.
    """
    names, sign = list(systems), 1.0 if choice("better", better, ("higher", "lower")) == "higher" else -1.0
    require(len(names) > 1, "systems", names, "leave nothing to compare", "give two or more")
    one_sided = 1 - 2 * (1 - level) / (len(names) - 1)
    require(one_sided > 0, "level", level, "is too low", "give a level above 0.5")
    pairs = {
        (i, j): paired_interval(systems[i], systems[j], one_sided)
        for i, j in itertools.permutations(names, 2)
    }
    gap = {key: sign * e.mean for key, e in pairs.items()}
    reach = {key: gap[key] + e.half_width for key, e in pairs.items()}
    most = {i: min(reach[i, j] for j in names if j != i) for i in names}
    # Systems that are equal in every replication both stay candidates, hence >=; NaN says nothing.
    candidates = tuple(i for i in names if not most[i] < 0)
    low = {
        i: 0.0
        if candidates == (i,)
        else min(0.0, *(gap[i, j] - pairs[i, j].half_width for j in candidates if j != i))
        for i in names
    }
    high = {i: max(0.0, most[i]) for i in names}
    ends = {i: (low[i], high[i]) if sign > 0 else (-high[i], -low[i]) for i in names}
    return Ranking(better, level, ends, candidates)


def all_pairs(
    systems: Mapping[str, Sides], level: float = 0.95
) -> dict[tuple[str, str], tuple[Estimate, float]]:
    """Compare all pairs: simultaneous intervals, and p-values adjusted by Holm's step-down rule.

    The intervals have level 1 - a / m each, m = k (k - 1) / 2 (Bonferroni): all hold together with
    probability 1 - a. Declaring different those pairs whose adjusted p-value is at most a makes any false
    declaration with probability a at most, and finds more than the intervals do.

    Returns:
        (i, j) -> (estimate of mean_i - mean_j, adjusted p-value), for i before j.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    keys = list(itertools.combinations(systems, 2))
    require(bool(keys), "systems", list(systems), "leave nothing to compare", "give two or more")
    each = {(i, j): paired_interval(systems[i], systems[j], 1 - (1 - level) / len(keys)) for i, j in keys}
    chance = {key: _p_value(e) for key, e in each.items()}
    adjusted, largest = {}, 0.0
    for rank, key in enumerate(sorted(keys, key=lambda k: chance[k])):
        largest = max(largest, min(1.0, (len(keys) - rank) * chance[key]))
        adjusted[key] = largest
    return {key: (each[key], adjusted[key]) for key in keys}


def _p_value(e: Estimate) -> float:
    """Return P(|T| > |mean| / standard error) if the true mean is 0."""
    error = e.half_width / student_t(e.level, e.replications - 1) if e.replications > 1 else np.inf
    if not np.isfinite(e.mean) or error == np.inf:
        return 1.0
    if error == 0:
        return 0.0 if e.mean else 1.0
    return t_tail(abs(e.mean) / error, e.replications - 1)
