"""What seeing more is worth: MF-N against the best table, and figure 9b."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsim.core.validation import choice
from jaxsim.engine import simulate
from jaxsim.experiments.balancing.measure import SOURCE, controlled, own_queue
from jaxsim.experiments.learned_balancing.figures import MAKERS, SCALES, Y, measured, panel, verdict
from jaxsim.experiments.learned_balancing.policies import learned
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import cycle
from jaxsim.results.report import Claim, Curve, Panel, Report
from jaxsim.statistics import controlled_interval


def gain(delay: int, nodes: int, replications: int, seed: int) -> tuple[float, float, float, float]:
    """Return drops of the best table minus those of MF-N: mean and half-width, paired by replication with
    own queue's drops given the regimes as a control, and both policies' drops.
    """
    system = assemble(cycle(nodes), delay=float(delay), largest_delay=10.0, control=True)
    exact = own_queue(cycle(nodes), delay=float(delay))
    found: dict[str, Any] = {
        name: simulate(
            system.kernel, MAKERS[name](system), system.params, seed=seed, replications=replications
        )
        for name in ("best table", "mf-n")
    }

    def samples(name: str, metric: str) -> np.ndarray:
        result = found[name].samples
        return result[f"{metric}.numerator"] / result[f"{metric}.denominator"]

    difference = samples("best table", "drops_per_node") - samples("mf-n", "drops_per_node")
    control = samples("mf-n", "own_queue_given_regimes")[:, None]
    less = controlled_interval(difference, np.ones(difference.size), control, np.array([exact]))
    best, mine = (controlled(found[name], exact).mean for name in ("best table", "mf-n"))
    return less.mean, less.half_width, best, mine


def learned9b(*, scale: str = "smoke", seed: int = 0) -> Report:
    """MF-N and MF-G beside MF-R on the cycle; MF-N against the best table at each delay."""
    paper = choice("scale", scale, SCALES) == "paper"
    delays = (1, 2, 3, 5, 7, 10) if paper else (5,)
    nodes, count = (1001, 4000) if paper else (101, 2000)
    claims, best, mine, halves = [], [], [], []
    for delay in delays:
        mean, half, table, network = gain(delay, nodes, count, seed)
        best, mine, halves = [*best, table], [*mine, network], [*halves, half]
        what = f"delay {delay}: drops of the best table minus those of MF-N"
        note = f"best table {table:.4f}, MF-N {network:.4f}: {100 * mean / table:.2f} per cent less"
        claims.append(Claim(what, None, round(mean, 4), round(half, 4), verdict(mean > half), note))
    x = tuple(float(d) for d in delays)
    curves = (Curve("best table", x, tuple(best)), Curve("mf-n", x, tuple(mine), tuple(halves)))
    panels = [Panel(f"seeing the neighbours, cycle of {nodes}", "delay", Y, curves)]
    if paper:
        values = {
            "mf-r": measured(cycle(101), ("mf-r",), (5,), 4000, seed)["mf-r"],
            "mf-n": measured(cycle(101), ("mf-n",), (5,), 4000, seed)["mf-n"],
        }
        whole = assemble(cycle(101), delay=5.0, control=True)
        result = simulate(
            whole.kernel, learned(whole, view="mf-g"), whole.params, seed=seed, replications=4000
        )
        values["mf-g"] = [controlled(result, own_queue(cycle(101), delay=5.0))]
        now = {name: v[0] for name, v in values.items()}
        spread = max(v.mean for v in now.values()) / min(v.mean for v in now.values()) - 1.0
        text = ", ".join(f"{n} {v}" for n, v in now.items())
        claims.append(
            Claim("delay 5: own, neighbours' and whole distribution do alike", "similar", text,
                  verdict=verdict(spread < 0.05), note=f"largest over smallest: {100 * spread:.2f} per cent")
        )  # fmt: skip
        panels.append(panel("what is seen, delay 5", (5.0,), values))
    return Report("balancing.learned9b", "Policies that see more", f"{SOURCE}, figure 9b", tuple(claims),
                  tuple(panels), scale, seed)  # fmt: skip
