"""A team of servers: who should work where?

    python scripts/tutorials/team.py [FOLDER]

Two flexible servers run a line of two stations, of which the first is dearer to wait in. Dynamic programming
gives the best assignment in every state; rules of thumb are compared with it on the same random events.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import jaxsim
from jaxsim.plots import panels_figure
from jaxsim.results import Curve, HeatMap, Panel, compare

SIZE = 20  # queues are cut off here
LINE = {"arrival": 0.6, "service": [1.0, 1.0], "holding": [1.5, 1.0], "size": SIZE}
POLICIES = ("optimal", "c_mu", "random")
CHOICES = ("both at 1", "one at each", "both at 2", "fewer than two work")


def chosen(assignment: np.ndarray) -> np.ndarray:
    """Return the choice in each state from the stations of both servers (0, 1, or 2 for idle)."""
    at_first, at_second = (np.sum(assignment == station, axis=1) for station in (0, 1))
    cases = [at_first == 2, (at_first == 1) & (at_second == 1), at_second == 2]
    return np.select(cases, [0, 1, 2], default=3)


def main(folder: Path) -> Path:
    """Write the figure into the folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    system = jaxsim.system("actors", application="tandem", options=LINE)
    results = {}
    for name in POLICIES:
        keys = {"holding": LINE["holding"]} if name == "c_mu" else {}
        policy = jaxsim.policy(name, system, **keys)
        results[name] = jaxsim.simulate(
            system.kernel, policy, system.params, replications=200, horizon=500.0, seed=1
        )
        print(f"{name:8} cost per unit of time {results[name]['cost_rate']}")
    for name in POLICIES[1:]:
        print(f"{name} minus optimal, paired: {compare(results[name], results['optimal'], 'cost_rate')}")

    # States are numbered row by row: jobs at station 1, then jobs at station 2.
    best = np.asarray(jaxsim.policy("optimal", system).assignment)
    table = chosen(best).reshape(SIZE + 1, SIZE + 1)[:13, :13]
    axis = tuple(float(jobs) for jobs in range(13))
    policy_map = HeatMap(
        "The best assignment", "jobs at station 1", "jobs at station 2", "servers", axis, axis,
        tuple(map(tuple, table.T.astype(float))), CHOICES,
    )  # fmt: skip
    costs = [results[name]["cost_rate"] for name in POLICIES]
    means, widths = (tuple(getattr(e, k) for e in costs) for k in ("mean", "half_width"))
    bars = Curve("", tuple(float(i) for i in range(len(POLICIES))), means, widths, "points")
    cost = Panel("What it is worth", "policy", "cost per unit of time", (bars,), x_names=POLICIES)
    figure = panels_figure((policy_map, cost))
    figure.savefig(path := folder / "team.png")
    return path


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/tutorials")))
