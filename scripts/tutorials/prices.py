"""Pricing under uncertainty: do prices that follow the queues cost less than fixed ones?

    python scripts/tutorials/prices.py [FOLDER]

Two users share a buffering system whose workload is a reflected diffusion. Policies are compared on the very
same noise, so that small differences show; the mean workload is known exactly at every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import jaxsim
from jaxsim.models.pricing.problems import transient
from jaxsim.plots import panels_figure
from jaxsim.results import Curve, Panel
from jaxsim.statistics import mean_interval

POLICIES = ("game", "arbitrary")
RUN = {"replications": 400, "horizon": 100.0, "seed": 1}


def main(folder: Path) -> Path:
    """Write the figure into the folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    system = jaxsim.system("pricing", time_step=0.2, reference="constant")
    every = jaxsim.Every(20)  # means over 20 steps, that is over 4 units of time, path by path
    results = {
        name: jaxsim.simulate(system.kernel, jaxsim.policy(name, system), system.params, record=every, **RUN)
        for name in POLICIES
    }
    curves = []
    for name, result in results.items():
        print(f"{name:10} mean cost minus that of constant prices: {result['cost_difference']}")
        curves.append(band(name, result.arrays["cost_difference"]))
    cost = Panel("Cost against constant prices, same noise", "time", "difference of costs", tuple(curves))

    workload = results["game"].arrays["workload"]
    simulated = band("simulated", workload)
    exact = transient(times=simulated.x)["mean"]
    theory = Curve("exact", simulated.x, tuple(exact))
    figure = panels_figure((cost, Panel("Workload from empty", "time", "workload", (simulated, theory))))
    figure.savefig(path := folder / "prices.png")
    return path


def band(label: str, paths: np.ndarray) -> Curve:
    """Return the mean over replications (rows), slice by slice, with a band of 95 % intervals."""
    paths = paths[:, : paths.shape[1] - paths.shape[1] % 25]
    middles = (np.arange(paths.shape[1]) + 0.5) * 4.0
    estimates = [mean_interval(column) for column in paths.T]
    means, widths = (tuple(getattr(e, k) for e in estimates) for k in ("mean", "half_width"))
    return Curve(label, tuple(middles), means, widths, "band")


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/tutorials")))
