"""Several processes, on one machine or many, that share the replications of one simulation.

Host i of n takes the replications whose number is i modulo n. Hosts work apart, at their own speed, and meet
only when all have done their share: then each receives the totals of all, and goes on as if it had made them
itself. So one exchange of a few bytes per replication is all that passes between them.

They are joined by JAX's own engine (`jax.distributed`): its coordination service says who is alive, and its
collectives (Gloo between CPUs, NCCL between GPUs) carry the totals. A host that is lost is noticed by the
others within `HEARTBEAT` seconds, and they refuse to go on; their checkpoints are kept.
"""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import jax
import numpy as np

from jaxsim.core.validation import integer, refuse, require

HEARTBEAT = 20
"""Seconds without a sign of life after which a host counts as lost."""
_round = itertools.count()


@dataclass(frozen=True)
class Hosts:
    """One process among those that work together: ``index`` of ``count``."""

    index: int = 0
    count: int = 1

    def folder(self, folder: str | Path | None) -> Path | None:
        """Return where this host keeps its checkpoints: the folder itself, or one below it."""
        return None if folder is None else Path(folder, f"host-{self.index}" if self.index else "")

    def share(self, replications: int) -> int:
        """Return how many of the first so many replications are this host's."""
        return max(0, -(-(replications - self.index) // self.count))

    def meet(self, value: int, waiting: Callable[[], None]) -> list[int]:
        """Wait until all hosts have said a number; return them in order.

        Raises:
            InvalidInput: if a host is lost.
        """
        if self.count == 1:
            return [value]
        client, name = _client(), f"jaxsim/{next(_round)}"
        client.key_value_set(f"{name}/{self.index}", str(value))
        return [int(self._said(client, f"{name}/{host}", waiting)) for host in range(self.count)]

    def _said(self, client: Any, key: str, waiting: Callable[[], None]) -> str:
        while True:
            try:
                return client.blocking_key_value_get(key, 1000)
            except jax.errors.JaxRuntimeError as error:
                if "DEADLINE_EXCEEDED" not in str(error):
                    self._lost(f"the coordinator does not answer ({str(error).split(':')[0]})")
            waiting()
            alive = client.get_live_nodes(list(range(self.count)))
            missing = [str(host) for host in range(self.count) if host not in alive]
            if missing:
                self._lost(f"host {', '.join(missing)} was lost")

    def _lost(self, problem: str) -> NoReturn:
        remedy = "give the command again, or resume the folder of --out"
        refuse("hosts", f"{self.index} of {self.count}", problem, remedy)

    def gather(self, tree: Any, waiting: Callable[[], None]) -> list[Any]:
        """Return the pytrees of arrays that all hosts hold, in order; they may differ in shape only."""
        if self.count == 1:
            return [tree]
        leaves, structure = jax.tree.flatten(tree)
        buffer = io.BytesIO()
        np.savez(buffer, **{str(i): leaf for i, leaf in enumerate(leaves)})
        sizes = self.meet(len(buffer.getvalue()), waiting)  # all are here: the exchange itself is quick
        mine = np.zeros(max(sizes), np.uint8)
        mine[: sizes[self.index]] = np.frombuffer(buffer.getvalue(), np.uint8)
        from jax.experimental.multihost_utils import process_allgather

        found = []
        for size, data in zip(sizes, np.asarray(process_allgather(mine)), strict=True):
            with np.load(io.BytesIO(data[:size].tobytes()), allow_pickle=False) as file:
                found.append(structure.unflatten(file[str(i)] for i in range(len(leaves))))
        return found


def here() -> Hosts:
    """Return this process among those that `jax.distributed` has joined; alone where it has not."""
    return Hosts(jax.process_index(), jax.process_count())


def join(address: str | None = None, count: int | None = None, index: int | None = None) -> Hosts:
    """Join the other processes; without arguments JAX finds them (SLURM, Kubernetes, Open MPI, TPU pods).

    Call it before JAX is used for anything else.

    Args:
        address: ``host:port`` of process 0, which the others can reach.
        count: how many processes. index: which of them this one is, from 0.

    Raises:
        InvalidInput: if they are not found, or do not all come within five minutes.
    """
    if address is not None:
        count = integer("hosts", count, low=1)
        integer("hosts", index, low=0, high=count - 1)
        sound = ":" in address and address.rpartition(":")[2].isdigit()
        require(sound, "hosts", address, "is not an address", "give ADDRESS:PORT of host 0")
    jax.config.update("jax_enable_recoverability", True)  # the loss of a host must not abort the others
    try:
        jax.distributed.initialize(address, count, index, heartbeat_timeout_seconds=HEARTBEAT)
    except (ValueError, RuntimeError) as error:
        problem = f"cannot be joined ({' '.join(str(error).split())[:200]})"
        refuse(
            "hosts", address or "auto", problem, "give ADDRESS:PORT,COUNT,INDEX, the same COUNT everywhere"
        )
    return here()


def leave(hosts: Hosts) -> None:
    """Wait for the others, so that nobody takes an early end for a loss, and part."""
    if hosts.count > 1:
        hosts.meet(0, lambda: None)
        _client().wait_at_barrier("jaxsim/end", HEARTBEAT * 1000)
        time.sleep(0.2 if hosts.index == 0 else 0.0)  # process 0 serves the others until they have gone
        jax.distributed.shutdown()


def _client() -> Any:
    from jax._src import distributed  # there is no public way to the coordination service's keys

    return distributed.global_state.client
