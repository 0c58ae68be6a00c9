"""Rows of jaxsim: a kernel under `simulate`, or any function that solves something."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax

from benchmarks.harness import roofline
from benchmarks.harness.clock import timed
from benchmarks.harness.rows import Answer, Row, pooled
from jaxsim.core import random
from jaxsim.engine import batch, simulate
from jaxsim.engine.memory import budget
from jaxsim.engine.path import TOTALS
from jaxsim.engine.plan import bytes_of, make_plan
from jaxsim.statistics.intervals import student_t

LANES = 64
"""Replications in the program whose operations are counted; per replication the count is always the same."""


def simulated(
    system: Any,
    policy: Any,
    answers: dict[str, str],
    *,
    replications: int,
    horizon: float,
    warmup: float = 0.0,
    nodes: int = 1,
    touched: int | None = None,
    repeats: int = 5,
    null: Callable[[dict[str, float]], float] | None = None,
    who: str = "jaxsim",
    **keys: Any,
) -> Row:
    """Time `simulate` under other seeds, on one device, tables and statistics included.

    Args:
        answers: name of the answer -> metric.
        nodes: units of work in a step: nodes that an epoch moves, or 1 event.
        touched: bytes of state that a step reads (and writes); default all of it.
        null: share of null events, from the metrics' means.
    """
    device = jax.devices()[0]
    step_time = float(system.kernel.step_time(system.kernel.spec, system.params))

    def call(seed: int) -> Any:
        return simulate(
            system.kernel, policy, system.params, seed=seed, replications=replications, horizon=horizon,
            warmup=warmup, devices=(device,), **keys,
        )  # fmt: skip

    compiled = call(0).timing["compile"]
    found = timed(call, repeats)
    steps = found.results[0].steps + math.ceil(warmup / step_time - 1e-9)
    work = float(replications) * steps * nodes
    rate = work / found.median
    told = {name: pooled([_answer(r, metric) for r in found.results]) for name, metric in answers.items()}
    means = {
        name: pooled([_answer(r, name) for r in found.results]).mean for name in found.results[0].estimates
    }
    counted = count(system.kernel, system.params, policy, replications, nodes, touched)
    reached, limit = roofline.share(rate, *counted)
    joules = found.joules / (work * repeats) if found.joules is not None else None
    nothing = null(means) if null else None
    return Row(
        who, rate, found.spread, repeats, told, nothing, compiled, *counted[:2], reached, limit, joules
    )


def _answer(result: Any, metric: str) -> Answer:
    e = result.estimates[metric]
    degrees = max(1, e.replications - 1)
    return Answer(e.mean, e.half_width / student_t(e.level, degrees), degrees)


def count(
    kernel: Any, params: Any, policy: Any, replications: int, nodes: int, touched: int | None
) -> tuple[float, float, float]:
    """Bytes carried and operations done per unit of work, and bytes of the working set.

    Bytes: what one step reads of the path (state, random words, totals) and writes again. Operations: XLA's
    count of the step's elementwise operations before it fuses (and perhaps repeats) them.
    """
    context = batch.prepare(kernel, params, policy)
    shape = batch.first_path.eval_shape(kernel, policy, context, random.key(0))
    each = bytes_of(shape)
    devices = (jax.devices()[0],)
    plan = make_plan(replications, each, devices, budget(None, devices))
    moved = each if touched is None else each - bytes_of(shape.state) + touched

    def one(context: Any, policy: Any, path: Any) -> Any:
        state, observed = kernel.step(path.draws, kernel.spec, context, policy, path.state)
        return (
            state,
            kernel.draw(path.key.after(1), kernel.spec, policy),
            TOTALS.update(path.totals, observed),
        )

    many = jax.tree.map(lambda x: jax.ShapeDtypeStruct((LANES, *x.shape), x.dtype), shape)
    lowered = jax.jit(jax.vmap(one, in_axes=(None, None, 0))).lower(context, policy, many)
    found: Any = lowered.cost_analysis()
    operations = (found.get("flops", 0.0) + found.get("transcendentals", 0.0)) / LANES
    return 2.0 * moved / nodes, operations / nodes, float(each) * plan.lanes


def solved(
    call: Callable[[int], Any],
    work: float,
    answers: Callable[[Any], dict[str, float]],
    *,
    repeats: int = 5,
    who: str = "jaxsim",
    operations: float | None = None,
    bytes_each: float | None = None,
    working_set: float = 1 << 20,
    note: str = "",
) -> tuple[Row, Any]:
    """Time a function of a number (0 compiles); return its row and its last result.

    Args:
        work: units in one call. answers: the numbers to compare, from a result.
        operations, bytes_each: counted per unit by hand, where the roofline is to be given.
    """
    found = timed(call, repeats)
    rate = work / found.median
    last = found.results[-1]
    reached, limit = None, ""
    if operations is not None or bytes_each is not None:
        reached, limit = roofline.share(rate, bytes_each or 0.0, operations or 0.0, working_set)
    row = Row(
        who, rate, found.spread, repeats, {k: Answer(float(v)) for k, v in answers(last).items()}, None,
        max(0.0, found.first - found.median), bytes_each, operations, reached, limit,
        found.joules / (work * repeats) if found.joules is not None else None, note,
    )  # fmt: skip
    return row, last


def repeats_of(quick: bool) -> int:
    """How many times everything is timed."""
    return 3 if quick else 5
