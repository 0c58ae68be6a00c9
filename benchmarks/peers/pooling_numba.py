"""The pooling mechanism as a scalar loop in numba: the C++ loop, line by line."""

# pyright: reportMissingImports=false
from __future__ import annotations

import functools
from typing import Any

import numpy as np

NAMES = (
    "jobs_per_server", "pool_jobs", "token_boundary_probability", "help_request_rate", "help_offer_rate",
)  # fmt: skip


@functools.lru_cache(maxsize=1)
def program() -> Any:
    """Compile the loop: (servers, rate, phi, cap, threshold, offer, events, warmup, seed) -> 5 averages."""
    import numba

    u64, f32 = np.uint64, np.float32

    @numba.njit(inline="always")
    def rotated(x: Any, k: Any) -> Any:
        return (x << u64(k)) | (x >> u64(64 - k))

    @numba.njit(fastmath=True)
    def run(
        n: Any, rate: Any, phi: Any, cap: Any, threshold: Any, offer: Any, events: Any, warm: Any, seed: Any
    ) -> Any:
        np.random.seed(seed)
        s0, s1 = u64(np.random.randint(1, 2**62)), u64(np.random.randint(1, 2**62))
        s2, s3 = u64(np.random.randint(1, 2**62)), u64(np.random.randint(1, 2**62))
        queue, tokens = np.zeros(n, np.int32), np.random.randint(0, cap + 1, n).astype(np.int32)
        share = f32(rate / (1 + rate))
        up, down = f32(1) / share, f32(1) / (f32(1) - share)
        bound, jobs, pool = 0, 0, 0
        for i in range(n):
            bound += (tokens[i] == 0) | (tokens[i] == cap)
        queued = pooled = bounded = requests = offers = helps = works = 0
        for e in range(-warm, events):
            if e == 0:
                queued = pooled = bounded = requests = offers = helps = works = 0
            word = rotated(s0 + s3, 23) + s0
            t = s1 << u64(17)
            s2 ^= s0
            s3 ^= s1
            s1 ^= s2
            s0 ^= s3
            s2 ^= t
            s3 = rotated(s3, 45)
            product = (word >> u64(32)) * u64(n)
            i = product >> u64(32)
            lot = f32((product & u64(0xFFFFFFFF)) >> u64(8)) * f32(2.0**-24)
            u = f32(word & u64(0xFFFFFF)) * f32(2.0**-24)
            q, s = queue[i], tokens[i]
            queued, pooled, bounded = queued + jobs, pooled + pool, bounded + bound
            arrival = u < share
            coin = u * up if arrival else (u - share) * down
            request = arrival & (coin < q + f32(1) - threshold) & (s > 0)
            serve = (not arrival) & (q > 0)
            offered = (not arrival) & (q == 0) & (coin < offer) & (s < cap)
            earn, help = offered & (lot < phi), offered & (pool > 0)
            added, left = (
                np.int32(arrival & (not request)) - np.int32(serve),
                s + np.int32(earn) - np.int32(request),
            )
            bound += np.int32((left == 0) | (left == cap)) - np.int32((s == 0) | (s == cap))
            queue[i], tokens[i] = q + added, left
            jobs += added
            pool += np.int32(request) - np.int32(help)
            requests, offers, helps = requests + request, offers + offered, helps + help
            works += serve | help
        speed = 1 + rate
        return (
            queued / events / n, pooled / events, bounded / events / n, requests / events * speed,
            offers / events * speed, helps, works,
        )  # fmt: skip

    return run


def averages(
    servers: int, rate: float, phi: float, cap: int, threshold: float, offer: float, events: int, seed: int
) -> dict[str, float]:
    """Averages over one path, after a warm-up of a quarter of the events."""
    f = np.float32
    found = program()(servers, rate, f(phi), cap, f(threshold), f(offer), events, events // 4, seed)
    return dict(zip(NAMES, found[:5], strict=True))
