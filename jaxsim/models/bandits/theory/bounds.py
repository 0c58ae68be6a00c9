"""How much the index rule can lose at a deadline and with several pipes: WD and MWD, beside what it loses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxsim.core import validation
from jaxsim.models.bandits.theory.deadline import optimal_with_deadline, pipes_over_time, sequence_arm
from jaxsim.models.bandits.theory.deterministic import deterministic_index
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.inputs import Numbers, arm


class DeadlineReport(NamedTuple):
    """Total rewards until the deadline, the index rule's loss and the bounds on it."""

    optimum: float
    index_rule: float
    regret: float
    bound: float
    unfinished: float
    assignment: tuple[tuple[int, ...], ...]


def deadline_bound(sequences: Sequence[Numbers], pipes: int | Sequence[int]) -> float:
    """W D for one pipe, M W D for M or M(t) pipes, for deterministic users without discount.

    W is the largest index. With one pipe that is always open, D is the longest maximizing stopping time,
    max tau(l+1) - l (Assumption 6.2.1); with several or varying pipes, M = max M(t) and D is the largest
    number of packets of a user (Assumption 6.2.2). Users who earn nothing have W = 0.
    Source: Ishikida (1992), equation (6.9) and section 6.2.3.
    """
    most = int(np.max(pipes))
    validation.require(len(sequences) > 0, "sequences", sequences, "are empty", "list one per user")
    found = [deterministic_index(z, 1.0) for z in sequences]
    highest = max(0.0, max(float(f.indices.max()) for f in found))
    if np.all(np.asarray(pipes) == 1):
        length = max(int((f.stop - np.arange(len(f.stop))).max()) for f in found)
    else:
        length = max(len(f.stop) for f in found)
    return most * highest * length


def index_rule_with_deadline(
    sequences: Sequence[Numbers], pipes: int | Sequence[int], horizon: int
) -> DeadlineReport:
    """Run the index rule to a deadline beside the exact optimum and the bounds on the loss.

    At each time the M(t) users with the largest positive indices are served (ties to the lowest number;
    with several pipes the tie-break changes the reward). ``unfinished`` is (6.10): what the users served at T
    would earn by sending all they have left, taken at the best level to stop (at least 0).

    sequences: rewards of each user's packets; pipes: M or M(t); horizon T.
    Source: Ishikida (1992), problems P2 and P3, equations (6.8) to (6.10).
    """
    steps = validation.integer("horizon", horizon, low=1)
    open_pipes = pipes_over_time(pipes, steps)
    validation.require(len(sequences) > 0, "sequences", sequences, "are empty", "list one per user")
    values = [validation.numbers("sequences", z) for z in sequences]
    found = [deterministic_index(z, 1.0) for z in values]
    load, total, served = [0] * len(values), 0.0, []
    for pipes_now in open_pipes:
        current = [
            float(f.indices[x]) if x < len(f.indices) else 0.0 for f, x in zip(found, load, strict=True)
        ]
        best = sorted((u for u in range(len(values)) if current[u] > 0), key=lambda u: -current[u])
        served.append(tuple(sorted(best[:pipes_now])))
        for u in served[-1]:
            total += float(values[u][load[u]])
            load[u] += 1
    rest = sum(max(0.0, float(np.cumsum(np.append(0, values[u][load[u] :])).max())) for u in served[-1])
    optimum, _, _ = optimal_with_deadline([sequence_arm(z) for z in values], open_pipes.tolist(), steps)
    best_total = float(optimum[(0,) * len(values)])
    return DeadlineReport(
        best_total,
        total,
        best_total - total,
        deadline_bound(sequences, open_pipes.tolist()),
        rest,
        tuple(served),
    )


def markov_bound(arms: Sequence[tuple[Numbers, Numbers]], pipes: int | Sequence[int]) -> float:
    """W D or M W D for Markov arms under the undiscounted criterion; infinite where the assumption fails.

    W = largest index at discount 1. One pipe: D = max_i E_i tau(i), the mean time until the index first is
    not above that of the start (Assumption 6.3.3). Several or varying pipes: D = the largest mean time until
    an absorbing state without reward, the user's last packet (Assumption 6.3.4).
    Source: Ishikida (1992), propositions 6.3.1 and 6.3.2.
    """
    most = int(np.max(pipes))
    checked = [arm(r, p) for r, p in arms]
    indices = [gittins_index(r, p, 1.0) for r, p in checked]
    one = bool(np.all(np.asarray(pipes) == 1))
    lengths = [
        _longest_block(p, nu) if one else _time_to_finish(r, p)
        for (r, p), nu in zip(checked, indices, strict=True)
    ]
    highest, longest = max(0.0, *(float(nu.max()) for nu in indices)), max(lengths)
    return most * highest * longest if highest > 0 else 0.0


def _mean_time_inside(move: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Mean time spent in a set before leaving it, per start; infinite where it may never be left."""
    n = len(move)
    reach = np.linalg.matrix_power(np.eye(n) + (move > 0), n) > 0  # j can be reached from i
    escapes = (reach & ~inside).any(1)
    trapped = inside & (reach & (inside & ~escapes)).any(1)
    kept = inside & ~trapped
    time = np.zeros(n)
    if kept.any():
        block = np.ix_(kept, kept)
        time[kept] = np.linalg.solve(np.eye(int(kept.sum())) - move[block], np.ones(int(kept.sum())))
    return np.where(trapped, np.inf, time)


def _longest_block(move: np.ndarray, indices: np.ndarray) -> float:
    longest = 1.0
    for i in range(len(indices)):
        time = _mean_time_inside(move, indices > indices[i] + 1e-12 * (1 + abs(indices[i])))
        longest = max(
            longest, 1 + float(np.sum(np.where(move[i] > 0, move[i], 0) * np.where(move[i] > 0, time, 0)))
        )
    return longest


def _time_to_finish(rewards: np.ndarray, move: np.ndarray) -> float:
    done = (np.diag(move) == 1) & (rewards == 0)
    return float(_mean_time_inside(move, ~done).max())
