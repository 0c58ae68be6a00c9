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
from jaxsim.engine.path import TOTALS, Every, FinalState, block_length
from jaxsim.engine.plan import LONGEST_CALL, Plan, calls, padded


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

    # Per batch: observable -> totals of shape (replications,), and (slices,) or (slices, replications).
    totals: list[dict[str, np.ndarray]] = field(default_factory=list)
    slices: list[dict[str, np.ndarray]] = field(default_factory=list)
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

    def proceed(self, batch: Any, slices: list[int]) -> tuple[Any, dict[str, np.ndarray]]:
        """Take slices of so many steps; return paths, and totals of shape (slices, replications)."""
        sums: dict[str, np.ndarray] = {}
        # Integer totals hold 2**15 folds; half of that leaves room for the folds of short pieces.
        longest = min(LONGEST_CALL, block_length(self.kernel) << 14)
        for pieces in calls(slices, longest):
            lengths = [length for _, length in pieces]
            batch, totals = self.call(batch, padded(lengths))
            for name, value in totals.items():
                into = sums.setdefault(name, np.zeros((len(slices), value.shape[1])))
                for (number, _), part in zip(pieces, value, strict=False):
                    into[number] += part
            self.done += sum(lengths) * self.plan.batch
            if self.progress is not None:
                self.progress(Progress(self.done, self.total, time.perf_counter() - self.began))
        return batch, sums

    def call(self, batch: Any, lengths: list[int]) -> tuple[Any, dict[str, np.ndarray]]:
        """Run the compiled program once; return paths, and totals of shape (pieces, replications)."""
        mesh, steps = batches.mesh_of(self.plan), jnp.asarray(lengths, jnp.int32)
        batch, totals = batches.proceed(self.kernel, mesh, self.policy, self.context, batch, steps)
        read = TOTALS.finalize(totals)
        return batch, {n: np.moveaxis(v, 1, 0).reshape(len(lengths), -1) for n, v in read.items()}

    def run_batch(self, first: int, count: int) -> None:
        """Simulate the next batch; of its ``plan.batch`` paths the first ``count`` are wanted."""
        plan, mesh = self.plan, batches.mesh_of(self.plan)
        numbers = np.arange(first, first + plan.batch, dtype=np.uint32)
        numbers = numbers.reshape(len(plan.devices) * plan.chunks, plan.lanes)
        clock = time.perf_counter()
        paths = batches.begin(self.kernel, mesh, self.policy, self.context, self.root, jnp.asarray(numbers))
        if not self.gathered.totals:
            # No steps: this compiles the program, so that compiling and running are timed apart.
            longest = max((len(c) for c in calls(self.slice_steps, LONGEST_CALL)), default=1)
            paths, _ = self.call(paths, padded([0] * longest))
            self.compile_seconds += time.perf_counter() - clock
        paths, _ = self.proceed(paths, [self.warmup_steps])
        paths, sums = self.proceed(paths, self.slice_steps)
        sums = {name: value[:, :count] for name, value in sums.items()}
        keep = isinstance(self.record, Every) or count == 1
        gathered, totals = self.gathered, {name: value.sum(axis=0) for name, value in sums.items()}
        gathered.totals.append(totals)
        gathered.slices.append({n: v if keep else v.sum(axis=1) for n, v in sums.items()})
        gathered.status.append(np.asarray(paths.state.status).reshape(-1)[:count] | _non_finite(totals))
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
