"""The states of a queueing network by number: jobs in each queue, servers up or down, environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxsim.core.validation import refuse


def parse_jobs(field: str, text: str, names: Sequence[str], out: str = "") -> np.ndarray:
    """Jobs per queue that ``"a+b"`` names, ``[queues]``; the empty text and ``out`` name none."""
    jobs = np.zeros(len(names), np.int64)
    for part in (p.strip() for p in text.split("+")):
        if part in ("", out):
            continue
        if part not in names:
            refuse(
                field, part, "is not a queue", f"choose from {', '.join(names)}" + (f", {out}" if out else "")
            )
        jobs[list(names).index(part)] += 1
    return jobs


@dataclass(frozen=True, eq=False)
class Space:
    """All states: ``counts [states, queues]``, ``up [states, servers]``, ``environment [states]``.

    The number of a state is row-major in (counts, up of the failing servers, environment).
    """

    names: tuple[str, ...]
    sizes: np.ndarray
    failing: tuple[int, ...]
    shape: tuple[int, ...]
    counts: np.ndarray
    up: np.ndarray
    environment: np.ndarray

    @staticmethod
    def of(
        names: tuple[str, ...],
        sizes: tuple[int, ...],
        servers: int,
        failing: tuple[int, ...],
        environments: int,
    ) -> Space:
        """Enumerate the states."""
        shape = (*(n + 1 for n in sizes), *(2 for _ in failing), environments)
        digits = np.stack(np.unravel_index(np.arange(int(np.prod(shape))), shape), axis=1)
        up = np.ones((len(digits), servers), bool)
        for j, i in enumerate(failing):
            up[:, i] = digits[:, len(sizes) + j] == 0
        counts = digits[:, : len(sizes)]
        return Space(names, np.array(sizes), failing, shape, counts, up, digits[:, -1])

    def number(self, counts: np.ndarray, up: np.ndarray, environment: np.ndarray) -> np.ndarray:
        """Numbers of the states described, ``[n]``."""
        down = [1 - up[:, i].astype(np.int64) for i in self.failing]
        return np.ravel_multi_index((*counts.T, *down, environment), self.shape)

    def with_counts(self, counts: np.ndarray) -> np.ndarray:
        """The state with other jobs, for every state."""
        return self.number(counts, self.up, self.environment)

    def toggled(self, server: int) -> np.ndarray:
        """The state in which the server has failed or come back, for every state."""
        up = self.up.copy()
        up[:, server] = ~up[:, server]
        return self.number(self.counts, up, self.environment)

    def with_environment(self, environment: int) -> np.ndarray:
        """The state with another environment, for every state."""
        return self.number(self.counts, self.up, np.full(len(self.counts), environment))

    def initial(self, jobs: Sequence[int]) -> int:
        """The state with these jobs, all servers up, environment 0."""
        up = np.ones((1, self.up.shape[1]), bool)
        return int(self.number(np.array([jobs]), up, np.zeros(1, np.int64))[0])
