"""Does this machine compute what theory says? A few seconds, for ``jaxsim doctor``."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxsim.core import random
from jaxsim.engine import simulate
from jaxsim.experiments.build import policy, system
from jaxsim.models.balancing.problems import own
from jaxsim.results import Claim, Report
from jaxsim.statistics import Estimate

STANDARD_ERRORS = 4
"""A simulated value further from the exact one fails: less than 1 time in 10 000 for a sound machine."""


def selftest(seed: int = 0) -> Report:
    """Return random words and two simulations beside what is known exactly."""
    claims = (_random_words(), _balancing(seed), _pooling(seed))
    return Report("selftest", "This machine against theory", "known exactly", claims, seed=seed)


def _random_words() -> Claim:
    """Threefry-2x32-20 at key and counter zero (Salmon et al. 2011, Random123's known answers)."""
    zero = jnp.uint32(0)
    words = "".join(f"{int(word):08x}" for word in jax.jit(random.threefry)(zero, zero, zero, zero))
    known = "6b20015999ba4efe"
    return Claim("random words", known, words, verdict="reproduced" if words == known else "not reproduced")


def _simulated(quantity: str, exact: float, found: Estimate) -> Claim:
    near = abs(found.mean - exact) <= STANDARD_ERRORS / 1.96 * found.half_width
    return Claim(
        quantity, exact, found.mean, found.half_width, verdict="reproduced" if near else "not reproduced"
    )


def _balancing(seed: int) -> Claim:
    found = system("balancing", topology="cycle", nodes=20, delay=5)
    result = simulate(found.kernel, policy("own", found), found.params, replications=1000, seed=seed)
    exact = own(delay=5)["drops_per_node"]
    return _simulated("balancing, own queue, delay 5: packets lost", exact, result["drops_per_node"])


def _pooling(seed: int) -> Claim:
    found = system("pooling", servers=4, arrival_rate=0.5, token_cap=4)
    chosen = policy("independent", found)
    run = {"replications": 400, "horizon": 60.0, "warmup": 40.0, "seed": seed}
    result = simulate(found.kernel, chosen, found.params, **run)
    return _simulated("pooling, independent, load 0.5: jobs per server", 1.0, result["jobs_per_server"])
