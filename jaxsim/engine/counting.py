"""Histograms while a path runs: a kernel that also counts how often a metric has reached each edge.

Counted is, per step after the warm-up, what a metric averages over steps: c_i = #{steps with value >= e_i},
one comparison and one addition per edge. The bins are differences of neighbours, so that nothing is ever
dropped: the first holds all below e_0, the last all from e_n on. The counts lie in the state, so checkpoints,
devices and hosts need nothing new; a path has fewer than 2**32 steps, so 32 bits always hold them. A kernel
that does not count is the one that was given: nothing is paid for it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import Kernel, Metric
from jaxsim.core.tree import pytree
from jaxsim.core.validation import choice, refuse, require

Edges = tuple[tuple[str, tuple[float, ...]], ...]
"""Metrics with their edges; hashable, as a kernel must be."""
MOST_EDGES, LARGEST = 1 << 12, 1e30
FIELD = "histogram"
REMEDY = "give NAME=LOW:HIGH:BINS, or increasing edges by the name of a metric"


def edges_of(asked: Any, metrics: tuple[Metric, ...]) -> Edges:
    """Return the edges asked for: by name, or as text such as ``"jobs=0:50:25,cost=0:1:100"``.

    Raises:
        InvalidInput: if they do not increase, or the metric is no mean over steps (one that is divided by
            time, say, weighs its steps; a total over the horizon has no law of a step).
    """
    if asked is None:
        return ()
    given = _spelled_out(asked) if isinstance(asked, str) else asked
    require(isinstance(given, Mapping) and bool(given), FIELD, asked, "names no metric", REMEDY)
    return tuple((name, _edges(name, given[name], metrics)) for name in given)


def _spelled_out(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, _, numbers = (piece.strip() for piece in part.partition("="))
        try:
            low, high, bins = (float(number) for number in numbers.split(":"))
        except ValueError:
            refuse(FIELD, part, "is not a range", REMEDY)
        whole = bins == int(bins) if np.isfinite(bins) else False
        require(whole and 1 <= bins < MOST_EDGES, FIELD, part, "has a bad number of bins", "give 1 .. 4095")
        require(name not in found, FIELD, text, f"names {name} twice", "name each metric once")
        found[name] = np.linspace(low, high, int(bins) + 1)
    return found


def _edges(name: Any, values: Any, metrics: tuple[Metric, ...]) -> tuple[float, ...]:
    known = {metric.name: metric for metric in metrics}
    per = known[choice(FIELD, name, known)].per
    steps = ", ".join(metric.name for metric in metrics if metric.per == "step") or "none here"
    require(per == "step", FIELD, name, f"is taken per {per}, not per step", f"choose among: {steps}")
    try:
        edges = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        refuse(FIELD, values, "are not edges", REMEDY)
    require(edges.ndim == 1 and 2 <= edges.size <= MOST_EDGES, FIELD, values, "are not edges", REMEDY)
    rising = bool((np.abs(edges) < LARGEST).all()) and bool((np.diff(_met(edges)) > 0).all())
    require(rising, FIELD, name, "has edges that do not increase (in 32 bits)", REMEDY)
    return tuple(float(edge) for edge in edges)


def _met(edges: Any) -> np.ndarray:
    """Return what a value must reach: the edges less four roundings in 32 bits.

    A metric such as jobs / 10 takes its values with a rounding error, and 3 / 10 is to reach 0.3.
    """
    edges = np.asarray(edges, np.float64)
    return (edges - 4 * np.finfo(np.float32).epsneg * np.abs(edges)).astype(np.float32)


@pytree
class Counted:
    """A state, and how many steps have reached each edge, by metric."""

    inner: Any
    counts: dict[str, Any]

    @property
    def status(self) -> Any:
        """The trouble of the state."""
        return self.inner.status


@functools.lru_cache
def counting(kernel: Kernel, edges: Edges) -> Kernel:
    """Return the kernel whose states also count; the same one for the same edges, or it would recompile."""
    metrics = {metric.name: metric for metric in kernel.metrics}

    def prepare(spec: Any, params: Any, policy: Any) -> Any:
        return kernel.prepare(spec, params, policy), params

    def init(key: Any, spec: Any, context: Any) -> Counted:
        nothing = {name: jnp.zeros(len(at), jnp.uint32) for name, at in edges}
        return Counted(kernel.init(key, spec, context[0]), nothing)

    def step(draws: Any, spec: Any, context: Any, policy: Any, state: Counted) -> tuple[Counted, Any]:
        inner, params = context
        after, observed = kernel.step(draws, spec, inner, policy, state.inner)
        counts = {
            name: state.counts[name] + (metrics[name].top(spec, params, observed) >= jnp.asarray(_met(at)))
            for name, at in edges
        }
        return Counted(after, counts), observed

    return dataclasses.replace(kernel, prepare=prepare, init=init, step=step, cut=None)


def apart(state: Any) -> tuple[Any, dict[str, Any]]:
    """Return the state of the kernel itself, and the counts (none where nothing is counted)."""
    return (state.inner, state.counts) if isinstance(state, Counted) else (state, {})


def from_zero(path: Any) -> Any:
    """Return the paths with nothing counted so far: the warm-up has passed."""
    if not isinstance(path.state, Counted):
        return path
    nothing = jax.tree.map(jnp.zeros_like, path.state.counts)
    return dataclasses.replace(path, state=Counted(path.state.inner, nothing))


def histograms(
    edges: Edges, counts: Mapping[str, np.ndarray], steps: int, group: int
) -> dict[str, np.ndarray]:
    """Return ``histogram.NAME.edges`` and ``histogram.NAME.counts`` of shape (groups, edges + 1)."""
    found = {}
    for name, at in edges:
        reached = counts[name].astype(np.int64)
        ends = ((0, 0), (1, 1))
        bins = -np.diff(np.pad(reached, ends, constant_values=((0, 0), (steps, 0))), axis=1)
        found[f"histogram.{name}.edges"] = np.asarray(at)
        found[f"histogram.{name}.counts"] = bins.reshape(-1, group, bins.shape[1]).sum(axis=1)
    return found
