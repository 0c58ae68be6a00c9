"""What the pricing experiments share: scales, mean differences over time, verdicts."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.random import key
from jaxsim.core.types import Whole
from jaxsim.core.validation import choice
from jaxsim.engine import Every, FinalState, rollout, simulate
from jaxsim.results.report import Claim, Curve, Panel, Report, Verdict

SOURCE = "Dai (2024), Game-theoretic policy computing and simulation for blockchained buffering system"
CHUNK = 250


def scaled(scale: str, smoke: Any, paper: Any) -> Any:
    """Return the value for the scale asked for."""
    return smoke if choice("scale", scale, ("smoke", "paper")) == "smoke" else paper


def verdict(true: bool) -> Verdict:
    """Return the word for a comparison that came out or did not."""
    return "reproduced" if true else "not reproduced"


class Averages(NamedTuple):
    """Means over replications of observables at a set of times, with half-widths of 95 % intervals.

    times: ends of the segments. mean, half_width: name -> one number per segment; an observable is averaged
    over the segment. last: name -> one value per replication of the last segment.
    """

    times: np.ndarray
    mean: dict[str, np.ndarray]
    half_width: dict[str, np.ndarray]
    last: dict[str, np.ndarray]


@functools.partial(jax.jit, static_argnames=("kernel", "steps", "every", "replications"))
def _batches(
    kernel: Any, policy: Any, params: Any, root: Any, steps: int, every: int, replications: int
) -> Any:
    def one(number: Any) -> Any:
        return rollout(kernel, policy, params, root.replication(number), steps=steps, record=Every(every))[2]

    numbers = jnp.arange(replications).reshape(-1, min(CHUNK, replications))
    return jax.lax.map(jax.vmap(one), numbers)


def averages(
    system: System, policy: Any, *, seed: Whole, replications: int, steps: int, segments: int
) -> Averages:
    """Return means over time of all observables; ``segments`` cut the steps evenly."""
    every = steps // segments
    found = _batches(system.kernel, policy, system.params, key(seed), steps, every, replications)
    flat = {name: np.asarray(x, np.float64).reshape(replications, segments) for name, x in found.items()}
    times = np.arange(1, segments + 1) * every * float(system.params.time_step)
    return Averages(
        times,
        {name: x.mean(axis=0) for name, x in flat.items()},
        {name: 1.96 * x.std(axis=0, ddof=1) / np.sqrt(replications) for name, x in flat.items()},
        {name: x[:, -1] for name, x in flat.items()},
    )


def ends(
    system: System, policy: Any, *, seed: Whole, replications: int, horizon: float
) -> dict[str, np.ndarray]:
    """Return the last states of the replications, one array per leaf of the state."""
    how: dict[str, Any] = {"seed": seed, "replications": replications, "horizon": horizon}
    return simulate(system.kernel, policy, system.params, record=FinalState(), **how).arrays


def curve(label: str, found: Averages, name: str) -> Curve:
    """Return an observable's mean over time."""
    half = tuple(map(float, found.half_width[name]))
    return Curve(label, tuple(map(float, found.times)), tuple(map(float, found.mean[name])), half)


def last(found: Averages, name: str) -> tuple[float, float]:
    """Return mean and half-width over the last segment."""
    return float(found.mean[name][-1]), float(found.half_width[name][-1])


class Draft:
    """A report under way: it knows its name, source, scale and when it began."""

    def __init__(self, name: str, title: str, where: str, scale: str, seed: Whole):
        """Start the clock of experiment ``name`` at ``where`` in the paper."""
        self.head = (f"pricing.{name}", title, f"{SOURCE}, {where}")
        self.scale, self.seed, self.clock = scale, int(seed), time.perf_counter()

    def report(self, claims: Iterable[Claim], panels: Iterable[Panel] = ()) -> Report:
        """Return the report."""
        seconds = time.perf_counter() - self.clock
        return Report(*self.head, tuple(claims), tuple(panels), self.scale, self.seed, seconds)
