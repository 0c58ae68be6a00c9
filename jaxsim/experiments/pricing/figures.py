"""Figures 4, 5, 10 and 11: mean total cost differences (MTCD) and the games behind them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Whole
from jaxsim.experiments.pricing.common import Averages, Draft, averages, curve, last, scaled, verdict
from jaxsim.models.pricing import catalogue, closed_form, problems, system
from jaxsim.models.pricing.closed_form import Kind
from jaxsim.results.report import Claim, Curve, Panel, Report

EULER = {"scheme": "projected_euler"}
STOCHASTIC, CONSTANT = "game minus stochastic pooling", "game minus constant prices"
BOTH = "constant prices minus stochastic pooling"
DIFFERENCE = "cost difference (MTCD)"


def _three(scale: str, seed: Whole, name: str, keys: dict[str, Any]) -> Report:
    draft = Draft(name, "Three users, T = 20", name.replace("_", " "), scale, seed)
    paths, segments = scaled(scale, 1500, 6000), 50
    step = scaled(scale, 0.04, 0.004)
    keys, steps = {**keys, **EULER, "users": 3, "time_step": step}, round(20 / step)
    claims, panels, found = [], [], {}
    for label, reference, policy in (
        (STOCHASTIC, "stochastic", catalogue.game),
        (CONSTANT, "constant", catalogue.game),
        (BOTH, "stochastic", catalogue.constant),
    ):
        made = system(reference=reference, **keys)
        found[label] = averages(
            made, policy(made), seed=seed, replications=paths, steps=steps, segments=segments
        )
        panels.append(
            Panel(
                f"Mean cost: {label}",
                "t",
                DIFFERENCE,
                (curve("mean, 95 % interval", found[label], "cost_difference"),),
            )
        )
    mean, half = last(found[STOCHASTIC], "cost_difference")
    claims.append(
        Claim(
            "MTCD of the game against stochastic pooling, t = 20",
            "below 0",
            mean,
            half,
            verdict(mean + half < 0),
        )
    )
    mean, half = last(found[BOTH], "cost_difference")
    claims.append(
        Claim(
            "MTCD of constant prices against stochastic pooling",
            "below 0",
            mean,
            half,
            verdict(mean + half < 0),
        )
    )
    mean, half = last(found[CONSTANT], "cost_difference")
    if name == "figure_5":
        claims.append(
            Claim(
                "MTCD of the game against constant prices", 0.0, mean, half, verdict(mean == 0 and half == 0)
            )
        )
    else:
        claims.append(
            Claim(
                "MTCD of the game against constant prices, t = 20",
                "small",
                mean,
                half,
                "ambiguous",
                "prices settle at the lower bounds after the first visit of 0",
            )
        )
    some = found[STOCHASTIC]
    panels.append(Panel("Cost of the game", "t", "cost", (curve("game", some, "cost"),)))
    panels.append(
        Panel(
            "Prices", "t", "price", tuple(curve(label, some, f"price_{j}") for j, label in _price_lines(some))
        )
    )
    claims.append(_selection_claim(keys, seed))
    return draft.report(claims, panels)


def _price_lines(found: Averages) -> tuple[tuple[int, str], ...]:
    """Return which users' prices to draw; equal ones would hide each other."""
    if np.allclose(found.mean["price_1"], found.mean["price_3"], rtol=1e-4):
        return ((1, "users 1 and 3"), (2, "user 2"))
    return ((1, "user 1"), (2, "user 2"), (3, "user 3"))


def _selection_claim(keys: dict[str, Any], seed: Whole) -> Claim:
    from jaxsim.models.pricing.paths import decisions

    made = system(**keys)
    record = decisions(made, catalogue.game(made), seed=seed, steps=2000)
    chosen = np.asarray(record.selected)
    both = float((chosen[:, 0] & chosen[:, 2]).mean())
    first = float((chosen[:, 0] & chosen[:, 1]).mean())
    note = f"pair (1, 2) is selected in {100 * first:.1f} % of the steps; (2, 3) ties with it when p_1 = p_3"
    return Claim("share of steps that select users 1 and 3", None, both, note=note)


def figure_4(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Three users, two served, prices between bounds."""
    return _three(scale, seed, "figure_4", {})


def figure_5(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Three users, two served, all prices and bounds 1: dynamic and constant pricing are the same."""
    equal = {"initial_prices": 1.0, "lower_prices": 1.0, "upper_prices": 1.0}
    return _three(scale, seed, "figure_5", equal)


def figure_10(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """The Pareto point and prices against q_1 at w = 10 000: two kinds of users (top) and one (bottom)."""
    draft = Draft("figure_10", "Pareto points and prices", "figure 10", scale, seed)
    w, mu, c = 10000.0, (0.1, 0.05), (1000.0, 1000.0)
    share = np.linspace(1e-3, 1 - 1e-3, 200)
    panels, claims = [], []
    with jax.enable_x64(True):
        cases: tuple[tuple[tuple[Kind, Kind], Any, str], ...] = (
            (("log", "delay"), mu, "users 1, 2"),
            (("log", "log"), (0.1, 0.1), "users 1, 3"),
        )
        for kinds, m, title in cases:
            q = (m[0] * w * share, m[1] * w * (1 - share))
            each = [closed_form.dual_cost(k, 1.0, v, a, b) for k, v, a, b in zip(kinds, q, m, c, strict=True)]
            other = f"user {title[-1]}"
            lines = {"user 1": each[0], other: each[1], "total": each[0] + each[1]}
            panels.append(
                Panel(
                    f"Costs, {title}",
                    "q_1",
                    "cost",
                    tuple(Curve(n, tuple(q[0]), tuple(map(float, v))) for n, v in lines.items()),
                )
            )
            kappa = np.asarray(
                closed_form.price_ratio(kinds, jnp.asarray(q[0] / m[0]), jnp.asarray(q[1] / m[1]), m, c)
            )
            pair = (kappa**2, kappa) if kinds == ("log", "delay") else (kappa, np.sqrt(kappa))
            names = ("user 1", other)
            panels.append(
                Panel(
                    f"Prices, {title}",
                    "q_1",
                    "price",
                    tuple(Curve(n, tuple(q[0]), tuple(v)) for n, v in zip(names, pair, strict=True)),
                    log_y=True,
                )
            )
    two = problems.two_users(workload=w)
    claims.append(
        Claim(
            "q_1 of the Pareto point at p = 1, w = 10 000",
            "near 0",
            two["queues"][0],
            verdict=verdict(two["queues"][0] < 0.01 * mu[0] * w),
            note=f"q_2 = {two['queues'][1]:.6g}; total cost {two['total_cost']:.6g}",
        )
    )
    ratio = two["kappa"]
    claims.append(
        Claim(
            "kappa of (5.7) at the Pareto point of prices 1",
            "p_1^2 / p_2^3",
            ratio,
            verdict=verdict(abs(ratio - 1) < 1e-9),
            note="an identity: (5.7) at (5.5) returns the prices, so (5.10) alone does not move them",
        )
    )
    same = problems.two_users(workload=w, kinds=("log", "log"), mu=(0.1, 0.1))
    claims.append(
        Claim(
            "q_1 for users 1 and 3 at equal prices",
            "mu_1 w / 2",
            same["queues"][0],
            verdict=verdict(abs(same["queues"][0] - 500) < 1e-9),
        )
    )
    return draft.report(claims, panels)
