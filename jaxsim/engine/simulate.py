"""Simulate thousands of replications of any kernel and report estimates with intervals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxsim.core import random
from jaxsim.core.kernel import Control, Kernel, Metric
from jaxsim.core.status import count_bits, untrustworthy
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, integer, non_negative, positive, refuse, require, scalar
from jaxsim.engine import counting, hosts
from jaxsim.engine.checks import defined, finite
from jaxsim.engine.describe import describe, policy_name
from jaxsim.engine.estimates import estimate, estimate_from_slices, grouped, series, sides, variates
from jaxsim.engine.gathered import joined
from jaxsim.engine.hosts import Hosts
from jaxsim.engine.memory import budget
from jaxsim.engine.path import Every, FinalState
from jaxsim.engine.plan import equal_parts
from jaxsim.engine.program import program
from jaxsim.engine.run import Progress, Run
from jaxsim.results import Result
from jaxsim.results.checkpoint import keep
from jaxsim.results.identity import identity
from jaxsim.statistics import FIRST_STAGE, mser5, next_stage, targets

SLICES = 32
"""Equal slices of the horizon: points of the time series, and batches when there is one replication."""
PILOT_REPLICATIONS, PILOT_SLICES = 64, 400
MOST_STEPS = 2**32 - 1
MOST_REPLICATIONS = 1_000_000
"""That a precision may take, unless the caller says otherwise."""
LARGEST_NUMBER = 2**31


def _steps(name: str, horizon: float, step_time: float) -> int:
    """Return the whole number of steps that covers the model time; forgives rounding in the quotient."""
    steps = math.ceil(horizon / step_time - 1e-9)
    remedy = f"shorten it: a path has at most 2**32 - 1 steps of expected length {step_time:.6g}"
    require(steps <= MOST_STEPS, name, horizon, f"takes {steps} steps", remedy)
    return steps


def _time_shares(run: Run, step_time: float, horizon: float) -> tuple[np.ndarray, np.ndarray]:
    steps = np.asarray(run.slice_steps, np.float64)
    return steps, steps * step_time / horizon


def _detect_warmup(run: Run, kernel: Kernel, params: Any, step_time: float, horizon: float) -> float:
    """Return the model time that MSER-5 finds on a pilot, the largest over the metrics."""
    steps, shares = _time_shares(run, step_time, horizon)
    count = run.replications
    found = series(sides(kernel, params, run.slice_totals(), steps * count, shares * count))
    cuts = {name: mser5(values[np.isfinite(values)]) for name, values in found.items()}
    name = max(cuts, key=lambda n: cuts[n])
    if cuts[name] >= len(run.slice_steps):
        refuse(
            "warmup", "auto", f"found no steady state in {name}", f"lengthen the horizon beyond {horizon:g}"
        )
    return float(np.sum(steps[: cuts[name]]) * step_time)


def simulate(
    kernel: Kernel,
    policy: Any,
    params: Any,
    *,
    seed: Whole = 0,
    replications: Whole = 100,
    horizon: Real | None = None,
    warmup: Real | str | None = None,
    precision: Any = None,
    most_replications: Whole = MOST_REPLICATIONS,
    antithetic: Any = False,
    control: Any = False,
    level: Real = 0.95,
    record: FinalState | Every | None = None,
    histogram: Any = None,
    devices: tuple[Any, ...] | None = None,
    split: str = "replications",
    memory: Whole | str | None = None,
    lanes: Whole | None = None,
    checkpoint: str | Path | None = None,
    on_trouble: str = "raise",
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Simulate independent replications and return estimates with confidence intervals.

    Each metric is E[numerator total] / E[denominator total], estimated by the ratio of the means over
    replications with a Student t interval; one replication alone is cut into batches in time instead.
    A replication's path depends on the seed and its number only, not on the batch, the device or the host.
    Where `jax.distributed` has joined several processes (see `jaxsim.engine.hosts`), all of them call this
    with the same arguments, share the replications, and receive the same Result.

    Args:
        kernel, policy, params: the system; ``params`` and ``policy`` may change without recompiling.
        seed: whole number in 0 .. 2**64 - 1.
        replications: how many independent paths (with ``precision``, how many to begin with).
        horizon: model time that is measured, after the warm-up; default from the kernel. It is covered by
            a whole number of steps; with a uniformized clock their *expected* total time is the horizon.
        warmup: model time that is simulated first and not measured; ``"auto"`` finds it by MSER-5 on a
            pilot of at most 64 replications; default from the kernel.
        precision: add replications until every half-width is small enough: 0.01 or ``"1%"`` of the mean,
            ``"0.05abs"`` whatever the mean; for all metrics, or by name in a dict or a text such as
            ``"waits=1%,drops=0.05abs"``. The first stage has at least 30 replications; the rule and its
            defences against stopping early are those of `jaxsim.statistics.sequential`.
        most_replications: refuse a precision that takes more than this.
        antithetic: replications 2i and 2i + 1 see reflected random words; intervals are made from pairs.
            Shorter where what is measured is near monotone in the words, longer where it is not: measure.
        control: estimate every metric by regression on the kernel's control variates (numbers of the same
            path whose means are known), which shortens the intervals; refused where it has none. `compare`
            pairs the plain values.
        level: confidence level of the intervals.
        record: ``FinalState()`` or ``Every(steps)``: arrays of the Result; nothing is kept otherwise.
        histogram: bins for metrics that are means over steps: ``{"jobs": edges}`` or ``"jobs=0:50:25"``
            (LOW:HIGH:BINS). Every step after the warm-up counts once, with what the metric averages; values
            outside are counted at the ends. Memory: a number per edge and replication. See
            `Result.quantile`.
        devices: which devices; default all local ones. split: what they share: ``"replications"``, or the
            ``"nodes"`` of each replication, where one fills a device (kernels that offer `Kernel.cut`).
        memory: bytes to use at most, over all devices, as a number or with a unit ("2GB"); default half of
            what is free. Where an allocation fails all the same, half as many replications are simulated at
            once (with a RuntimeWarning).
        checkpoint: folder that keeps the work done so far, a few times a minute at less than 1 % of the time.
            Called again with the same arguments after a kill, the simulation goes on from there to the same
            numbers; a checkpoint of other arguments or versions is refused.
        lanes: replications side by side in one loop; by default as many as keep their state in cache.
        on_trouble: ``"raise"`` refuses numbers that a status bit makes untrustworthy; ``"report"`` keeps
            them, with the bits in ``Result.status``.
        progress: called with a `Progress` after every piece of work.

    Raises:
        InvalidInput: for arguments out of range, before anything is traced.
        UntrustworthyResult: if a status bit is set in any replication.
    """
    clock = time.perf_counter()
    replications = integer("replications", replications, low=1, high=LARGEST_NUMBER)
    root = random.key(seed, antithetic=_flag("antithetic", antithetic))
    group = 2 if antithetic else 1
    most = integer("most_replications", most_replications, low=FIRST_STAGE * group, high=LARGEST_NUMBER)
    choice("on_trouble", on_trouble, ("raise", "report"))
    require(0 < level < 1, "level", level, "is not a confidence level", "give a number between 0 and 1")
    length = scalar("horizon", kernel.horizon if horizon is None else horizon, positive)
    start: Any = kernel.warmup if warmup is None else warmup
    wanted = {} if precision is None else targets(precision, [metric.name for metric in kernel.metrics])
    if wanted:
        require(replications > 1, "replications", 1, "leave nothing to judge a precision by", "begin with 30")
        replications = max(replications, FIRST_STAGE * group)
    paired = not antithetic or (replications >= 4 and replications % 2 == 0)
    require(paired, "replications", replications, "do not make pairs", "give an even number from 4 on")
    devices = tuple(devices or jax.local_devices())
    edges = counting.edges_of(histogram, kernel.metrics)
    whole, remedy = not edges or split != "nodes", "split the replications"
    require(whole, "histogram", histogram, "is not offered where devices share nodes", remedy)
    finite("params", params, kernel.unbounded)
    defined("policy", policy)
    step_time = float(positive("step_time", kernel.step_time(kernel.spec, params)))
    measured = _steps("horizon", length, step_time)
    slice_steps = _slices(record, measured)
    if start != "auto":
        start = scalar("warmup", start, non_negative)
        _steps("warmup", start, step_time)
    allowed = budget(memory, devices)
    if lanes is not None:
        lanes = integer("lanes", lanes, low=1)
    stepping, controls = _controlled(kernel, replications) if _flag("control", control) else (kernel, ())
    stepping = counting.counting(stepping, edges) if edges else stepping
    made = program(stepping, policy, params, root, split, devices, allowed, lanes)
    together = hosts.here()
    few, remedy = "are fewer than the hosts", f"give {together.count} or more"
    require(replications >= together.count, "replications", replications, few, remedy)
    about: dict[str, Any] = {"seed": int(seed), "replications": replications, "horizon": length}
    about |= {"warmup": start, "precision": precision, "level": level, "record": record}
    about |= {"antithetic": antithetic, "control": control, "histogram": edges or None}
    about |= {"family": kernel.family, "spec": kernel.spec, "params": params, "policy": policy}
    about |= {"kernel": kernel, "split": split, "host": f"{together.index} of {together.count}"}
    same = identity("simulation", **about) if checkpoint else {}
    with keep(together.folder(checkpoint), same) as store:
        saved = store.load()

        def new_run(stage: str, count: int, times: tuple[int, list[int]], record: Any, team: Hosts) -> Run:
            notes, plan = {"stage": stage, "warmup": start}, made.plan(team.share(count))
            run = Run(made, plan, *times, record, progress, store, notes, team)
            if saved is not None and saved.notes["stage"] == stage:
                run.restore(saved)
            return run

        if saved is not None:
            start = saved.notes["warmup"]
        if start == "auto":
            count = min(PILOT_REPLICATIONS, replications)
            # Each host makes the whole pilot: it is short, and hosts may come back to it one by one.
            pilot = new_run("pilot", count, (0, equal_parts(measured, PILOT_SLICES)), None, Hosts())
            pilot.extend(count)
            start = _detect_warmup(pilot, kernel, params, step_time, length)
        times = (_steps("warmup", start, step_time), slice_steps)
        run = new_run("main", replications, times, record, together)
        run.extend(replications)
        while wanted:
            pairs = grouped(sides(kernel, params, run.totals(), *_measures(run, step_time, length)), group)
            count = group * next_stage(
                estimate(pairs, level, variates(controls, kernel, params, run, group)), wanted, most // group
            )
            if count <= run.replications:
                break
            run.extend(count)
    return _result(
        run, kernel, params, controls, edges, seed, length, start, step_time, level, group, on_trouble, clock
    )


def _flag(field: str, value: Any) -> bool:
    require(isinstance(value, bool), field, value, "is neither true nor false", "give true or false")
    return value


def _controlled(kernel: Kernel, replications: int) -> tuple[Kernel, tuple[Control, ...]]:
    """Return the kernel that also reports its control variates, and these."""
    offered, remedy = kernel.controlled is not None, "leave it out"
    require(offered, "control", True, "is not offered by this kernel", remedy)
    assert kernel.controlled is not None
    stepping, controls = kernel.controlled(kernel.spec)
    fewest = len(controls) + 9
    few = f"are too few for {len(controls)} control variates"
    require(replications >= fewest, "replications", replications, few, f"give {fewest} or more")
    return stepping, controls


def _slices(record: FinalState | Every | None, measured: int) -> list[int]:
    """Return the steps of each slice in time of the measured part of a path."""
    if not isinstance(record, Every):
        return equal_parts(measured, SLICES)
    length = integer("record.steps", record.steps, low=1, high=measured)
    return [length] * (measured // length) + ([measured % length] if measured % length else [])


def _measures(run: Run, step_time: float, horizon: float) -> tuple[np.ndarray, np.ndarray]:
    steps, shares = _time_shares(run, step_time, horizon)
    return np.asarray(steps.sum()), np.asarray(shares.sum())


def _unit(metric: Metric, horizon: float) -> str:
    return f"{metric.unit} / {horizon:g} time" if metric.per == "horizon" else metric.unit


def _result(
    run: Run,
    kernel: Kernel,
    params: Any,
    controls: tuple[Control, ...],
    edges: counting.Edges,
    seed: int,
    horizon: float,
    warmup: float,
    step_time: float,
    level: float,
    group: int,
    on_trouble: str,
    clock: float,
) -> Result:
    """Assemble the Result; refuse untrustworthy numbers unless told to report them."""
    count = run.replications
    status = count_bits(np.concatenate(run.whole.status))
    if status and on_trouble == "raise":
        raise untrustworthy(status, count)
    pairs = grouped(sides(kernel, params, run.totals(), *_measures(run, step_time, horizon)), group)
    steps, shares = _time_shares(run, step_time, horizon)
    slices = sides(kernel, params, run.slice_totals(), steps * count, shares * count)
    arrays = {}
    if isinstance(run.record, Every):
        kept = joined(run.whole.kept, axis=1)
        arrays = {name: (value / steps[:, None]).T for name, value in kept.items()}
    if isinstance(run.record, FinalState):
        leaves, _ = jax.tree_util.tree_flatten_with_path(joined(run.whole.final))
        arrays = {jax.tree_util.keystr(where, simple=True, separator="."): leaf for where, leaf in leaves}
    if edges:
        reached = joined(run.whole.counts)
        arrays |= counting.histograms(edges, reached, int(steps.sum()), group)
    run_seconds = time.perf_counter() - run.began - run.compile_seconds
    return Result(
        family=kernel.family,
        spec=describe(kernel.spec),
        params=describe(params),
        policy=policy_name(run.program.policy),
        seed=int(seed),
        replications=count,
        horizon=horizon,
        warmup=warmup,
        steps=int(steps.sum()),
        estimates=estimate(pairs, level, variates(controls, kernel, params, run, group))
        if count > 1
        else estimate_from_slices(slices, level),
        units={metric.name: _unit(metric, horizon) for metric in kernel.metrics},
        better={metric.name: metric.better for metric in kernel.metrics if metric.better},
        status=status,
        samples={f"{name}.numerator": x for name, (x, _) in pairs.items()}
        | {f"{name}.denominator": y for name, (_, y) in pairs.items()},
        series={"time": warmup + np.cumsum(steps) * step_time, **series(slices)},
        arrays=arrays,
        timing={
            "wall": time.perf_counter() - clock,
            "compile": run.compile_seconds,
            "run": run_seconds,
            "steps_per_second": run.done / max(run_seconds, 1e-9),
        },
        device=f"{run.hosts.count * len(run.plan.devices)} x {run.plan.devices[0].device_kind}",
    )
