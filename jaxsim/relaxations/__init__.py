"""What to put in the place of a jump so that gradients pass, each with its stated bias.

gates.py       indicators: hard, soft, straight-through
gumbel.py      categorical choices: hard, Gumbel-softmax, straight-through
relaxation.py  both for a whole path, under one temperature
score.py       no relaxation at all: the score function, unbiased, with baselines
cones.py       what a choice at a node of a graph can reach
implicit.py    stationary laws, fixed points and optima, differentiated through their equations
"""

from jaxsim.relaxations.cones import balls, cone, cone_excess
from jaxsim.relaxations.gates import Gate, Kind
from jaxsim.relaxations.gumbel import Choice, gumbel
from jaxsim.relaxations.implicit import fixed_point, optimum, root, stationary_law
from jaxsim.relaxations.relaxation import Relaxation
from jaxsim.relaxations.score import Sample, leave_one_out, leave_one_out_line, with_score

__all__ = [
    "Choice",
    "Gate",
    "Kind",
    "Relaxation",
    "Sample",
    "balls",
    "cone",
    "cone_excess",
    "fixed_point",
    "gumbel",
    "leave_one_out",
    "leave_one_out_line",
    "optimum",
    "root",
    "stationary_law",
    "with_score",
]
