"""Proximal policy optimization of any environment.

estimators.py  returns and advantages
networks.py    tanh networks, a recurrent one, the laws of actions
agent.py       policy and critic of a view
losses.py      clipped surrogate, clipped value loss, adaptive divergence
settings.py    sizes and rates; the settings ``paper`` and ``fast``
loop.py        batch, update, `train`
"""

from jaxsim.learning.ppo.agent import Agent
from jaxsim.learning.ppo.loop import Trainer, Training, begin, train, trainer, update
from jaxsim.learning.ppo.settings import Rates, Sizes, settings

__all__ = [
    "Agent",
    "Rates",
    "Sizes",
    "Trainer",
    "Training",
    "begin",
    "settings",
    "train",
    "trainer",
    "update",
]
