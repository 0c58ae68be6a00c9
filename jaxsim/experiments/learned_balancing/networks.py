"""Figures 3b and 9a: trainings with networks of several sizes, and with a memory."""

from __future__ import annotations

from typing import Any

from jaxsim.core.validation import choice
from jaxsim.engine.environment import environment
from jaxsim.experiments.balancing.measure import SOURCE
from jaxsim.experiments.learned_balancing.figures import SCALES, verdict
from jaxsim.learning.ppo import settings, train
from jaxsim.learning.ppo.evaluate import evaluate
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import Graph, ccc, torus
from jaxsim.models.balancing.views import seen_by
from jaxsim.results.report import Claim, Curve, Panel, Report

LAYERS = ((128, 128), (256, 256), (128, 128, 128), (256, 256, 256))


def compared(
    view: str, graph: Graph, variants: dict[str, dict[str, Any]], paper: bool, seed: int
) -> tuple[Panel, str, float]:
    """Train at delay 5 with every variant; return the curves, the drops on the same fresh episodes as text,
    and the largest over the smallest, minus 1.
    """
    env, params = environment(*seen_by(view, assemble(graph, delay=5.0)))
    how: dict[str, Any] = {"batch": 10000, "updates": 60} if paper else {"batch": 1000, "updates": 20}
    curves, drops = [], {}
    for name, changes in variants.items():
        sizes, rates = settings("fast", **how, **changes)
        done = train(env, params, seed=seed, sizes=sizes, rates=rates)
        returns = tuple(float(r) for r in done.curve["return"])
        curves.append(Curve(name, tuple(map(float, range(1, len(returns) + 1))), returns))
        fresh = {"episodes": 2000 if paper else 500, "seed": seed + 1}
        drops[name] = evaluate(env, params, done.agent, done.policy, **fresh)
    means = [-value.mean for value in drops.values()]
    text = ", ".join(f"{n} {-e.mean:.4f} ± {e.half_width:.2g}" for n, e in drops.items())
    panel = Panel(f"training on {graph.name}, delay 5", "update", "return of an episode", tuple(curves))
    return panel, text, max(means) / min(means) - 1.0


def learned3b(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Training on cube-connected cycles with hidden layers of the paper's sizes: does it matter?"""
    paper = choice("scale", scale, SCALES) == "paper"
    variants = {
        f"[{w[0]} x {len(w)}]": {"widths": w, "learning_rate": 3e-3}
        for w in (LAYERS if paper else LAYERS[:2])
    }
    panel, text, apart = compared("mf-r", ccc(5 if paper else 3), variants, paper, seed)
    note = f"largest over smallest: {100 * apart:.2f} per cent, on the same fresh episodes"
    what, holds = "sizes of the network do alike (2 per cent)", verdict(apart < 0.02)
    claim = Claim(what, "quite similar", text, verdict=holds, note=note)
    source = f"{SOURCE}, figure 3b"
    return Report("balancing.learned3b", "Sizes of the network", source, (claim,), (panel,), scale, seed)


def learned9a(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Training on the torus with and without a recurrent network, seeing the whole distribution."""
    paper = choice("scale", scale, SCALES) == "paper"
    variants = {"feed-forward": {"memory": 0}, "recurrent": {"memory": 32}}
    panel, text, apart = compared("mf-g", torus(11 if paper else 5), variants, paper, seed)
    note = f"largest over smallest: {100 * apart:.2f} per cent, on the same fresh episodes"
    what, holds = "drops with and without memory are alike (2 per cent)", verdict(apart < 0.02)
    claim = Claim(what, "negligible effect", text, verdict=holds, note=note)
    source = f"{SOURCE}, figure 9a"
    return Report("balancing.learned9a", "Recurrent policies", source, (claim,), (panel,), scale, seed)
