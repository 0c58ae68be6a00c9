"""How the packet model approaches its diffusion, where it does not, and the example with two pools."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.engine import simulate
from jaxsim.experiments.pricing.common import Draft, averages, curve, ends, last, scaled, verdict
from jaxsim.models.pricing import catalogue, system
from jaxsim.models.pricing.theory import brownian
from jaxsim.results.report import Claim, Curve, Panel, Report

DRIFT, VARIANCE, TIME = -34.0, 107000.0, 20.0


def stopped(scale: float, replications: int, seed: Whole, **keys: Any) -> np.ndarray:
    """Return the scaled workload at the time at which paths stop, one per replication."""
    made = system(model="queue", scale=scale, until=TIME, **keys)
    horizon = TIME * (1.0 + 2.5 / scale)
    found = ends(made, catalogue.constant(made), seed=seed, replications=replications, horizon=horizon)
    if not np.all(found["clock.0"] >= TIME * (1 - 1e-5)):
        raise RuntimeError("some paths did not reach the time at which they stop: raise the horizon")
    mu = np.asarray(made.params.users.mu, np.float64)
    held = np.stack([found[f"queues.{j}"] for j in range(len(mu))])
    return (held / mu[:, None]).sum(axis=0) / scale


def kolmogorov(sample: np.ndarray) -> float:
    """Return the distance of an empirical law from the diffusion's at that time."""
    x = np.sort(sample)
    law = np.where(x > 0, np.asarray(brownian.cdf(np.maximum(x, 1e-9), TIME, DRIFT, VARIANCE)), 0.0)
    n = len(x)
    # Ties (the atom at 0) count once: compare at the last of equal values and just before the first.
    upper = np.searchsorted(x, x, side="right") / n
    lower = np.searchsorted(x, x, side="left") / n
    below = np.where(x > 0, law, 0.0)
    return float(np.max(np.maximum(np.abs(upper - law), np.abs(lower - below))))


# Distance of a sample of n from its own law: 0.87 / sqrt(n) in the mean, below 1.63 / sqrt(n) in 99 of 100.
MEAN_NOISE, MOST_NOISE = 0.87, 1.63


def pre_limit(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """The workload of the packets at t = 20 against the diffusion's law, as r grows.

    With one-user capacity equal to the pool's the limit holds. With one-user capacity 3/4 of it, the region
    of five lines of figure 7, a user left alone wastes capacity: at these scales the limit is not approached.
    A path has 465 r^2 events, so there are fewer paths where r is large.
    """
    draft = Draft("pre_limit", "Packets approach the diffusion", "Theorem 3.5, figure 7", scale, seed)
    paths = scaled(scale, {5.0: 1000, 10.0: 500}, {5.0: 4000, 10.0: 4000, 20.0: 2000, 40.0: 1000})
    ratios = tuple(paths)
    claims, curves = [], []
    for label, alone in (("one user may use all of it", None), ("one user may use 3/4 of it", 150.0)):
        told = [_against_diffusion(r, n, seed, label, alone) for r, n in paths.items()]
        claims += [claim for claim, _ in told]
        distances = [distance for _, distance in told]
        curves.append(Curve(label, ratios, tuple(distances)))
        most = MOST_NOISE / math.sqrt(paths[ratios[-1]])
        note = f"at r = {ratios[-1]:g} noise alone stays below {most:.3f} in 99 of 100 cases"
        text = ", ".join(f"{d:.3f}" for d in distances)
        falls = distances[-1] < distances[0] and (scale == "smoke" or distances[-1] < most)
        claims.append(
            Claim(f"distance falls to noise: {label}", "converges", text, 0.0, verdict(falls), note)
        )
    noise = tuple(MEAN_NOISE / math.sqrt(n) for n in paths.values())
    curves.append(Curve("pure noise", ratios, noise))
    title = "Packets against the diffusion at t = 20"
    panel = Panel(title, "scale r", "Kolmogorov distance", tuple(curves), True, True)
    return draft.report(claims, (panel,))


def _against_diffusion(
    r: float, paths: int, seed: Whole, label: str, alone: float | None
) -> tuple[Claim, float]:
    """Return the mean workload at scale r as a claim, and the distance of its law from the diffusion's."""
    exact, _ = brownian.workload_mean(TIME, DRIFT, VARIANCE)
    w = stopped(r, paths, seed, one_user_capacity=alone)
    distance, half = kolmogorov(w), 1.96 * float(w.std(ddof=1)) / math.sqrt(paths)
    noise = MEAN_NOISE / math.sqrt(paths)
    note = f"diffusion {exact:.1f}; Kolmogorov distance {distance:.3f} (noise alone {noise:.3f} in the mean)"
    return Claim(f"E W at t = 20, r = {r:g}: {label}", None, float(w.mean()), half, note=note), distance


def two_pools(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Three users, two pools: what the paper omits. Every pool's capacity is shared by the selected pair."""
    draft = Draft("two_pools", "Three users, two pools", "section 4.3, figure 9", scale, seed)
    paths, step = scaled(scale, 1000, 6000), scaled(scale, 0.1, 0.02)
    claims, panels = [], []
    for label, rate in (
        ("equal pools", [[500.0] * 3] * 2),
        ("pools of 800 and 200", [[800.0] * 3, [200.0] * 3]),
    ):
        for reference in ("stochastic", "constant"):
            made = system(users=3, pools=2, rate=rate, reference=reference, time_step=step)
            found = averages(
                made, catalogue.game(made), seed=seed, replications=paths, steps=round(20 / step), segments=50
            )
            mean, half = last(found, "cost_difference")
            claims.append(
                Claim(
                    f"MTCD against {reference}, t = 20, {label}",
                    "omitted by the paper",
                    mean,
                    half,
                    verdict(mean + half < 0),
                )
            )
            panels.append(
                Panel(
                    f"Mean cost: game minus {reference}, {label}",
                    "t",
                    "cost difference (MTCD)",
                    (curve("mean, 95 % interval", found, "cost_difference"),),
                )
            )
        made = system(
            model="queue", users=2, pools=2, scale=10.0, rate=[[x[0] / 10, x[1] / 10] for x in rate]
        )
        packets = simulate(
            made.kernel,
            catalogue.constant(made),
            made.params,
            seed=seed,
            replications=scaled(scale, 200, 2000),
            horizon=4.0,
        )
        one = system(model="queue", users=2, scale=10.0)
        single = simulate(
            one.kernel,
            catalogue.constant(one),
            one.params,
            seed=seed,
            replications=scaled(scale, 200, 2000),
            horizon=4.0,
        )
        w, w1 = packets["workload"], single["workload"]
        note = f"one pool of the same capacity {w1.mean:.1f} +- {w1.half_width:.1f}: the cut does not matter"
        near = abs(w.mean - w1.mean) <= 4 * math.hypot(w.standard_error, w1.standard_error)
        claims.append(
            Claim(
                f"mean workload of two users' packets to t = 4, {label}",
                None,
                w.mean,
                w.half_width,
                verdict(near),
                note,
            )
        )
    return draft.report(claims, panels)
