"""``jaxsim solve gradients.compare FAMILY`` and ``jaxsim solve gradients.memory``."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random
from jaxsim.core.types import Array
from jaxsim.core.validation import integer
from jaxsim.engine import rollout
from jaxsim.engine.path import LONGEST_BLOCK
from jaxsim.experiments.gradients.case import case_of
from jaxsim.experiments.gradients.measure import compare as measured
from jaxsim.models.pooling import policies, system
from jaxsim.models.pooling.relaxed import relaxed


def compare(*, family: Any = "mechanisms", scale: Any = 1, seed: Any = 0) -> dict[str, Any]:
    """Return every estimator of a family's gradient beside the exact derivative, and the one to use.

    Args:
        family: actors, balancing, bandits, mechanisms, pooling or pricing.
        scale: multiplies the numbers of replications.
        seed: of the paths.

    Returns:
        The exact gradient and its length; per estimator the component along the exact gradient, the lengths
        of bias and of standard errors, CPU seconds of one compiled call and of a root mean squared error of
        1 % of the exact length, and whether the bias is what is ``stated`` ("none", a power, or "open").
    """
    case = case_of(family, integer("scale", scale, low=1, high=1000))
    found = measured(case, integer("seed", seed, low=0))
    rows = found.rows
    return {
        "objective": case.title,
        "exact_value": found.value,
        "exact_gradient": found.gradient.tolist(),
        "length": found.length,
        "use": found.use,
        "estimator": [row.name for row in rows],
        "along": [_short(row.gradient @ found.gradient / found.length, 5) for row in rows],
        "bias": [_short(np.linalg.norm(row.bias)) for row in rows],
        "error": [_short(np.linalg.norm(row.error)) for row in rows],
        "seconds": [_short(row.seconds) for row in rows],
        "1%_in": [_short(row.cost(found.length)) for row in rows],
        "stated": [row.stated.short for row in rows],
        "kept": [row.within for row in rows],
    }


def _short(x: Any, digits: int = 3) -> float:
    return float(f"{float(x):.{digits}g}")


def memory(*, steps: Any = 100_000, servers: Any = 10) -> dict[str, Any]:
    """Return the memory of a reverse pass through a relaxed path of the pooling system, which is bounded.

    The backward pass keeps the path at the ends of blocks of 4096 steps only and goes through a block again
    when it gets there.

    Args:
        steps: of the path.
        servers: N.

    Returns:
        Bytes of temporary memory of the compiled pass, of the pass over one block, what a pass that keeps
        every step would take, and the CPU seconds of the pass.
    """
    count, n = integer("steps", steps, low=1, high=10**8), integer("servers", servers, low=1, high=10_000)
    soft = relaxed(system(servers=n, arrival_rate=0.8, token_probability=0.7, token_cap=20), kind="soft")

    def slope(length: int) -> Any:
        def value(phi: Array) -> Array:
            policy = policies.fluid(soft.params.arrival_rate, phi)
            params = type(soft.params)(**{**vars(soft.params), "token_probability": phi})
            means = rollout(soft.kernel, policy, params, random.key(0).replication(0), steps=length)[1]
            return means["queued"]

        return jax.jit(jax.grad(value)).lower(jnp.float32(0.7)).compile()

    block, whole = slope(min(LONGEST_BLOCK, count)), slope(count)
    clock = time.process_time()
    found = float(whole(jnp.float32(0.7)))
    seconds = time.process_time() - clock
    one, every = (x.memory_analysis().temp_size_in_bytes for x in (block, whole))
    return {
        "steps": count,
        "bytes": int(every),
        "bytes_of_one_block": int(one),
        "bytes_without_checkpoints": int(one * count / min(LONGEST_BLOCK, count)),
        "seconds": seconds,
        "slope": found,
    }
