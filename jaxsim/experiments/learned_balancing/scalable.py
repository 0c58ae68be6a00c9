"""Figures 4a and 4b: the scalable actor-critic over numbers of agents."""

from __future__ import annotations

import numpy as np

from jaxsim.core.validation import choice
from jaxsim.engine.environment import environment
from jaxsim.experiments.balancing.measure import SOURCE, Value, curve
from jaxsim.experiments.learned_balancing.figures import SCALES, Y, listed, measured, verdict
from jaxsim.learning.sac import SAC
from jaxsim.learning.sac.loop import judge, train
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.balancing.views import seen_by
from jaxsim.results.report import Claim, Curve, Panel, Report

DELAY = 3.0


def until(returns: np.ndarray, seconds: np.ndarray) -> float:
    """Return the CPU seconds until 95 per cent of a training's improvement, by means of twentieths of it."""
    means = returns.reshape(20, -1).mean(axis=1)
    there = np.flatnonzero(means >= means[0] + 0.95 * (means[-1] - means[0]))
    return float(np.interp((there[0] + 1) / 20, np.arange(1, 11) / 10, seconds))


def learned4(*, scale: str = "smoke", seed: int = 0) -> Report:
    """SAC on the cycle at delay 3: time of its training and drops, over the number of agents."""
    paper = choice("scale", scale, SCALES) == "paper"
    agents, paths = ((5, 9, 21, 51, 101), 20000) if paper else ((5, 21), 1000)
    times, lost, others, gains = [], [], [], []
    for nodes in agents:
        env, params = environment(*seen_by("targets", assemble(cycle(nodes), delay=DELAY)))
        done = train(env, params, seed=seed, settings=SAC(paths=paths))
        times.append(until(done.returns, done.seconds))
        values = -judge(env, params, done.actor, episodes=2000, seed=seed + 1)
        values *= 50.0 / (int(params.steps) * DELAY)
        half = 1.96 * values.std(ddof=1) / np.sqrt(values.size)
        lost.append(Value(float(values.mean()), float(half), float(half)))
        rule = ("mf-r", "jsq")
        now = measured(cycle(nodes), rule, (int(DELAY),), min(20_000, 200_000 // nodes), seed)
        others.append({name: v[0] for name, v in now.items()})
        gains.append(others[-1]["mf-r"].below(lost[-1]))
    time_text = ", ".join(f"N {n}: {t:.3g} s" for n, t in zip(agents, times, strict=True))
    text = "; ".join(f"N {n}: sac {v}, {listed(o)}" for n, v, o in zip(agents, lost, others, strict=True))
    improves = lost[-1].below(lost[0])
    claims = (
        Claim("training time grows with the number of agents", "grows", time_text,
              verdict=verdict(times[-1] > times[0]),
              note="CPU seconds to 95 per cent of the improvement; every agent has tables of its own"),
        Claim("SAC loses more than MF-R at every size", "worse at 5 to 101 agents", text,
              verdict=verdict(all(gains))),
        Claim("SAC improves with the number of agents", "did improve", text, verdict=verdict(improves)),
    )  # fmt: skip
    x = tuple(float(n) for n in agents)
    curves = [curve("sac", x, lost)]
    curves += [curve(name, x, [o[name] for o in others]) for name in ("mf-r", "jsq", "own")]
    panels = (
        Panel("(a) time of training", "agents", "CPU seconds", (Curve("sac", x, tuple(times)),)),
        Panel("(b) drops on the cycle, delay 3", "agents", Y, tuple(curves)),
    )
    source = f"{SOURCE}, figures 4a and 4b"
    return Report("balancing.learned4", "Scalable actor-critic", source, claims, panels, scale, seed)
