"""Tuning phi: three ways to its gradient, where finite N and C put the optimum, and unequal servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float, Whole
from jaxsim.experiments.gradients.cases import pooling as pooling_case
from jaxsim.experiments.gradients.reports import report
from jaxsim.experiments.pooling.common import Draft, run, scaled
from jaxsim.learning import CommonNumbers, Interval, path_objective, tune
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.theory import tuning, tuning_unequal
from jaxsim.results.report import Claim, Curve, Panel, Report
from jaxsim.statistics import mean_interval, paired_interval

_RATE, _CAP = 0.8, 20


@float64
def _closed(phi: float) -> float:
    """Return the derivative of equation (11), unlimited tokens."""
    step = 1e-6
    ends = [tuning.fluid_cost(_RATE, phi + s, 10**9) for s in (step, -step)]
    return (ends[0] - ends[1]) / (2 * step)


def gradients(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Slopes of E q in phi at lambda 0.8, phi 0.7, C 20: closed form, exact chain, simulation.

    A server's own queue has the same law for every N, so one server is simulated. Estimators are compared on
    paths of 540 events from the stationary law of complete pooling, whose derivative is known exactly; it
    differs from the stationary one, which long paths approach.
    """
    phi = pooling_case.PHI
    exact = tuning.chain_slope(_RATE, phi, 10**9, _CAP)
    steps, paths = scaled(scale, (10_000, 256), (20_000, 1024))
    once = jax.jit(CommonNumbers(0.02, paths).__call__, static_argnums=0)
    long = pooling_case.objective(steps=steps)
    found = [once(long, jnp.float32(phi), random.key(int(seed)), jnp.uint32(i * paths)) for i in range(16)]
    slope = mean_interval(np.array([float(f.gradient) for f in found]), 0.95)
    met = abs(slope.mean - exact) <= 4 * slope.standard_error
    more = (
        Claim("stationary slope, unlimited tokens", None, _closed(phi), note="derivative of equation (11)"),
        Claim("stationary slope, C = 20", None, exact, note="implicit differentiation of the chain's law"),
        Claim(
            f"the same by common random numbers, {16 * paths} paths of {steps} events",
            exact,
            slope.mean,
            slope.half_width,
            "reproduced" if met else "not reproduced",
            "within four standard errors" if met else "beyond four standard errors",
        ),
    )
    return report("pooling", scale=scale, seed=seed, more=more)


def best_phi(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Where the cheapest phi is at finite N and C: exact chain, the pool at its limit for many servers."""
    draft = Draft("best_phi", "The best token probability at finite N and C", "Theorem 5.2", scale, seed)
    caps = scaled(scale, (5, 20, 100), (5, 10, 20, 50, 100, 400))
    counts = scaled(scale, (3, 5, 8, 10, 20, 100), (2, 3, 4, 5, 6, 8, 10, 15, 20, 50, 100, 1000))
    claims, curves = [], []
    for cap in caps:
        found = [tuning.tune_chain(_RATE, n, cap).token_probability for n in counts]
        at = [n for n, phi in zip(counts, found, strict=True) if abs(phi - _RATE) < 1e-6]
        listed = ", ".join(f"{phi:.4f} (N = {n})" for n, phi in zip(counts, found, strict=True))
        claims.append(
            Claim(
                f"least N of {counts} from which phi = lambda = 0.8 is cheapest, C = {cap}",
                "phi = lambda for large N",
                float(min(at)) if at else "none",
                verdict="reproduced" if at and found[-1] == max(found) else "not reproduced",
                note=listed,
            )
        )
        curves.append(Curve(f"C = {cap}", tuple(map(float, counts)), tuple(found)))
    unlimited = tuple(tuning.tune_fluid(_RATE, n).token_probability for n in counts)
    curves.append(Curve("unlimited tokens", tuple(map(float, counts)), unlimited))
    panel = Panel("Cheapest phi, lambda = 0.8", "servers N", "token probability phi", tuple(curves), True)
    return draft.report(claims, (panel,))


_ARRIVALS, _SERVICES, _EACH = (0.3, 0.5, 0.8, 1.0), (1.0, 1.0, 1.0, 2.0), 5


def tune_unequal(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Four kinds of servers, C = 20: phi = max rho against the best common phi and a phi for each kind.

    The best are found from exact chains; common random numbers descend to phi of each kind from max rho by
    simulation alone, and all costs are compared on fresh paths of the finite system.
    """
    draft = Draft("tune_unequal", "Tuning for unequal servers", "section 7; phi_i are ours", scale, seed)
    kinds = tuning_unequal.kinds(_ARRIVALS, _SERVICES, _EACH, _CAP)
    answers = {
        "phi = max rho": np.full(4, 0.8),
        "best common phi": tuning_unequal.tune_common(kinds).token_probability,
        "best phi of each kind": tuning_unequal.tune_each(kinds).token_probability,
    }
    answers["each kind, by simulation"] = _descend(scale, int(seed))
    options = {
        "seed": int(seed) + 1,
        "replications": scaled(scale, 128, 1024),
        "horizon": scaled(scale, 300.0, 2000.0),
    }
    rates = {"servers": 4 * _EACH, "token_cap": _CAP, "processing_cost": 0.0}
    rates |= {"arrival_rate": np.repeat(_ARRIVALS, _EACH), "service_rate": np.repeat(_SERVICES, _EACH)}
    claims: list[Claim] = []
    base: tuple[np.ndarray, np.ndarray] | None = None
    for name, phi in answers.items():
        found = run({**rates, "token_probability": np.repeat(phi, _EACH)}, **options)
        cost, steps = (found.samples[f"cost_per_server.{side}"] for side in ("numerator", "denominator"))
        pair = (4 * _EACH * cost, steps)
        base = base or pair
        gain, jobs = paired_interval(base, pair), found["cost_per_server"]
        exact, _ = tuning_unequal.jobs(kinds, phi)
        listed = ", ".join(f"{p:.3f}" for p in phi)
        better = gain.mean - gain.half_width > 0 or name == "phi = max rho"
        worse = gain.mean + gain.half_width < 0  # else too few paths to tell, which is no refutation
        claims.append(
            Claim(
                f"jobs in the system, {name}",
                None,
                4 * _EACH * jobs.mean,
                4 * _EACH * jobs.half_width,
                "reproduced" if better else "not reproduced" if worse else "ambiguous",
                f"phi = ({listed}); chains with the pool at its limit: {exact:.3f}; "
                f"gain over max rho, paired: {gain.mean:.3f} +- {gain.half_width:.3f}",
            )
        )
    central = float(sum(_ARRIVALS) / (sum(_SERVICES) - sum(_ARRIVALS)))
    claims.append(
        Claim("jobs in the system, central control", None, central, note="unlimited tokens reach it")
    )
    return draft.report(claims)


def _descend(scale: str, seed: int) -> np.ndarray:
    """Return phi of each kind as found by descending simulated costs from max rho."""
    s = system(
        servers=4 * _EACH,
        arrival_rate=np.repeat(_ARRIVALS, _EACH),
        service_rate=np.repeat(_SERVICES, _EACH),
        token_cap=_CAP,
        processing_cost=0.0,
    )
    rho = s.params.arrival_rate / s.params.service_rate

    def place(phi: Float[Array, " kinds"]) -> tuple[Any, Any]:
        each = jnp.repeat(phi, _EACH, total_repeat_length=4 * _EACH)
        return replace(s.params, token_probability=each), policies.fluid(rho, each)

    objective = path_objective(s.kernel, "cost_per_server", steps=scaled(scale, 4000, 20_000), place=place)
    found = tune(
        objective,
        jnp.full(4, 0.8),
        gradient=CommonNumbers(0.05, scaled(scale, 16, 64)),
        constraint=Interval(0.05, 0.95),
        steps=scaled(scale, 60, 200),
        seed=seed,
        judges=64,
    )
    return np.asarray(found.tuned, np.float64)
