"""A small training with a checkpoint after every update, in a process that tests may kill: folder, result."""

import math
import sys

import jax
import numpy as np

from jaxsim.engine.environment import environment
from jaxsim.learning.ppo import settings, train
from jaxsim.models.balancing import graphs, system
from jaxsim.models.balancing.views import seen_by
from jaxsim.results import checkpoint


def trained(folder):
    made, view = seen_by("mf-r", system(topology="cycle", nodes=9, delay=3), graphs.cycle(9))
    sizes, rates = settings("fast", updates=40, batch=64, length=8, passes=1, minibatches=1, widths=(4,))
    env, params = environment(made, view)
    found = train(env, params, seed=3, sizes=sizes, rates=rates, checkpoint=folder)
    arrays = jax.tree.leaves([found.curve, found.policy])
    return {f"{i}": np.asarray(x) for i, x in enumerate(arrays)}


if __name__ == "__main__":
    checkpoint.EVERY, checkpoint.SHARE = 0.0, math.inf
    found = trained(sys.argv[1])
    np.savez(sys.argv[2], **found)
