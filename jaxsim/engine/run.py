"""One simulation under way: the schedule, the batch in flight, its checkpoints, and the clock."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding

from jaxsim.core.status import Status
from jaxsim.core.validation import require
from jaxsim.engine import batch as batches
from jaxsim.engine.counting import apart, from_zero
from jaxsim.engine.gathered import Gathered, joined
from jaxsim.engine.hosts import Hosts
from jaxsim.engine.memory import smaller
from jaxsim.engine.path import TOTALS, Every, FinalState, block_length, too_large
from jaxsim.engine.plan import Plan, calls, padded
from jaxsim.engine.program import Program
from jaxsim.results.checkpoint import Saved, Store


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
class Flight:
    """A batch between two calls: its paths, its totals of shape (slices, replications), the calls made."""

    paths: Any
    sums: dict[str, np.ndarray]
    calls: int = 0


def _non_finite(sums: dict[str, np.ndarray]) -> np.ndarray:
    """Return a status bit for each replication with a total that is not finite, whatever its kernel says."""
    bad = np.any([~np.isfinite(total).all(axis=0) for total in sums.values()], axis=0)
    return np.where(bad, np.uint32(Status.NON_FINITE), np.uint32(0))


@dataclass
class Run:
    """One simulation under way: the compiled pieces, the schedule, and the clock.

    store, notes: where its checkpoints go, and what they say beside the run itself.
    hosts: with whom the replications are shared.
    goal: replications of all hosts that are asked for so far; mine: those that this host has done.
    gathered, whole: what this host, and what all hosts, have delivered. flight: the batch under way, if any.
    """

    program: Program
    plan: Plan
    warmup_steps: int
    slice_steps: list[int]
    record: FinalState | Every | None
    progress: Callable[[Progress], None] | None
    store: Store
    notes: dict[str, Any]
    hosts: Hosts
    gathered: Gathered = field(default_factory=Gathered)
    whole: Gathered = field(default_factory=Gathered)
    flight: Flight | None = None
    mine: int = 0
    goal: int = 0
    done: float = 0.0
    compiled: bool = False
    compile_seconds: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        """Lay out the calls of one batch, each a list of pieces (slice, steps); slice -1 is warm-up."""
        # Integer totals hold 2**15 folds; half of that leaves room for the folds of short pieces.
        longest = min(self.plan.longest, block_length(self.program.kernel) << 14)
        warm = [[(-1, steps) for _, steps in pieces] for pieces in calls([self.warmup_steps], longest)]
        self.schedule = warm + calls(self.slice_steps, longest)

    def call(self, batch: Any, lengths: list[int]) -> tuple[Any, dict[str, np.ndarray]]:
        """Run the compiled program once; return paths, and totals of shape (pieces, replications)."""
        mesh, steps = batches.mesh_of(self.plan), jnp.asarray(lengths, jnp.int32)
        here = self.program
        batch, totals = batches.proceed(here.kernel, mesh, here.policy, here.context, batch, steps)
        read = {n: batches.by_part(self.plan, v).sum(axis=0) for n, v in TOTALS.finalize(totals).items()}
        return batch, {n: np.moveaxis(v, 1, 0).reshape(len(lengths), -1) for n, v in read.items()}

    def _numbers(self) -> np.ndarray:
        """Return the numbers of the replications of the next batch, as they lie on the devices."""
        plan = self.plan
        places = np.arange(self.mine, self.mine + plan.batch)
        numbers = (places * self.hosts.count + self.hosts.index).astype(np.uint32)
        return batches.rows_of(plan, numbers)

    def _begin(self) -> Flight:
        """Return the next batch before its first step."""
        mesh, numbers = batches.mesh_of(self.plan), jnp.asarray(self._numbers())
        here = self.program
        return Flight(batches.begin(here.kernel, mesh, here.policy, here.context, here.root, numbers), {})

    def _compile(self, flight: Flight) -> None:
        """Compile the program, unless it is, by taking no steps: compiling and running are timed apart."""
        lengths = padded([0] * max((len(pieces) for pieces in self.schedule), default=1))
        mesh, arrays = batches.mesh_of(self.plan), (self.program.policy, self.program.context, flight.paths)
        if batches.unmet(self.program.kernel, mesh, len(lengths), arrays):
            flight.paths, _ = self.call(flight.paths, lengths)
        self.compiled = True

    def _advance(self, flight: Flight) -> None:
        """Make the next call of the batch."""
        pieces = self.schedule[flight.calls]
        lengths = [length for _, length in pieces]
        flight.paths, totals = self.call(flight.paths, padded(lengths))
        for name, value in totals.items():
            into = flight.sums.setdefault(name, np.zeros((len(self.slice_steps), value.shape[1])))
            for (number, _), part in zip(pieces, value, strict=False):
                if number >= 0:
                    into[number] += part
        if pieces[-1][0] < 0:
            flight.paths = from_zero(flight.paths)
        flight.calls += 1
        self.done += sum(lengths) * self.plan.batch
        if self.progress is not None:
            self.progress(Progress(self.done, self.total, time.perf_counter() - self.began))

    @property
    def total(self) -> float:
        """Replication-steps until the goal."""
        batch = self.plan.batch
        todo = math.ceil((self.hosts.share(self.goal) - self.mine) / batch) * batch
        each, taken = self.warmup_steps + sum(self.slice_steps), self.flight.calls if self.flight else 0
        flown = batch * sum(steps for pieces in self.schedule[:taken] for _, steps in pieces)
        return self.done + todo * each - flown

    def run_batch(self, count: int) -> None:
        """Simulate the next batch, or what is left of it; its first ``count`` paths are wanted."""
        if self.flight is None or not self.compiled:
            clock = time.perf_counter()
            self.flight = self.flight or self._begin()
            if not self.compiled:
                self._compile(self.flight)
                self.compile_seconds += time.perf_counter() - clock
        flight = self.flight
        while flight.calls < len(self.schedule):
            self._advance(flight)
            self.store.offer(self.snapshot)
        sums = {name: value[:, :count] for name, value in flight.sums.items()}
        state, counts = apart(flight.paths.state)
        wide = too_large(self.program.kernel, flight.paths)
        found = np.asarray(state.status) | np.where(wide, np.uint32(Status.COUNTER_OVERFLOW), np.uint32(0))
        found = np.bitwise_or.reduce(batches.by_part(self.plan, found), axis=0)
        status = found.reshape(-1)[:count] | _non_finite(sums)
        final = self._in_order(state, count) if isinstance(self.record, FinalState) else None
        counts = self._in_order(counts, count) if counts else {}
        self.gathered.add(sums, status, counts, keep=isinstance(self.record, Every), final=final)
        self.mine, self.flight = self.mine + count, None

    def _in_order(self, states: Any, count: int) -> Any:
        """Return the first ``count`` states of a batch, of the whole system, in order of their numbers."""
        parts = jax.tree.map(lambda x: batches.by_part(self.plan, x), states)
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:count], self.program.joined(parts))

    def extend(self, replications: int) -> None:
        """Simulate until all hosts together have that many replications, or what was asked before a kill."""
        self.goal = max(self.goal, replications)
        while True:
            self._do_share()
            # Hosts that went on from a checkpoint may have been asked for more than the others.
            goals = self.hosts.meet(self.goal, self._waiting)
            if min(goals) == max(goals):
                break
            self.goal = max(goals)
        self.whole = Gathered.of_hosts(self.hosts.gather(self.gathered.tree(), self._waiting))

    def _do_share(self) -> None:
        share = self.hosts.share(self.goal)
        while self.mine < share:
            try:
                self.run_batch(min(self.plan.batch, share - self.mine))
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                self.plan, self.flight, self.compiled = smaller(self.plan, error), None, False

    def _waiting(self) -> None:
        """Let an interrupt through while the others are still at work."""
        self.store.offer(self.snapshot)

    @property
    def replications(self) -> int:
        """How many replications all hosts together have done."""
        return self.goal

    def snapshot(self) -> tuple[Any, dict[str, Any]]:
        """Return what a checkpoint holds: arrays, and notes."""
        tree: dict[str, Any] = {"gathered": self.gathered.tree()}
        if self.flight is not None:
            tree["flight"] = {"paths": self.flight.paths, "sums": self.flight.sums}
        shape = {"rows": self.plan.rows, "lanes": self.plan.lanes}
        counts = {name: getattr(self, name) for name in ("mine", "goal", "done")}
        taken = self.flight.calls if self.flight else 0
        return tree, self.notes | shape | counts | {"calls": taken, "longest": self.plan.longest}

    def restore(self, saved: Saved) -> None:
        """Go on from a checkpoint.

        Raises:
            InvalidInput: if it does not fit, or its chunks cannot be cut over the devices that are here.
        """
        notes, devices = saved.notes, self.plan.devices
        problem = "cannot be shared evenly by the devices"
        shared = notes["rows"] % len(devices) == 0
        remedy = "resume with as many devices as before"
        require(shared, "checkpoint.rows", notes["rows"], problem, remedy)
        rows = notes["rows"] // len(devices)
        self.plan = dataclasses.replace(
            self.plan, chunks=rows, lanes=notes["lanes"], longest=notes["longest"]
        )
        self.__post_init__()
        self.mine, self.goal, self.done = notes["mine"], notes["goal"], notes["done"]
        tree = saved.tree(self._template(saved))
        self.gathered = Gathered(**tree["gathered"])
        if "flight" in tree:
            mesh = NamedSharding(batches.mesh_of(self.plan), batches.CUT)
            flight = tree["flight"]
            self.flight = Flight(jax.device_put(flight["paths"], mesh), flight["sums"], notes["calls"])

    def _template(self, saved: Saved) -> Any:
        """Return the shapes of a checkpoint's arrays."""
        numbers = self._numbers()
        mesh = batches.mesh_of(self.plan)
        here = self.program
        paths = batches.begin.eval_shape(here.kernel, mesh, here.policy, here.context, here.root, numbers)
        names, slices, count = paths.totals, len(self.slice_steps), self.mine

        def floats(*shape: int) -> dict[str, Any]:
            return {name: jax.ShapeDtypeStruct(shape, np.float64) for name in names}

        tree: dict[str, Any] = {"gathered": {}}
        if count:
            tree["gathered"] = {
                "totals": [floats(count)],
                "slices": floats(slices),
                "status": [jax.ShapeDtypeStruct((count,), np.uint32)],
            }
            if isinstance(self.record, Every):
                tree["gathered"]["kept"] = [floats(slices, count)]
            state, counts = apart(paths.state)
            if isinstance(self.record, FinalState):
                tree["gathered"]["final"] = [self._final_shapes(state, count)]
            if counts:
                tree["gathered"]["counts"] = [self._final_shapes(counts, count)]
        if any(name.startswith("flight/") for name in saved.arrays):
            tree["flight"] = {"paths": paths, "sums": floats(slices, self.plan.batch)}
        return tree

    def _final_shapes(self, states: Any, count: int) -> Any:
        """Return the shapes of so many states of the whole."""
        parts = self.plan.parts
        blank = jax.tree.map(lambda x: np.zeros((parts, 1, 1, *x.shape[2:]), x.dtype), states)
        whole = self.program.joined(blank)
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct((count, *x.shape[2:]), x.dtype), whole)

    def totals(self) -> dict[str, np.ndarray]:
        """Return the totals of every replication so far, in order of their numbers."""
        return joined(self.whole.totals)

    def slice_totals(self) -> dict[str, np.ndarray]:
        """Return the totals of each slice, summed over replications."""
        return self.whole.slices
