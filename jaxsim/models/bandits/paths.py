"""The nested leases of one simulated path of the index rule with arrivals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.kernel import System
from jaxsim.core.random import key
from jaxsim.core.types import Int
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


def simulated_leases(bandit: System, idle: int, *, steps: Any, seed: Any) -> Auctions:
    """Simulate one path of the index rule and read the nested auctions off it.

    Users are numbered in the order of their arrival, those of the start first; one who arrives in slot t is
    there from t + 1 on. Bids are compared as the kernel does it, in single precision. An idle pipe ends all
    leases. bandit: a system of one table of arms, whose state ``idle`` marks a free slot.
    Source: Ishikida (1992), section 6.5.2.
    """
    count, policy = integer("steps", steps, low=1, high=10_000), policies.index(bandit)
    before, served = (np.asarray(x) for x in _path(bandit, policy, seed, count))
    bids = np.asarray(policy.table)[0]
    users = np.where(before[0] == idle, -1, np.cumsum(before[0] != idle) - 1)
    arrived = [0] * int(np.sum(before[0] != idle))
    winners: list[int | None] = []
    offers = []
    for t in range(count):
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


def _path(
    bandit: System, policy: policies.Priority, seed: Any, steps: int
) -> tuple[Int[jax.Array, "times slots"], Int[jax.Array, "steps slots"]]:
    """Return the states of all slots before each step and at the end, and after service, before arrivals.

    The path is that of replication 0 of `simulate`. Without the states between service and arrivals, one
    could not tell a user who moves from one who leaves and is replaced at once.
    """
    kernel, spec = bandit.kernel, bandit.kernel.spec
    assert isinstance(spec, Spec)
    closed = replace(spec, batch=0)

    @jax.jit
    def run(policy: Any, params: Any, root: Any) -> Any:
        context = kernel.prepare(spec, params, policy)

        def one(carry: Any, nothing: None) -> Any:
            del nothing
            now, state = carry
            draws = kernel.draw(now, spec, policy)
            service, _ = kernel.step(draws, closed, context, policy, state)
            after, _ = kernel.step(draws, spec, context, policy, state)
            kept = (states_of(spec, context, state.words), states_of(spec, context, service.words))
            return (now.next(), after), kept

        (_, last), (before, served) = lax.scan(one, (root, kernel.init(root, spec, context)), length=steps)
        return jnp.concatenate([before, states_of(spec, context, last.words)[None]]), served

    return run(policy, bandit.params, key(seed).replication(0))
