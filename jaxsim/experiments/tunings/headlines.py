"""Headline tunings of pooling, balancing, bandits and actors, each with its answer known."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Whole
from jaxsim.engine import simulate
from jaxsim.experiments.gradients.cases.actors import HOLDING, SERVICES
from jaxsim.experiments.gradients.cases.bandits import MOVES, REWARDS
from jaxsim.experiments.tunings import actors, balancing, bandits, pooling
from jaxsim.experiments.tunings.telling import missing, numbers, reported, scaled, timed, traces, verdict
from jaxsim.experiments.tunings.tunable import flat
from jaxsim.models.balancing import Table, assemble
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.balancing.theory import constant_rates
from jaxsim.models.bandits.objective import softmax_value
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.joint import joint_value
from jaxsim.models.pooling.theory import tuning
from jaxsim.results.report import Claim, Curve, Panel, Report


def token_probability(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Token probabilities found by common random numbers from phi = 0.4, at several arrival rates at once."""
    tunable = pooling.token_probability(
        arrival_rate=scaled(scale, (0.6, 0.7, 0.8), (0.5, 0.6, 0.7, 0.8, 0.9)),
        replications=scaled(scale, 16, 128),
    )
    found, seconds = timed(tunable, seed)
    claims = []
    for rate, one in zip(np.asarray(tunable.cases, np.float64).round(6), found, strict=True):
        phi, miss = float(one.tuned), one.shortfall
        left, right = tuning.fluid_slopes(rate, 20)
        claims.append(
            Claim(
                f"cheapest phi at lambda = {rate:g}, N = 20, C = 20",
                float(rate),
                phi,
                1.96 * float(miss.tuned_error) if miss else 0.0,
                verdict(abs(phi - rate) <= 0.01),
                f"a kink: slopes {left:.3g} and {right:.3g}; {missing(one)}; gain {one.gain}",
            )
        )
    claims.append(Claim("CPU seconds for each, compiled", None, seconds / len(found)))
    x = tuple(float(n) for n in range(found[0].steps))
    curves = [
        Curve(name, x, tuple(one.points.tolist())) for name, one in zip(tunable.names, found, strict=True)
    ]
    panel = Panel("Descent to the kink phi = lambda", "step", "token probability phi", tuple(curves))
    source = "Chen, Chen, Qian (2023), Theorem 5.1"
    return reported(
        "pooling.tuned_phi", "The token probability, tuned", source, claims, (panel,), scale, seed
    )


def drops(zeta: np.ndarray, delay: float, replications: int, seed: int) -> tuple[float, float]:
    """Return mean and standard error of a table's drops on a large cycle.

    Own queue's drops on the same regimes, whose mean is known exactly, are the control variate.
    """
    system = assemble(cycle(512), delay=delay, largest_delay=10.0)

    def sampled(table: np.ndarray) -> np.ndarray:
        policy = Table(jnp.asarray(table, jnp.float32))
        result = simulate(system.kernel, policy, system.params, replications=replications, seed=seed)
        return result.samples["drops_per_node.numerator"] / result.samples["drops_per_node.denominator"]

    x, y = sampled(zeta), sampled(np.zeros_like(zeta))
    slope = np.cov(x, y)[0, 1] / y.var(ddof=1)
    z = x - slope * (y - constant_rates(delay=delay)["drops_per_node"])
    return float(z.mean()), float(z.std(ddof=1) / np.sqrt(z.size))


def offload_table(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Offload tables for ten delays from random tables, in one vmapped call, by the score inside cones."""
    tunable = balancing.table(replications=scaled(scale, 4, 16), start_seed=int(seed))
    found, seconds = timed(tunable, seed, assess=False)
    claims = []
    for delay, one in zip(np.asarray(tunable.cases).tolist(), found, strict=True):
        best = balancing.OPTIMA.get(int(delay))
        if best is None and scale == "smoke":
            continue
        mean, error = drops(flat(one.tuned), delay, scaled(scale, 2000, 20_000), int(seed) + 1)
        met = best is None or abs(mean - best) <= 0.005 * best + 3 * error
        off = "" if best is None else f"{100 * (mean / best - 1):+.2f} % of the optimum; "
        note = f"{off}zeta = ({', '.join(f'{z:.3f}' for z in flat(one.tuned))})"
        about = f"drops of the tuned table, delay {delay:g}"
        claims.append(Claim(about, best, mean, 1.96 * error, verdict(met), note))
    each = seconds / len(found)
    claims.append(Claim("CPU seconds for each delay, compiled", "under 5", each, verdict=verdict(each < 5)))
    panel = traces(tunable, found, "Ten descents in one call, from random tables", "drops / 50 time")
    source = "Tahir, Cui, Koeppl (2023), MF-R; optima are ours"
    title = "Offload tables by delay, tuned"
    return reported("balancing.tuned_table", title, source, claims, (panel,), scale, seed)


@float64
def _worth(weights: Any, start: tuple[int, ...], discount: float) -> tuple[float, float]:
    """Return the exact value for ever of softmax weights and of the index rule."""
    rule = softmax_value(jnp.asarray(weights), jnp.asarray(REWARDS), jnp.asarray(MOVES), discount)
    place = int(np.ravel_multi_index(start, (len(REWARDS),) * len(start)))
    best = joint_value([(REWARDS, MOVES)] * len(start), discount, start)
    return float(rule(len(start))[place]), best


def priority_weights(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Priority weights of the states from random ones: their order becomes that of the index."""
    tunable = bandits.weights(replications=scaled(scale, 256, 2048), start_seed=(0, 1, 2))
    found, seconds = timed(tunable, seed, steps=scaled(scale, 200, 400))
    index = gittins_index(REWARDS, MOVES, 0.8)
    claims = []
    for name, one in zip(tunable.names, found, strict=True):
        weights = flat(one.tuned)
        value, best = _worth(weights, (0, 1, 2), 0.8)
        same = bool(np.all(np.argsort(weights) == np.argsort(index)))
        note = f"index {np.round(index, 3).tolist()}; {missing(one)}"
        claims.append(
            Claim(f"order of the weights, {name}", "index", numbers(tunable, one), 0, verdict(same), note)
        )
        near = value >= best * (1 - 0.005)
        claims.append(
            Claim(
                f"reward of the tuned rule, exactly, {name}", best, value, 0.0, verdict(near), "within 0.5 %"
            )
        )
    claims.append(Claim("CPU seconds for each, compiled", None, seconds / len(found)))
    panel = traces(tunable, found, "Descent from random weights", "minus the reward of 256 paths")
    source = "Ishikida (1992), section 6.2"
    return reported("bandits.tuned_weights", "Priority weights, tuned", source, claims, (panel,), scale, seed)


def priority_indices(*, scale: str = "smoke", seed: Whole = 0) -> Report:
    """Indices of a server's queues from random ones: their order becomes that of c mu."""
    tunable = actors.indices(replications=scaled(scale, 256, 2048), start_seed=(0, 1, 2))
    found, seconds = timed(tunable, seed, steps=scaled(scale, 300, 600))
    c_mu = np.multiply(HOLDING, SERVICES)
    claims = []
    for number, (name, one) in enumerate(zip(tunable.names, found, strict=True)):
        index, known = flat(one.tuned), tunable.known_of(number)
        assert known is not None
        same = bool(np.all(np.argsort(index) == np.argsort(c_mu)) and np.all(index > 0))
        note = f"c mu = {np.round(c_mu, 3).tolist()}; {missing(one)}"
        claims.append(
            Claim(f"order of the indices, {name}", "c mu", numbers(tunable, one), 0, verdict(same), note)
        )
        strict = actors.cost_of(20.0 * (np.argsort(np.argsort(index)) + 1), 200, 4)
        near = abs(strict / known.value - 1) < 1e-6
        note = f"softmax of the tuned indices, which still explores: {actors.cost_of(index, 200, 4):.5g}"
        about = f"cost of strict priority in that order, exactly, {name}"
        claims.append(Claim(about, known.value, strict, 0.0, verdict(near), note))
    claims.append(Claim("CPU seconds for each, compiled", None, seconds / len(found)))
    panel = traces(tunable, found, "Descent from random indices", "cost of 256 paths")
    source = "Ahn, Righter (2005), section 3.1; the c-mu rule"
    return reported("actors.tuned_indices", "Priority indices, tuned", source, claims, (panel,), scale, seed)
