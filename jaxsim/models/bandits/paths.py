"""The nested leases of simulated paths of the index rule with arrivals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.kernel import System
from jaxsim.core.random import key
from jaxsim.core.types import Float, Int
from jaxsim.core.validation import integer
from jaxsim.models.bandits import policies
from jaxsim.models.bandits.kernel import states_of
from jaxsim.models.bandits.model import Spec
from jaxsim.models.bandits.theory.arrivals import Lease, leases


class Auctions(NamedTuple):
    """Who held the pipe in each slot (None: nobody), when each user arrived, and the leases."""

    winners: list[int | None]
    arrived: list[int]
    leases: list[Lease]


def simulated_auctions(
    bandit: System, idle: int, *, steps: Any, seed: Any, replications: Any
) -> list[Auctions]:
    """Simulate paths of the index rule and read the nested auctions off them.

    Users are numbered in the order of their arrival, those of the start first; one who arrives in slot t is
    there from t + 1 on. Bids are compared as the kernel does it, in single precision. An idle pipe ends all
    leases. bandit: a system of one table of arms, whose state ``idle`` marks a free slot; the paths are those
    of replications 0, 1, ... of `simulate`.
    Source: Ishikida (1992), section 6.5.2.
    """
    count, policy = integer("steps", steps, low=1, high=10_000), policies.index(bandit)
    paths = integer("replications", replications, low=1, high=100_000)
    before, served = (np.asarray(x) for x in _paths(bandit, policy, seed, count, paths))
    bids = np.asarray(policy.table)[0]
    return [_auctions(*path, bids, idle) for path in zip(before, served, strict=True)]


def _auctions(
    before: Int[np.ndarray, "times slots"], served: Int[np.ndarray, "steps slots"],
    bids: Float[np.ndarray, " states"], idle: int,
) -> Auctions:  # fmt: skip
    """Name the users of one path: who wins each slot, when each arrived, and the leases."""
    present = before[0] != idle
    users = np.where(present, np.cumsum(present) - 1, -1)
    arrived = [0] * int(np.sum(present))
    winners: list[int | None] = []
    offers = []
    for t in range(len(served)):
        slot = int(np.argmax(bids[before[t]]))  # the lowest slot among equals, as in the kernel
        winners.append(None if before[t][slot] == idle else int(users[slot]))
        offers.append(float(bids[before[t][slot]]))
        for new in np.flatnonzero((served[t] == idle) & (before[t + 1] != idle)):
            users[new] = len(arrived)
            arrived.append(t + 1)
    return Auctions(winners, arrived, _busy_leases(winners, offers, arrived))


def _busy_leases(winners: list[int | None], bids: list[float], arrived: list[int]) -> list[Lease]:
    """Return the leases of every stretch of time in which the pipe is never idle."""
    found: list[Lease] = []
    begin = 0
    for t in range(len(winners) + 1):
        if t < len(winners) and winners[t] is not None:
            continue
        held = [user for user in winners[begin:t] if user is not None]
        for lease in leases(held, bids[begin:t], [max(a - begin, 0) for a in arrived]):
            found.append(lease._replace(first=lease.first + begin, last=lease.last + begin))
        begin = t + 1
    return found


def _paths(
    bandit: System, policy: policies.Priority, seed: Any, steps: int, replications: int
) -> tuple[Int[jax.Array, "paths times slots"], Int[jax.Array, "paths steps slots"]]:
    """Return the states of all slots before each step and at the end, and after service, before arrivals.

    Without the states between service and arrivals, one could not tell a user who moves from one who leaves
    and is replaced at once.
    """
    kernel, spec = bandit.kernel, bandit.kernel.spec
    assert isinstance(spec, Spec)
    closed = replace(spec, batch=0)

    @jax.jit
    def run(policy: Any, params: Any, numbers: Any) -> Any:
        context = kernel.prepare(spec, params, policy)

        def one(carry: Any, nothing: None) -> Any:
            del nothing
            now, state = carry
            draws = kernel.draw(now, spec, policy)
            service, _ = kernel.step(draws, closed, context, policy, state)
            after, _ = kernel.step(draws, spec, context, policy, state)
            kept = (states_of(spec, context, state.words), states_of(spec, context, service.words))
            return (now.after(1), after), kept

        def path(number: Any) -> Any:
            root = key(seed).replication(number)
            (_, last), kept = lax.scan(one, (root, kernel.init(root, spec, context)), length=steps)
            before, served = kept
            return jnp.concatenate([before, states_of(spec, context, last.words)[None]]), served

        return jax.vmap(path)(numbers)

    return run(policy, bandit.params, jnp.arange(replications))
