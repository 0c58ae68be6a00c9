"""What the reflected diffusion must give: exact means at any step, regimes, and pathwise gradients."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import Kernel, System
from jaxsim.core.random import key
from jaxsim.core.types import Whole
from jaxsim.engine import rollout
from jaxsim.experiments.gradients.reports import report
from jaxsim.experiments.pricing.common import Draft, ends, scaled, verdict
from jaxsim.models.pricing import catalogue, system
from jaxsim.models.pricing.theory import brownian, euler, regimes
from jaxsim.results.report import Claim, Curve, Panel, Report

DRIFT, VARIANCE = -34.0, 107000.0
FALSE_ALARM = "within 4 standard errors (false alarms: 6e-5)"


def _final(seed: Whole, replications: int, horizon: float, **keys: Any) -> tuple[float, float]:
    """Return mean and standard error of the workload at the horizon."""
    made = system(reference="none", **keys)
    how: dict[str, Any] = {"seed": seed, "replications": replications, "horizon": horizon}
    found = ends(made, catalogue.game(made), **how)
    w = np.asarray(found["sides.0.workload"], np.float64)
    return float(w.mean()), float(w.std(ddof=1) / np.sqrt(len(w)))


def _checked(quantity: str, exact: float, found: tuple[float, float], note: str = FALSE_ALARM) -> Claim:
    mean, error = found
    return Claim(quantity, exact, mean, 1.96 * error, verdict(abs(mean - exact) <= 4 * error), note)


def exactness(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Mean workloads from empty: the exact step at any size, projected Euler, two regimes."""
    draft = Draft("exactness", "The reflected step", "Definition 3.1, figure 11's parameters", scale, seed)
    paths = scaled(scale, 20_000, 400_000)
    claims = []
    for t in (50.0, 100.0, 200.0):
        exact, _ = brownian.workload_mean(t, DRIFT, VARIANCE)
        for step in (t, 5.0):
            claims.append(
                _checked(
                    f"E W at t = {t:g}, exact steps of {step:g}",
                    exact,
                    _final(seed, paths, t, time_step=step),
                )
            )
        h = 1.0
        chain = euler.mean(h, round(t / h), DRIFT, VARIANCE)
        keys = {"time_step": h, "scheme": "projected_euler"}
        fine = euler.mean(0.04, round(t / 0.04), DRIFT, VARIANCE)
        note = f"{chain - exact:.1f} from the diffusion; with h = 0.04 {fine:.3f} exactly"
        claims.append(
            _checked(
                f"E W at t = {t:g}, projected Euler, h = 1", chain, _final(seed, paths // 4, t, **keys), note
            )
        )
    claims.append(_two_regimes(scale, seed))
    times = np.linspace(2.0, 400.0, 100)
    exact_curve = tuple(brownian.workload_mean(t, DRIFT, VARIANCE)[0] for t in times)
    bias = tuple(euler.mean(0.04, max(1, round(t / 0.04)), DRIFT, VARIANCE) for t in times)
    at = tuple(map(float, times))
    lines = (Curve("reflected diffusion", at, exact_curve), Curve("projected Euler, h = 0.04", at, bias))
    return draft.report(claims, (Panel("Mean workload from empty", "t", "E W", lines),))


def _two_regimes(scale: str, seed: Whole) -> Claim:
    """B = (-68, 10), sigma^2 = (64200, 171200), by arrival rates 0.6 and 1.6 times those of figure 11."""
    generator = [[-0.05, 0.05], [0.1, -0.1]]
    exact = regimes.stationary_mean([-68.0, 10.0], [64200.0, 171200.0], generator)
    arrivals = (np.array([[0.6], [1.6]]) * np.array([10 / 3, 5.0])).tolist()
    theta = [[-2.0, -2.4], [10 / 34, 12 / 34]]
    keys = {"arrival_rate": arrivals, "theta": theta, "generator": generator, "time_step": 4.0}
    found = _final(seed, scaled(scale, 4000, 100_000), 2000.0, **keys)
    return _checked("stationary E W of two regimes, steps split at jumps", exact, found)


@functools.partial(jax.jit, static_argnames=("kernel", "steps", "replications"))
def _slopes(kernel: Kernel, policy: Any, params: Any, root: Any, steps: int, replications: int) -> Any:
    """Return, per replication, the derivatives of the workload after some steps in theta_1."""

    def last(params: Any, number: Any) -> Any:
        state, _, _ = rollout(kernel, policy, params, root.replication(number), steps=steps)
        return state.sides[0].workload

    def one(number: Any) -> Any:
        return jax.grad(last)(params, number).users.theta[0, 0]

    return jax.lax.map(jax.vmap(one), jnp.arange(replications).reshape(-1, 500))


def _slope(made: System, seed: Whole, steps: int, replications: int) -> tuple[float, float]:
    found = _slopes(made.kernel, catalogue.game(made), made.params, key(seed), steps, replications)
    values = np.asarray(found, np.float64).ravel() * float(made.params.users.mu[0])
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def gradients(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Every estimator of the cost's gradient; pathwise derivatives of the workload in the drift, exact ones
    beside them, transient and stationary.
    """
    paths = scaled(scale, 5000, 100_000)
    claims = []
    for t, steps in ((50.0, 1), (50.0, 5), (200.0, 4)):
        made = system(time_step=t / steps, reference="none")
        _, exact = brownian.workload_mean(t, DRIFT, VARIANCE)
        claims.append(
            _checked(f"d E W / d b at t = {t:g}, {steps} steps", exact, _slope(made, seed, steps, paths))
        )
    made = system(time_step=50.0, reference="none")
    _, exact = brownian.stationary_mean(DRIFT, VARIANCE)
    found = _slope(made, seed, 60, scaled(scale, 5000, 50_000))
    claims.append(_checked("d E W / d b in equilibrium, sigma^2 / (2 b^2), t = 3000", exact, found))
    drifts = np.linspace(-60.0, -15.0, 30)
    panel = Panel(
        "Sensitivity of the stationary workload",
        "drift b",
        "d E W / d b",
        (
            Curve("sigma^2 / (2 b^2)", tuple(drifts), tuple(VARIANCE / (2 * b * b) for b in drifts)),
            Curve("pathwise", (DRIFT,), (found[0],), (1.96 * found[1],), "points"),
        ),
    )
    return report("pricing", scale=scale, seed=seed, more=claims, panels=(panel,))
