"""Runs any kernel: one replication (`rollout`) or thousands (`simulate`); knows no family.

path.py      the loop over steps of one replication: draws, steps, totals
rollout.py   one replication, pure, differentiable
batch.py     many replications: lanes under vmap, chunks in a loop, devices side by side
plan.py      how many lanes, chunks and segments: from memory, caches and the horizon
simulate.py  the public verb: segments, warm-up, precision, intervals, progress, status
"""

from jaxsim.engine.path import Every, FinalState
from jaxsim.engine.rollout import rollout
from jaxsim.engine.simulate import Progress, simulate

__all__ = ["Every", "FinalState", "Progress", "rollout", "simulate"]
