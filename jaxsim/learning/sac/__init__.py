"""Scalable actor-critic: a table of its own for every agent of a network.

codes.py  numbers of what an agent's neighbourhood is in and does
loop.py   rollouts, truncated critics, actors, `train`
"""

from jaxsim.learning.sac.loop import SAC, Learned, train

__all__ = ["SAC", "Learned", "train"]
