"""Tuning phi: three ways to its gradient, where finite N and C put the optimum, and unequal servers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random
from jaxsim.core.kernel import System
from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float, Whole
from jaxsim.experiments.pooling.common import Draft, run, scaled
from jaxsim.learning import CommonNumbers, Interval, Pathwise, Score, path_objective, tune
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.relaxed import relaxed
from jaxsim.models.pooling.score import scored
from jaxsim.models.pooling.theory import transient, tuning, tuning_unequal
from jaxsim.results.report import Claim, Curve, Panel, Report
from jaxsim.statistics import Estimate, mean_interval, paired_interval

_RATE, _PHI, _CAP = 0.8, 0.7, 20
_STEPS = 540


def _objective(s: System, log_chance: str | None = None) -> Callable[..., Any]:
    """Return the mean own queue of one server over its first events, as a function of phi."""

    def place(phi: Float[Array, ""]) -> tuple[Any, Any]:
        return replace(s.params, token_probability=phi), policies.fluid(s.params.arrival_rate, phi)

    return path_objective(s.kernel, "jobs_per_server", steps=_STEPS, place=place, log_chance=log_chance)


def _estimate(estimator: Any, objective: Any, seed: int, calls: int) -> tuple[Estimate, Estimate]:
    """Return value and slope at phi from ``calls`` independent groups of replications."""
    once = jax.jit(functools.partial(estimator, objective))
    root, stride = random.key(seed), estimator.replications
    found = [once(jnp.float32(_PHI), root, jnp.uint32(i * stride)) for i in range(calls)]
    values, slopes = (np.array([float(getattr(f, n)) for f in found]) for n in ("value", "gradient"))
    return mean_interval(values, 0.95), mean_interval(slopes, 0.95)


@float64
def _exact() -> dict[str, float]:
    start = transient.start_law(_RATE, _CAP)
    _, short = transient.slope(_RATE, jnp.asarray(_PHI), start, k=1, steps=_STEPS)
    step = 1e-6
    ends = [tuning.fluid_cost(_RATE, _PHI + s, 10**9) for s in (step, -step)]
    return {
        "closed": (ends[0] - ends[1]) / (2 * step),
        "chain": tuning.chain_slope(_RATE, _PHI, 10**9, _CAP),
        "short": float(short),
    }


def gradients(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Slopes of E q in phi at lambda 0.8, phi 0.7, C 20: closed form, exact chain, simulation.

    A server's own queue has the same law for every N, so one server is simulated. A path of 540 events from
    the stationary law of complete pooling has a derivative of its own, computed exactly, which is what the
    simulated estimators must meet; it differs from the stationary one by what is printed.
    """
    draft = Draft("gradients", "Gradients in phi", "section 5; gradients are ours", scale, seed)
    exact = _exact()
    s = system(servers=1, arrival_rate=_RATE, token_probability=_PHI, token_cap=_CAP)
    paths = scaled(scale, 512, 8192)
    temperatures = scaled(scale, (0.5,), (0.1, 0.2, 0.5))
    through = {t: relaxed(s, kind="straight_through", temperature=t) for t in temperatures}
    soft = {t: relaxed(s, kind="soft", temperature=t) for t in temperatures}
    methods: list[tuple[str, Any, Any, str]] = [
        ("common random numbers, width 0.04", CommonNumbers(0.02, paths), _objective(s), "bias O(width^2)"),
        ("score function", Score(paths), _objective(scored(s), "log_chance"), "unbiased"),
        *(
            (f"straight-through gates, temperature {t}", Pathwise(paths), _objective(r), "biased")
            for t, r in through.items()
        ),
        *(
            (f"soft gates, temperature {t}", Pathwise(paths), _objective(r), "biased")
            for t, r in soft.items()
        ),
    ]
    claims = [
        Claim("unlimited tokens, closed form", None, exact["closed"], note="derivative of equation (11)"),
        Claim("C = 20, exact chain", None, exact["chain"], note="implicit differentiation of its law"),
        Claim(f"C = 20, exact, first {_STEPS} events", None, exact["short"], note="forward derivative"),
    ]
    for name, estimator, objective, kind in methods:
        _, slope = _estimate(estimator, objective, int(seed), 16)
        off = slope.mean - exact["short"]
        met = abs(off) <= 4 * slope.standard_error
        claims.append(
            Claim(
                name,
                exact["short"],
                slope.mean,
                slope.half_width,
                "ambiguous" if kind == "biased" else "reproduced" if met else "not reproduced",
                f"{kind}: off by {off:.3f} +- {slope.half_width:.3f}; {16 * paths} paths",
            )
        )
    return draft.report(claims)


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
