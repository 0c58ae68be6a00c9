"""Numbers people can trust: accumulators, intervals, warm-up detection, paired comparison.

accumulators.py  totals, moments, histograms: ``init, update, merge, finalize``
intervals.py     Student t intervals for means, ratios and batch means; the Estimate
sequential.py    targets of precision, and how many replications they take
warmup.py        where the initial transient ends (MSER-5)
"""

from jaxsim.statistics.accumulators import Histogram, Moments, Totals
from jaxsim.statistics.intervals import (
    Estimate,
    batch_means,
    mean_interval,
    paired_interval,
    ratio_interval,
    student_t,
)
from jaxsim.statistics.sequential import FIRST_STAGE, Target, next_stage, target, targets
from jaxsim.statistics.warmup import mser5

__all__ = [
    "FIRST_STAGE",
    "Estimate",
    "Histogram",
    "Moments",
    "Target",
    "Totals",
    "batch_means",
    "mean_interval",
    "mser5",
    "next_stage",
    "paired_interval",
    "ratio_interval",
    "student_t",
    "target",
    "targets",
]
