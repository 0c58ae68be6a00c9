"""One simulation under way: the schedule, what the batches have delivered, and the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random
from jaxsim.core.kernel import Kernel
from jaxsim.core.status import Status
from jaxsim.engine import batch as batches
from jaxsim.engine.path import TOTALS, Every, FinalState
from jaxsim.engine.plan import Plan, calls


@dataclass(frozen=True)
class Progress:
    """How far a simulation is: replication-steps done and planned, seconds since it began."""

    done: float
    total: float
    seconds: float

    @property
    def fraction(self) -> float:
        """Share of the work done."""
        return min(1.0, self.done / self.total) if self.total else 1.0


@dataclass
class Gathered:
    """What the batches have delivered so far, on the host."""

    totals: list[dict[str, np.ndarray]] = field(
        default_factory=list
    )  # per batch: observable -> (replications,)
    slices: list[dict[str, np.ndarray]] = field(
        default_factory=list
    )  # per batch: (slices,) or (slices, reps)
    status: list[np.ndarray] = field(default_factory=list)
    final: list[Any] = field(default_factory=list)


def _non_finite(sums: dict[str, np.ndarray]) -> np.ndarray:
    """Return a status bit for each replication with a total that is not finite, whatever its kernel says."""
    bad = np.any([~np.isfinite(total) for total in sums.values()], axis=0)
    return np.where(bad, np.uint32(Status.NON_FINITE), np.uint32(0))


@dataclass
class Run:
    """One simulation under way: the compiled pieces, the schedule, and the clock."""

    kernel: Kernel
    policy: Any
    context: Any
    root: random.Key
    plan: Plan
    warmup_steps: int
    slice_steps: list[int]
    record: FinalState | Every | None
    progress: Callable[[Progress], None] | None
    gathered: Gathered = field(default_factory=Gathered)
    replications: int = 0
    done: float = 0.0
    total: float = 0.0
    compile_seconds: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def proceed(self, batch: Any, steps: int) -> tuple[Any, dict[str, np.ndarray]]:
        """Take steps, in calls short enough to show progress; return paths and totals on the host."""
        sums: dict[str, np.ndarray] = {}
        mesh = batches.mesh_of(self.plan)
        for length in calls(steps):
            count = jnp.int32(length)
            batch, totals = batches.proceed(self.kernel, mesh, self.policy, self.context, batch, count)
            for name, value in TOTALS.finalize(totals).items():
                sums[name] = sums.get(name, 0.0) + value.reshape(-1)
            self.done += length * self.plan.batch
            if self.progress is not None:
                self.progress(Progress(self.done, self.total, time.perf_counter() - self.began))
        return batch, sums

    def run_batch(self, first: int, count: int) -> None:
        """Simulate the next batch; of its ``plan.batch`` paths the first ``count`` are wanted."""
        plan, mesh = self.plan, batches.mesh_of(self.plan)
        numbers = np.arange(first, first + plan.batch, dtype=np.uint32)
        numbers = numbers.reshape(len(plan.devices) * plan.chunks, plan.lanes)
        clock = time.perf_counter()
        paths = batches.begin(self.kernel, mesh, self.policy, self.context, self.root, jnp.asarray(numbers))
        if not self.gathered.totals:
            # No steps: this compiles the program, so that compiling and running are timed apart.
            paths, _ = batches.proceed(self.kernel, mesh, self.policy, self.context, paths, jnp.int32(0))
            jax.block_until_ready(paths)
            self.compile_seconds += time.perf_counter() - clock
        paths, _ = self.proceed(paths, self.warmup_steps)
        keep = isinstance(self.record, Every) or count == 1
        sums, slices = {}, []
        for steps in self.slice_steps:
            paths, part = self.proceed(paths, steps)
            part = {name: value[:count] for name, value in part.items()}
            sums = {name: sums.get(name, 0.0) + value for name, value in part.items()}
            slices.append(part if keep else {name: value.sum() for name, value in part.items()})
        gathered = self.gathered
        gathered.totals.append(sums)
        gathered.slices.append({name: np.stack([s[name] for s in slices]) for name in sums})
        gathered.status.append(np.asarray(paths.state.status).reshape(-1)[:count] | _non_finite(sums))
        if isinstance(self.record, FinalState):
            flat = jax.tree.map(lambda x: np.asarray(x).reshape(-1, *x.shape[2:])[:count], paths.state)
            gathered.final.append(flat)

    def extend(self, replications: int) -> None:
        """Simulate until there are that many replications."""
        todo = math.ceil((replications - self.replications) / self.plan.batch) * self.plan.batch
        self.total = self.done + todo * (self.warmup_steps + sum(self.slice_steps))
        while self.replications < replications:
            count = min(self.plan.batch, replications - self.replications)
            self.run_batch(self.replications, count)
            self.replications += count

    def totals(self) -> dict[str, np.ndarray]:
        """Return the totals of every replication so far, in order of their numbers."""
        names = self.gathered.totals[0]
        return {name: np.concatenate([t[name] for t in self.gathered.totals]) for name in names}

    def slice_totals(self) -> dict[str, np.ndarray]:
        """Return the totals of each slice, summed over replications."""
        per_batch = self.gathered.slices
        return {
            name: np.sum([s[name].reshape(len(self.slice_steps), -1).sum(axis=1) for s in per_batch], axis=0)
            for name in per_batch[0]
        }
