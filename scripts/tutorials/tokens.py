"""Designing a token economy: how many tokens should helping earn, and how many may one hold?

    python scripts/tutorials/tokens.py [FOLDER]

Ten servers share work through a pool. A server that offers help earns a token with probability phi; asking
for help costs one; nobody may hold more than C. Which phi is cheapest, and does honesty pay?
"""

from __future__ import annotations

import sys
from pathlib import Path

import jaxsim
from jaxsim.models.pooling.problems import best_deviation, server_law, tune_phi
from jaxsim.plots import panels_figure
from jaxsim.results import Curve, Panel

SERVERS, LOAD = 10, 0.8
PHIS = (0.5, 0.65, 0.8, 0.95)
CAPS = (10, 20, 50, 100, 200)


def cost_against_phi() -> Panel:
    """Return a server's cost against phi, simulated, with the cheapest phi known from theory."""
    costs = []
    for phi in PHIS:
        keys = {"servers": SERVERS, "arrival_rate": LOAD, "token_probability": phi, "token_cap": 20}
        system = jaxsim.system("pooling", **keys)
        policy = jaxsim.policy("fmfe", system)
        result = jaxsim.simulate(
            system.kernel, policy, system.params, replications=200, horizon=500.0, seed=1
        )
        costs.append(result["cost_per_server"])
        print(f"phi {phi:.2f}: cost {costs[-1]}")
    best = tune_phi(servers=SERVERS, arrival_rate=LOAD, token_cap=20)
    print(f"cheapest phi by theory: {best['phi_capped']:.3f}, cost {best['cost_capped']:.3f}")
    simulated = Curve("simulated", PHIS, tuple(e.mean for e in costs), tuple(e.half_width for e in costs))
    cheapest = Curve("cheapest, by theory", (best["phi_capped"],), (best["cost_capped"],), style="points")
    return Panel(
        "What a token is worth", "token probability phi", "cost per server and time", (simulated, cheapest)
    )


def caps() -> tuple[Panel, Panel]:
    """Return what a cap on tokens costs, and what a cheat could still gain, both exact."""
    bound, gain = [], []
    for cap in CAPS:
        law = server_law(arrival_rate=LOAD, token_probability=LOAD, token_cap=cap)
        bound.append(law["token_boundary_probability"])
        found = best_deviation(servers=SERVERS, arrival_rate=LOAD, token_probability=LOAD, token_cap=cap)
        gain.append(100 * found["gain"])
        print(f"C {cap:3}: at a bound {bound[-1]:.3f} of the time, the best deviation gains {gain[-1]:.1f} %")
    x = tuple(float(cap) for cap in CAPS)
    share = Panel(
        "Tokens run out or overflow",
        "cap C on tokens",
        "share of time",
        (Curve("", x, tuple(bound)),),
        True,
        True,
    )
    cheat = Panel("What cheating gains", "cap C on tokens", "gain [%]", (Curve("", x, tuple(gain)),), True)
    return share, cheat


def main(folder: Path) -> Path:
    """Write the figure into the folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = panels_figure((cost_against_phi(), *caps()), "A token economy of ten servers")
    figure.savefig(path := folder / "tokens.png")
    return path


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/tutorials")))
