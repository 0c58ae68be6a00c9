"""Tuning by gradient and by PPO: one number with a known optimum, and a policy with none.

    python scripts/tutorials/tuning.py [FOLDER]

By gradient: ten servers with a shared pool; what should helping earn, from simulated paths alone? The
cheapest probability of earning a token is known from theory, so that one can see how well descents on noisy
gradients find it: by differences under common random numbers, and by the score function, which is unbiased
but noisier.

By PPO: 21 queues on a cycle that are seen with delay; a small network learns when to send packets to a
neighbour, and is judged on fresh episodes beside queues that keep their own.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import jaxsim
from jaxsim.experiments.training import train
from jaxsim.learning import CommonNumbers, Interval, Score, Tuning, path_objective, tune
from jaxsim.learning.ppo.settings import FAST
from jaxsim.models.balancing.problems import own
from jaxsim.models.pooling import policies
from jaxsim.models.pooling.problems import tune_phi
from jaxsim.models.pooling.score import scored
from jaxsim.plots import panels_figure
from jaxsim.results import Curve, Panel

KEYS = {"servers": 10, "arrival_rate": 0.8, "token_cap": 20}
START, STEPS, EVENTS = 0.6, 60, 600


def objective(score: bool) -> Any:
    """Return the cost of a server over so many events, as a function of phi; for the score, in parts."""
    plain = jaxsim.system("pooling", **KEYS)
    system = scored(plain) if score else plain

    def place(phi: Any) -> tuple[Any, Any]:
        # phi is in the parameters, and in the policy, which is the best response to it.
        return replace(system.params, token_probability=phi), policies.fluid(system.params.arrival_rate, phi)

    parts = {"log_chance": "log_chance", "blocks": 30} if score else {}
    return path_objective(system.kernel, "cost_per_server", steps=EVENTS, place=place, **parts)


def descend(gradient: Any, score: bool) -> Tuning:
    """Descend from the start; judge the answer on fresh paths."""
    found = tune(
        objective(score), np.float32(START), gradient=gradient, constraint=Interval(), steps=STEPS, seed=1
    )
    phi, name = float(found.tuned), type(gradient).__name__
    print(f"{name:13} phi = {phi:.3f}, gain {found.gain}, settled: {found.settled}")
    return found


def learn() -> Panel:
    """Return what the network loses beside the own-queue policy, and its returns while it learns."""
    keys, changes = {"topology": "cycle", "nodes": 21, "delay": 5.0}, {"updates": 20, "batch": 4000}
    found = train("balancing", keys=keys, changes=changes, seed=1, episodes=500)
    exact = own(delay=5.0)["drops_per_node"]
    print(f"PPO           return {found.returns} on fresh episodes; the own queue's is {-exact:.3f}, exactly")
    # While it learns, most of what the own queue loses on the same arrivals is added to the rewards (a
    # control variate); so the own queue itself would stand at minus the rest of it.
    rest = (1 - float(FAST[1].control)) * exact
    curve = tuple(map(float, found.training.curve["return"]))
    x = tuple(float(update) for update in range(len(curve)))
    curves = (Curve("PPO", x, curve), Curve("own queue", (x[0], x[-1]), (-rest, -rest)))
    return Panel("What PPO learns", "update", "return with control variate", curves)


def main(folder: Path) -> Path:
    """Write the figure into the folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    best = tune_phi(servers=KEYS["servers"], arrival_rate=KEYS["arrival_rate"], token_cap=KEYS["token_cap"])
    print(f"cheapest phi by theory: {best['phi_capped']:.3f}")
    found = {
        "common random numbers": descend(CommonNumbers(0.02, 128), score=False),
        "score function": descend(Score(512), score=True),
    }
    x = tuple(float(step) for step in range(STEPS))
    traces = [Curve(name, x, tuple(map(float, t.points))) for name, t in found.items()]
    traces.append(Curve("cheapest, by theory", (x[0], x[-1]), (best["phi_capped"],) * 2))
    costs = [Curve(name, x, tuple(map(float, t.values))) for name, t in found.items()]
    figure = panels_figure(
        (
            Panel("Where the descents go", "step", "token probability phi", tuple(traces)),
            Panel("What they see", "step", "cost per server and time", tuple(costs)),
            learn(),
        )
    )
    figure.savefig(path := folder / "tuning.png")
    return path


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/tutorials")))
