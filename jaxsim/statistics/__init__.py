"""Numbers people can trust: accumulators, intervals, warm-up detection, paired comparison.

accumulators.py  totals, moments, histograms: ``init, update, merge, finalize``
controls.py      intervals made shorter by numbers whose means are known
quantiles.py     quantiles of a histogram with intervals
intervals.py     Student t intervals for means, ratios and batch means; the Estimate
sequential.py    targets of precision, and how many replications they take
selection.py     which of several systems is best, with control of the error
warmup.py        where the initial transient ends (MSER-5)
"""

from jaxsim.statistics.accumulators import Histogram, Moments, Totals
from jaxsim.statistics.controls import controlled_interval
from jaxsim.statistics.intervals import (
    Estimate,
    batch_means,
    mean_interval,
    paired_interval,
    ratio_interval,
    student_t,
)
from jaxsim.statistics.quantiles import quantile_interval
from jaxsim.statistics.selection import Ranking, all_pairs, with_the_best
from jaxsim.statistics.sequential import FIRST_STAGE, Target, next_stage, target, targets
from jaxsim.statistics.warmup import mser5

__all__ = [
    "FIRST_STAGE",
    "Estimate",
    "Histogram",
    "Moments",
    "Ranking",
    "Target",
    "Totals",
    "all_pairs",
    "batch_means",
    "controlled_interval",
    "mean_interval",
    "mser5",
    "next_stage",
    "paired_interval",
    "quantile_interval",
    "ratio_interval",
    "student_t",
    "target",
    "targets",
    "with_the_best",
]
