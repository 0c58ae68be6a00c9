"""Train the learned policy on dual costs, without labels: all samples in one place, or federated.

    python -m jaxsim.experiments.pricing_games.train [FILE]

writes the weights that come with the package (central, 6000 steps of 96 coalitions of each size, seed 0).
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import optax

from jaxsim.experiments.pricing_games import instances
from jaxsim.experiments.pricing_games.policy import WEIGHTS
from jaxsim.learning.federated import Trained, central, federated
from jaxsim.models.pricing import network

STEPS = 6000
LOCAL_STEPS = 10
BATCH = 32
"""Samples per step and pool."""


@functools.lru_cache(maxsize=8)
def _optimizer(steps: int) -> optax.GradientTransformation:
    return optax.adam(optax.cosine_decay_schedule(5e-3, steps, alpha=0.01))


def in_one_place(steps: int = STEPS, seed: int = 0) -> Trained:
    """Train on the samples of all pools together."""
    return central(
        instances.loss, network.start(seed), clients=instances.POOLS, steps=steps,
        batch=BATCH * instances.POOLS, optimizer=_optimizer(steps), seed=seed,
    )  # fmt: skip


def at_the_pools(steps: int = STEPS, seed: int = 0) -> Trained:
    """Train by federated averaging, with as many steps and samples."""
    return federated(
        instances.loss, network.start(seed), clients=instances.POOLS, rounds=max(1, steps // LOCAL_STEPS),
        local_steps=LOCAL_STEPS, batch=BATCH, seed=seed,
    )  # fmt: skip


def main(arguments: list[str]) -> Any:
    """Train and write the weights."""
    file = Path(arguments[0]) if arguments else WEIGHTS
    file.write_bytes(network.save(in_one_place().parameters))
    print(f"wrote {file}")


if __name__ == "__main__":
    main(sys.argv[1:])
