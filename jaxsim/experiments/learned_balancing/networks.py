"""Figures 3b and 9a: trainings with networks of several sizes, and with a memory."""

from __future__ import annotations

import math
from typing import Any

from jaxsim.core.validation import choice
from jaxsim.engine.environment import environment
from jaxsim.experiments.balancing.measure import SOURCE
from jaxsim.experiments.learned_balancing.figures import SCALES
from jaxsim.learning.ppo import settings, train
from jaxsim.learning.ppo.evaluate import evaluate
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import Graph, ccc, torus
from jaxsim.models.balancing.views import seen_by
from jaxsim.results.report import Claim, Curve, Panel, Report, Verdict

LAYERS = ((128, 128), (256, 256), (128, 128, 128), (256, 256, 256))


def compared(
    name: str,
    title: str,
    claimed: tuple[str, str],
    view: str,
    graph: Graph,
    variants: dict[str, dict[str, Any]],
    scale: str,
    seed: int,
) -> Report:
    """Train at delay 5 with every variant and hold the drops on the same fresh episodes together.

    claimed: what the paper says of them, and how. They are alike if the largest mean is within 2 per cent of
    the smallest; where it is not, but the intervals of the two leave it open, the claim is undecided.
    """
    paper = scale == "paper"
    env, params = environment(*seen_by(view, assemble(graph, delay=5.0)))
    how: dict[str, Any] = {"batch": 10000, "updates": 60} if paper else {"batch": 1000, "updates": 20}
    curves, drops = [], {}
    for label, changes in variants.items():
        sizes, rates = settings("fast", **how, **changes)
        done = train(env, params, seed=seed, sizes=sizes, rates=rates)
        returns = tuple(float(r) for r in done.curve["return"])
        curves.append(Curve(label, tuple(map(float, range(1, len(returns) + 1))), returns))
        fresh = {"episodes": 2000 if paper else 500, "seed": seed + 1}
        drops[label] = evaluate(env, params, done.agent, done.policy, **fresh)
    least, most = (pick(drops.values(), key=lambda e: -e.mean) for pick in (min, max))
    apart, noise = most.mean / least.mean - 1.0, math.hypot(most.half_width, least.half_width) / -least.mean
    holds: Verdict = (
        "reproduced" if apart < 0.02 else "ambiguous" if apart - noise < 0.02 else "not reproduced"
    )
    text = ", ".join(f"{n} {-e.mean:.4f} ± {e.half_width:.2g}" for n, e in drops.items())
    note = (
        f"largest over smallest: {100 * apart:.2f} ± {100 * noise:.2f} per cent, on the same fresh episodes"
    )
    claim = Claim(f"{claimed[0]} (2 per cent)", claimed[1], text, verdict=holds, note=note)
    panel = Panel(f"training on {graph.name}, delay 5", "update", "return of an episode", tuple(curves))
    where = f"{SOURCE}, figure {name.removeprefix('learned')}"
    return Report(f"balancing.{name}", title, where, (claim,), (panel,), scale, seed)


def learned3b(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Training on cube-connected cycles with hidden layers of the paper's sizes: does it matter?"""
    paper = choice("scale", scale, SCALES) == "paper"
    layers = LAYERS if paper else LAYERS[:2]
    variants = {f"[{w[0]} x {len(w)}]": {"widths": w, "learning_rate": 3e-3} for w in layers}
    claimed, graph = ("sizes of the network do alike", "quite similar"), ccc(5 if paper else 3)
    return compared("learned3b", "Sizes of the network", claimed, "mf-r", graph, variants, scale, seed)


def learned9a(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Training on the torus with and without a recurrent network, seeing the whole distribution."""
    paper = choice("scale", scale, SCALES) == "paper"
    variants = {"feed-forward": {"memory": 0}, "recurrent": {"memory": 32}}
    claimed, graph = (
        ("drops with and without memory are alike", "negligible effect"),
        torus(11 if paper else 5),
    )
    return compared("learned9a", "Recurrent policies", claimed, "mf-g", graph, variants, scale, seed)
