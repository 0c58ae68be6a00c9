"""The pooling mechanism in SimPy: per server a process for its jobs and one for its units of capacity."""

# pyright: reportMissingImports=false
from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any


class Pool:
    """The servers, the pool and the averages over time."""

    def __init__(self, env: Any, servers: int, rate: float, phi: float, cap: int, seed: int):
        """Start empty, tokens uniform on 0 .. cap."""
        self.env, self.rate, self.phi, self.cap = env, rate, phi, cap
        self.chance = random.Random(seed)
        self.queue = [0] * servers
        self.tokens = [self.chance.randint(0, cap) for _ in range(servers)]
        self.jobs = self.pool = 0
        self.bound = sum(s in (0, cap) for s in self.tokens)
        self.since, self.sums, self.counts = 0.0, [0.0, 0.0, 0.0], [0, 0]

    def book(self) -> None:
        """Add the time since the last event to the averages."""
        span, self.since = self.env.now - self.since, self.env.now
        for k, value in enumerate((self.jobs, self.pool, self.bound)):
            self.sums[k] += value * span

    def spend(self, i: int, change: int) -> None:
        """Change the tokens of a server."""
        was = self.tokens[i] in (0, self.cap)
        self.tokens[i] += change
        self.bound += (self.tokens[i] in (0, self.cap)) - was

    def arrivals(self, i: int, threshold: float) -> Iterator[Any]:
        """Jobs of a server: to the pool for a token, or to its own queue."""
        while True:
            yield self.env.timeout(self.chance.expovariate(self.rate))
            self.book()
            if self.chance.random() < self.queue[i] + 1 - threshold and self.tokens[i] > 0:
                self.spend(i, -1)
                self.pool += 1
                self.counts[0] += 1
            else:
                self.queue[i] += 1
                self.jobs += 1

    def capacity(self, i: int, offer: float) -> Iterator[Any]:
        """Units of capacity of a server: for its own queue, offered to the pool, or wasted."""
        while True:
            yield self.env.timeout(self.chance.expovariate(1.0))
            self.book()
            if self.queue[i] > 0:
                self.queue[i] -= 1
                self.jobs -= 1
            elif self.tokens[i] < self.cap and self.chance.random() < offer:
                self.counts[1] += 1
                self.pool -= self.pool > 0
                if self.chance.random() < self.phi:
                    self.spend(i, 1)


def averages(
    servers: int, rate: float, phi: float, cap: int, threshold: float, offer: float, warmup: float,
    horizon: float, seed: int,
) -> dict[str, float]:  # fmt: skip
    """Averages over one path of so much model time after the warm-up."""
    import simpy

    env = simpy.Environment()
    system = Pool(env, servers, rate, phi, cap, seed)
    for i in range(servers):
        env.process(system.arrivals(i, threshold))
        env.process(system.capacity(i, offer))
    env.run(until=warmup)
    system.book()
    system.sums, system.counts = [0.0, 0.0, 0.0], [0, 0]
    env.run(until=warmup + horizon)
    system.book()
    jobs, pool, bound = (x / horizon for x in system.sums)
    requests, offers = (x / horizon / servers for x in system.counts)
    return {
        "jobs_per_server": jobs / servers, "pool_jobs": pool, "token_boundary_probability": bound / servers,
        "help_request_rate": requests, "help_offer_rate": offers,
    }  # fmt: skip
