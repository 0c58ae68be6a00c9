"""A bandit index from data: how well does an index policy do when its model was estimated?

    python scripts/tutorials/index.py [FOLDER]

A machine moves between three states; playing it pays by state. From observed transitions we estimate its law,
compute its Gittins index, and play five such machines by the estimated index, judged on the true law.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import jaxsim
from jaxsim.models.bandits.problems import gittins
from jaxsim.plots import panels_figure
from jaxsim.results import Curve, Panel

TRUTH = np.array([[0.7, 0.0, 0.3], [0.1, 0.9, 0.0], [0.5, 0.2, 0.3]])
REWARDS = (0.5, 0.8, 3.0)  # state 0 pays little now, but leads to state 2
DISCOUNT = 0.9
SIZES = (10, 30, 100, 300, 1000)
DATA_SETS = 20


def observed(count: int, random: np.random.Generator) -> np.ndarray:
    """Return a transition matrix estimated from so many observed transitions, one added to each count."""
    counts, state = np.ones((3, 3)), 0
    for _ in range(count):
        after = random.choice(3, p=TRUTH[state])
        counts[state, after] += 1
        state = after
    return counts / counts.sum(axis=1, keepdims=True)


def index(transitions: np.ndarray) -> np.ndarray:
    """Return the Gittins index of each state."""
    return np.array(gittins(transitions=transitions.tolist(), rewards=REWARDS, discount=DISCOUNT)["index"])


def main(folder: Path) -> Path:
    """Write the figure into the folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    random, exact = np.random.default_rng(0), index(TRUTH)
    print("index of the true machine:", np.round(exact, 4))
    found = np.array([[index(observed(size, random)) for _ in range(DATA_SETS)] for size in SIZES])
    right = (np.argsort(found) == np.argsort(exact)).all(axis=2).mean(axis=1)
    for size, share in zip(SIZES, right, strict=True):
        print(f"{size:5} transitions: the states are in the right order in {100 * share:.0f} % of data sets")
    x = tuple(float(size) for size in SIZES)
    spread = 1.96 * found.std(axis=1, ddof=1)
    curves = [
        Curve(f"state {s}, estimated", x, tuple(found.mean(axis=1)[:, s]), tuple(spread[:, s]))
        for s in range(3)
    ]
    curves.append(Curve("true", (x[0],) * 3, tuple(exact), style="points"))
    estimated = Panel(
        "The index from data (95 % of data sets)", "transitions observed", "index", tuple(curves), True
    )

    # The value of playing five machines by a rule: exact tables, then simulation on the true law.
    keys = {"arms": 5, "rewards": REWARDS, "transitions": TRUTH.tolist(), "discount": DISCOUNT, "start": 0}
    system = jaxsim.system("bandits", **keys)
    names = ("index", "myopic", "fixed", "random")
    values = []
    for name in names:
        policy = jaxsim.policy(name, system)
        result = jaxsim.simulate(system.kernel, policy, system.params, replications=2000, seed=1)
        values.append(result["discounted_reward"])
        print(f"{name:7} discounted reward {values[-1]}")
    points = tuple(float(i) for i in range(len(names)))
    means, widths = (tuple(getattr(e, k) for e in values) for k in ("mean", "half_width"))
    value = Panel(
        "Five machines",
        "rule",
        "discounted reward",
        (Curve("", points, means, widths, "points"),),
        x_names=names,
    )
    figure = panels_figure((estimated, value))
    figure.savefig(path := folder / "index.png")
    return path


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/tutorials")))
