"""What to put in the place of a jump so that gradients pass, each with its stated bias.

gates.py    indicators: hard, soft, straight-through
gumbel.py   categorical choices: hard, Gumbel-softmax, straight-through
score.py    no relaxation at all: the score function, unbiased, with baselines
"""

from jaxsim.relaxations.gates import Gate
from jaxsim.relaxations.gumbel import Choice, gumbel
from jaxsim.relaxations.score import leave_one_out, with_score

__all__ = ["Choice", "Gate", "gumbel", "leave_one_out", "with_score"]
