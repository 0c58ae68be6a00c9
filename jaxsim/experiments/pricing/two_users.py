"""Figure 11: two users, the paper's policy beside constant prices, the 2D-queue and arbitrary prices.

Two simulations end at T = 200 under the same noise, with the 2D-queue's own reflection and with R = I beside
the game. Every cost is a function of their final states. What is known without simulation takes the noise
out of the rest: the game's mean cost stands for its sample mean; the 2D-queue with R = I, whose mean is
known, is the control variate of the oblique one; and the rare paths that never were at 0, which would mislead
a normal interval, are counted by their exact part.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.types import Whole
from jaxsim.experiments.pricing.common import Draft, averages, curve, ends, scaled, verdict
from jaxsim.models.pricing import catalogue, closed_form, system
from jaxsim.models.pricing.market import effective_rates, terms_of
from jaxsim.models.pricing.theory import brownian, comparison, euler
from jaxsim.results.report import Claim, Panel, Report

END, DRIFT, VARIANCE = 200.0, -34.0, 107000.0
NORMAL = [[1.0, 0.0], [0.0, 1.0]]


def figure_11(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Two users, T = 200: the game against constant prices, the 2D-queue and the arbitrary prices (5.12)."""
    draft = Draft("figure_11", "Two users, T = 200", "figure 11", scale, seed)
    paths, step = scaled(scale, 3000, 60000), scaled(scale, 0.2, 0.04)
    made = _beside("2d-queue", step)
    last, steps = _ends(made, _beside("2d-queue", step, NORMAL), paths, seed), round(END / step)
    own, papers = _known(made), _known(_beside("2d-queue", 0.04))
    claims = [
        _reset_claim("constant prices 1", last.constant, own.constant, own.never_constant, papers.constant),
        _reset_claim(
            "arbitrary prices (5.12)", last.arbitrary, own.arbitrary, own.never_arbitrary, papers.arbitrary
        ),
        *_queue_claims(made, last, own.cost, papers.cost),
        *_workload_claims(last.workload, steps, step),
        _crossing_claim(made),
    ]
    return draft.report(claims, _panels(step, scaled(scale, 1000, 6000), seed))


def _beside(reference: str, step: float, matrix: Any = None) -> System:
    """Return the system with this reference; ``matrix`` replaces the reflection of the 2D-queue."""
    made = system(scheme="projected_euler", time_step=step, reference=reference)
    if matrix is None:
        return made
    normal = catalogue.two_dimensional(made, matrix=matrix)
    return System(made.kernel, dataclasses.replace(made.params, reference=normal))


class Ends(NamedTuple):
    """What the replications have come to at T, one number each.

    constant, arbitrary: cost of the game minus the other's on paths that were at 0, else 0. oblique, normal:
    cost of the 2D-queue by its reflection. workload: of the game.
    """

    constant: np.ndarray
    arbitrary: np.ndarray
    oblique: np.ndarray
    normal: np.ndarray
    workload: np.ndarray


def _ends(made: System, normal: System, paths: int, seed: Whole) -> Ends:
    how: dict[str, Any] = {"seed": seed, "replications": paths, "horizon": END}
    found = [ends(one, catalogue.game(one), **how) for one in (made, normal)]
    users, market = made.params.users, made.kernel.spec.market
    with jax.enable_x64(True):
        terms = terms_of(market, users, effective_rates(market, users.rate), 0)
        gain, offset = comparison.arbitrary_terms(market)
        w = jnp.asarray(found[0]["sides.0.workload"], jnp.float64)
        low = np.asarray(comparison.cost_function(terms, terms.lower)(w))
        one = np.asarray(comparison.cost_function(terms, (1.0,) * market.users)(w))
        charged = np.asarray(comparison.arbitrary_cost(terms, terms.lower, gain, offset)(w))
        queues = [_queue_cost(made, [f[f"sides.1.queues.{j}"] for j in range(2)]) for f in found]
    reset = found[0]["sides.0.prices.0"] != np.asarray(terms.initial[0], np.float32)
    held = np.asarray(w)
    differences = [np.where(reset & (held > 0), low - other, 0.0) for other in (one, charged)]
    return Ends(differences[0], differences[1], queues[0], queues[1], held)


def _queue_cost(made: System, queues: list[np.ndarray]) -> np.ndarray:
    """Return the dual cost of the queues at prices 1."""
    users, market = made.params.users, made.kernel.spec.market
    mu, rate = np.asarray(users.mu, np.float64), np.asarray(users.rate[0, 0], np.float64)
    cost = np.zeros(len(queues[0]))
    for kind, q, m, c in zip(market.kinds, queues, mu, rate, strict=True):
        cost += np.asarray(closed_form.dual_cost(kind, 1.0, np.float64(q), m, c, market.reading))
    return cost


def _known(made: System) -> comparison.Differences:
    return comparison.differences(made.kernel.spec, made.params, END)


def _exact_normal(made: System) -> float:
    """Return the mean cost at T of two queues reflected normally, at prices 1 (no simulation)."""
    users, total = made.params.users, 0.0
    step = float(str(np.float32(made.params.time_step)))
    for j, (kind, gamma) in enumerate(zip(made.kernel.spec.market.kinds, (230.0, 210.0), strict=True)):
        mu, c, theta = (float(x) for x in (users.mu[j], users.rate[0, 0, j], users.theta[0, j]))
        law = euler.law(step, round(END / step), theta, gamma)
        total += float(law.mass @ np.asarray(closed_form.dual_cost(kind, 1.0, law.grid, mu, c)))
    return total


def _mean(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5


def _reset_claim(label: str, values: np.ndarray, own: float, never: float, exact: float) -> Claim:
    """Return the exact difference, and in its note the simulated one on paths that were at 0."""
    mean, half = _mean(values)
    note = f"simulated {mean + never:.4g} +- {half:.2g}, its step exactly {own:.4g} "
    note += f"(paths never at 0, which are rare, enter by their exact part, {never:.2g})"
    quantity = f"MTCD at T = 200 against {label}, exact at h = 0.04"
    return Claim(quantity, "below 0", exact, verdict=verdict(exact < 0), note=note)


def _queue_claims(made: System, last: Ends, own: float, papers: float) -> list[Claim]:
    """Return the differences against the 2D-queue: R = I exactly, oblique with R = I as control variate.

    own, papers: the game's mean cost with this step and with h = 0.04.
    """
    known = _exact_normal(made)
    exact = papers - _exact_normal(_beside("2d-queue", 0.04))
    mean, half = _mean(last.normal)
    weight = float(np.cov(last.oblique, last.normal)[0, 1] / last.normal.var(ddof=1))
    controlled, narrow = _mean(last.oblique - weight * (last.normal - known))
    plain = _mean(last.oblique)
    return [
        Claim(
            "MTCD at T = 200 against 2D-queue, R = I, exact at h = 0.04",
            "below 0",
            exact,
            verdict=verdict(exact < 0),
            note=f"simulated {own - mean:.4g} +- {half:.2g}, its step exactly {own - known:.4g}",
        ),
        Claim(
            "MTCD at T = 200 against 2D-queue, oblique reflection",
            "below 0",
            own - controlled,
            narrow,
            verdict(own - controlled + narrow < 0),
            f"R = I is the control variate; without it {own - plain[0]:.4g} +- {plain[1]:.2g}",
        ),
    ]


def _workload_claims(workload: np.ndarray, steps: int, step: float) -> list[Claim]:
    mean, half = _mean(workload)
    chain = euler.mean(step, steps, DRIFT, VARIANCE)
    note = f"projected Euler with h = {step}: {chain:.3f} exactly, {mean:.1f} +- {half:.1f} simulated"
    stationary = brownian.stationary_mean(DRIFT, VARIANCE)[0]
    return [
        Claim("E W at T = 200 from empty", None, brownian.workload_mean(END, DRIFT, VARIANCE)[0], note=note),
        Claim("stationary E W = sigma^2 / (2 |b|)", None, stationary),
    ]


def _crossing_claim(made: System) -> Claim:
    """From when on the game is cheaper than constant prices, under the paper's own scheme, exactly."""
    times = np.arange(20.0, 121.0, 4.0)
    spec, params = made.kernel.spec, system(scheme="projected_euler").params
    values = [comparison.differences(spec, params, float(t), cells=2048).constant for t in times]
    sign = next((float(t) for t, v in zip(times, values, strict=True) if v < 0), float("nan"))
    note = (
        "exact law of projected Euler, h = 0.04, reset; before that rare paths still at prices 9, 3 dominate"
    )
    quantity, paper = "the game is cheaper than constant prices", "for all t after the start"
    return Claim(quantity, paper, f"from t = {sign:g}", verdict="ambiguous", note=note)


def _panels(step: float, paths: int, seed: Whole) -> list[Panel]:
    """Return the paper's panels: differences over time, queues and prices."""
    panels, found = [], None
    references: dict[str, tuple[str, Any]] = {
        "constant prices 1": ("constant", None),
        "arbitrary prices (5.12)": ("arbitrary", None),
        "2D-queue, oblique reflection": ("2d-queue", None),
        "2D-queue, R = I": ("2d-queue", NORMAL),
    }
    for label, (reference, matrix) in references.items():
        one = _beside(reference, step, matrix)
        found = averages(
            one, catalogue.game(one), seed=seed, replications=paths, steps=round(END / step), segments=50
        )
        line = curve("mean, 95 % interval", found, "cost_difference")
        panels.append(Panel(f"Mean cost: game minus {label}", "t", "cost difference (MTCD)", (line,)))
    assert found is not None
    for title, unit, name in (("Queues", "packets", "queue"), ("Prices", "price", "price")):
        lines = tuple(curve(f"user {j}", found, f"{name}_{j}") for j in (1, 2))
        panels.append(Panel(title, "t", unit, lines))
    return panels
