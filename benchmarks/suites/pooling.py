"""The pooling mechanism, event by event, all statistics on: beside C++, numba, SimPy, Ciw and plain JAX.

An event is an arrival or a unit of capacity at one server; *null* events are units that nobody uses. Programs
with a clock of their own (SimPy, Ciw) are counted by the events that uniformization would take for the same
time, (1 + lambda) N per unit of time. Servers start with stationary or uniform tokens; a cap of 20 tokens
relaxes in about 100 units of time, and 400 are thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from benchmarks.harness.ours import repeats_of, simulated, solved
from benchmarks.harness.peers import package, program
from benchmarks.harness.rows import Case, Row
from benchmarks.peers import pooling_ciw, pooling_loop, pooling_numba, pooling_simpy
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.theory import chain
from jaxsim.models.pooling.theory.server_one import best_response_value

RATE, PHI, CAP, WARM = 0.8, 0.7, 20, 400.0
ANSWERS = (
    "jobs_per_server", "pool_jobs", "token_boundary_probability", "help_request_rate", "help_offer_rate",
)  # fmt: skip
WORD = 2
"""Bytes of one server's queue and tokens: what an event reads and writes of all the servers."""


def cases(quick: bool) -> Iterator[Case]:
    """All of the suite."""
    for servers in (10,) if quick else (10, 100, 1000):
        yield beside_peers(servers, quick)
    yield independent(quick)
    yield exact_waits(quick)
    yield server_one(quick)
    for servers in (10, 100) if quick else (10, 100, 1000, 10_000, 32_768):
        yield point("servers/size", servers, 256, quick)
    for replications in (1, 64) if quick else (1, 8, 64, 512, 4096):
        yield point("100 servers/replications", 100, replications, quick)


def null_share(means: dict[str, float]) -> float:
    """Units of capacity neither offered nor used for the own queue; what enters a queue leaves it."""
    own = RATE - means["help_request_rate"]
    return (1 - means["help_offer_rate"] - own) / (1 + RATE)


def ours(
    servers: int, replications: int, events: float, quick: bool, who: str = "jaxsim", **keys: Any
) -> Row:
    """Time so many measured events, all replications together."""
    s = system(servers=servers, arrival_rate=RATE, token_probability=PHI, token_cap=CAP, **keys)
    horizon = max(1.0, events / replications / servers / (1 + RATE))
    bytes_touched = WORD + 16 if not keys else None
    return simulated(
        s, policies.fmfe(s), {name: name for name in ANSWERS}, replications=replications, horizon=horizon,
        warmup=WARM if servers < 10_000 else 1.0, touched=bytes_touched, repeats=repeats_of(quick),
        null=null_share, who=who,
    )  # fmt: skip


def exact() -> dict[str, float]:
    """Known answers: servers are independent under oblivious policies (the pool is not)."""
    law = chain.server_law(RATE, PHI, CAP)
    values = (law.queue, law.boundary, law.requests, law.offers)
    names = ("jobs_per_server", "token_boundary_probability", "help_request_rate", "help_offer_rate")
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def beside_peers(servers: int, quick: bool) -> Case:
    """The ordinary kernel beside everything that simulates the same mechanism."""
    repeats, rate = repeats_of(quick), (1 + RATE) * servers
    s = system(servers=servers, arrival_rate=RATE, token_probability=PHI, token_cap=CAP)
    policy = policies.fmfe(s)
    rule = (RATE, PHI, CAP, float(policy.threshold), float(policy.offer))
    events = 5e6 if quick else 3e7
    long = int(max(5e6, 4 * WARM * rate))  # events of one path

    def numba_call(seed: int) -> tuple[float, dict[str, float]]:
        # The warm-up runs too: a quarter more events than are averaged over.
        return 1.25 * long, pooling_numba.averages(servers, *rule, long, seed)

    def loop_call(seed: int) -> tuple[float, dict[str, float]]:
        steps, warm, paths = int(WARM * rate), int(WARM * rate), 64
        key, (lam, phi, cap, threshold, offer) = jax.random.key(seed), rule
        found = pooling_loop.run(
            key,
            lam,
            phi,
            threshold,
            offer,
            servers=servers,
            cap=cap,
            replications=paths,
            steps=steps,
            warmup=warm,
        )
        means = np.asarray(found, np.float64).mean(axis=0)
        values = means * np.array([1, 1, 1, 1 + RATE, 1 + RATE])
        return float(paths * (steps + warm)), dict(zip(ANSWERS, map(float, values), strict=True))

    def simpy_call(seed: int) -> tuple[float, dict[str, float]]:
        span = 2000.0
        return rate * (WARM + span), pooling_simpy.averages(servers, *rule, WARM, span, seed)

    def words(count: int) -> Any:
        return lambda seed: [servers, *rule, count, seed]

    rows = [
        ours(servers, 256, events, quick),
        program("pooling_events", words(long), "C++ scalar", repeats),
        program("pooling_lanes", words(64 * (long // 64) * 2), "C++ 64 lanes, SIMD", repeats),
        package("numba", numba_call, "numba", repeats),
    ]
    if servers <= 100:
        rows += [package("jax", loop_call, "PureJaxRL-style loop", repeats)]
    if servers == 10:
        rows += [package("simpy", simpy_call, "SimPy", repeats)]
    return Case(
        f"token mechanism, {servers} servers, 256 replications", "event", tuple(rows), exact(),
        tolerance=2e-4, size=servers, replications=256,
    )  # fmt: skip


def independent(quick: bool) -> Case:
    """Servers that never pool: the model that Ciw can express."""
    servers, span, warm = 10, 2000.0 if not quick else 500.0, 100.0
    s = system(servers=servers, arrival_rate=RATE, token_probability=PHI, token_cap=CAP)
    row = simulated(
        s, policies.independent(s), {"jobs_per_server": "jobs_per_server"}, replications=256,
        horizon=1000.0, warmup=WARM, touched=WORD + 16, repeats=repeats_of(quick),
    )  # fmt: skip

    def call(seed: int) -> tuple[float, dict[str, float]]:
        work = (1 + RATE) * servers * (warm + span)
        return work, pooling_ciw.averages(servers, RATE, warm, span, seed)

    rows = (row, package("ciw", call, "Ciw", repeats_of(quick)))
    known = {"jobs_per_server": RATE / (1 - RATE)}
    return Case(
        "servers that do not pool, 10 servers, 256 replications", "event", rows, known, tolerance=2e-3
    )


def exact_waits(quick: bool) -> Case:
    """Every job followed through the pool with its owner."""
    row = ours(100, 256, 1e7, quick, waits="exact")
    return Case("exact waits, 100 servers, 256 replications", "event", (row,), exact(), tolerance=2e-4)


def server_one(quick: bool) -> Case:
    """Figure 2: the best answer of server one with full information, 27 instances together."""
    lam, servers = (x.ravel() for x in np.meshgrid((0.7, 0.8, 0.9), np.arange(4, 21, 2), indexing="ij"))

    def gaps(found: Any) -> dict[str, float]:
        gap = np.asarray(found.gap)
        pick = lambda a, n: float(gap[(lam == a) & (servers == n)][0])  # noqa: E731
        return {"gap(.7, 8)": pick(0.7, 8), "gap(.8, 10)": pick(0.8, 10), "gap(.9, 18)": pick(0.9, 18)}

    row, _ = solved(lambda _: best_response_value(lam, servers), len(lam), gaps, repeats=repeats_of(quick))
    known = {"gap(.7, 8)": 0.0443, "gap(.8, 10)": 0.0427, "gap(.9, 18)": 0.0401}
    return Case("server one's program of figure 2", "instance", (row,), known, tolerance=5.1e-5)


def point(sweep: str, servers: int, replications: int, quick: bool) -> Case:
    """One point of a curve."""
    events = max(1e7, 4.0 * replications * servers) if not quick else 2e6
    row = ours(servers, replications, events, True)
    return Case(
        f"{servers} servers, {replications} replications", "event", (row,),
        exact() if servers < 10_000 else {}, tolerance=2e-3, sweep=sweep, size=servers,
        replications=replications,
    )  # fmt: skip
