"""Sizes and rates of a training, and the two named settings.

``paper``: table 2 of Tahir, Cui, Koeppl (2023), the lower ends of its ranges: batches of 4000 steps,
minibatches of 128, 5 passes, 50 updates, hidden layers [256, 256]. ``fast``: small networks, whole batches,
and the control variate; found on the cycle of 101 nodes at delay 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from jaxsim.core.tree import pytree
from jaxsim.core.validation import choice, integer, non_negative, positive, probability


@dataclass(frozen=True)
class Sizes:
    """Static sizes.

    updates: how often a batch is collected. batch: steps in it, over all replications.
    length: steps of a replication in a batch; None for an episode, at most 128.
    passes: over the batch; minibatches: parts of it, cut between replications.
    widths: of the hidden layers. memory: width of a recurrent policy's state (0: none).
    deviation: log of the standard deviation of u, at the start; ``learned``: whether it changes.
    """

    updates: int = 60
    batch: int = 20000
    length: int | None = None
    passes: int = 4
    minibatches: int = 4
    widths: tuple[int, ...] = (32,)
    memory: int = 0
    deviation: float = -0.5
    learned: bool = False


@pytree
class Rates:
    """Traced numbers: they may be vmapped.

    discount, lam: gamma and lambda of `jaxsim.learning.ppo.estimators`. learning_rate: of Adam, which
    falls linearly to the share ``last_rate`` of it. clip, value_clip: epsilon and w; value_weight, entropy,
    divergence: v, c and beta (at the start) of `jaxsim.learning.ppo.losses`; divergence_target: of beta.
    norm: to which longer gradients are shortened. control: how much of the exogenous quantity is added to
    the rewards. average: weight of the past in the moving average of the policy's parameters after each
    update, which is what is returned (0: the last parameters).
    """

    discount: Any = 1.0
    lam: Any = 1.0
    learning_rate: Any = 1e-2
    last_rate: Any = 0.1
    clip: Any = 0.3
    value_clip: Any = 10.0
    value_weight: Any = 0.5
    entropy: Any = 0.0
    divergence: Any = 0.0
    divergence_target: Any = 0.01
    norm: Any = 1.0
    control: Any = 0.9
    average: Any = 0.9


PAPER = (
    Sizes(updates=50, batch=4000, passes=5, minibatches=31, widths=(256, 256), deviation=0.0, learned=True),
    Rates(
        discount=0.99, learning_rate=5e-5, last_rate=1.0, value_weight=1.0, divergence=0.2, norm=1e9,
        control=0.0, average=0.0,
    ),
)  # fmt: skip
FAST = (Sizes(), Rates())
SETTINGS = {"fast": FAST, "paper": PAPER}


def settings(name: str = "fast", **changes: Any) -> tuple[Sizes, Rates]:
    """Return named settings with changes: fields of `Sizes` and `Rates`.

    Raises:
        InvalidInput: for an unknown name or field, or a value out of range.
    """
    sizes, rates = SETTINGS[choice("settings", name, SETTINGS)]
    kept = {**vars(sizes), **vars(rates)}
    for field in changes:
        choice("training", field, kept)
    found = {**kept, **changes}
    for field in ("updates", "batch", "passes", "minibatches"):
        found[field] = integer(field, found[field], low=1)
    if found["length"] is not None:
        found["length"] = integer("length", found["length"], low=1)
    widths = found["widths"] if isinstance(found["widths"], list | tuple) else (found["widths"],)
    found["widths"] = tuple(integer("widths", w, low=1) for w in widths)
    found["memory"] = integer("memory", found["memory"], low=0)
    found["deviation"], found["learned"] = float(found["deviation"]), bool(found["learned"])
    for field in ("discount", "lam", "average", "last_rate"):
        probability(field, found[field])
    for field in ("learning_rate", "clip", "value_clip", "divergence_target", "norm"):
        positive(field, found[field])
    for field in ("value_weight", "entropy", "divergence", "control"):
        non_negative(field, found[field])
    split = [{f: found[f] for f in vars(part)} for part in (sizes, rates)]
    return Sizes(**split[0]), Rates(**{f: jnp.asarray(v, jnp.float32) for f, v in split[1].items()})
