"""Runs any kernel: one replication (`rollout`) or thousands (`simulate`); knows no family.

path.py      the loop over steps of one replication: draws, steps, totals
rollout.py   one replication, pure, differentiable
fused.py     a block of steps inside one Pallas kernel, for GPUs
batch.py     many replications: lanes under vmap, chunks in a loop, devices side by side
nodes.py     nodes of one replication over the devices: exchange at the borders of parts
program.py   what runs on the devices, with all that is constant
plan.py      how many lanes, chunks and segments: from memory, caches and the horizon
checks.py    refuses NaN and infinity before they can turn into results
memory.py    how much there is, and less of it when an allocation fails
hosts.py     several processes that share the replications
counting.py  a kernel that also counts a metric in bins
run.py       a simulation under way: schedule, batches, progress, checkpoints
gathered.py  what its batches have delivered
estimates.py from totals to estimates; how many replications a precision needs
scale.py     what a graph of queues costs on a machine (SCALE.md: a billion queues)
describe.py  systems as plain JSON values
simulate.py  the public verb: warm-up, precision, intervals, status
"""

from jaxsim.engine.path import Every, FinalState
from jaxsim.engine.rollout import rollout
from jaxsim.engine.run import Progress
from jaxsim.engine.simulate import simulate

__all__ = ["Every", "FinalState", "Progress", "rollout", "simulate"]
