"""The command line with a checkpoint after every call of few steps, in a process that tests may kill."""

import math
import sys

from jaxsim.engine import plan
from jaxsim.results import checkpoint

checkpoint.EVERY, checkpoint.SHARE = 0.0, math.inf
plan.LONGEST_CALL = plan.SHORTEST_CALL = int(sys.argv.pop(1))

if __name__ == "__main__":
    from jaxsim.cli import main

    main()
