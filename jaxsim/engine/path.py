"""The loop over the steps of one replication."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.kernel import Kernel
from jaxsim.core.random import Key
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Int
from jaxsim.statistics import Totals

TOTALS = Totals()
LONGEST_BLOCK = 4096


@dataclass(frozen=True)
class FinalState:
    """Record the last state of each replication."""


@dataclass(frozen=True)
class Every:
    """Record, for every ``steps`` steps, the mean of each observable over those steps."""

    steps: int


@pytree
class Path:
    """A replication under way: the key of the next step, its words, the state, and the totals so far.

    seen: the bits that 32-bit observables have had so far (see `too_large`), or None where all are narrower.
    """

    key: Key
    draws: Any
    state: Any
    totals: dict[str, Any]
    seen: Any


def start(kernel: Kernel, policy: Any, context: Any, key: Key) -> Path:
    """Return a path before its first step; ``key`` is the replication's key."""
    state = kernel.init(key, kernel.spec, context)
    draws = kernel.draw(key, kernel.spec, policy)
    _, observed = jax.eval_shape(lambda d, s: kernel.step(d, kernel.spec, context, policy, s), draws, state)
    seen = jnp.zeros((), jnp.int32) if _wide(observed) else None
    return Path(key, draws, state, TOTALS.init(observed), seen)


def block_length(kernel: Kernel) -> int:
    """Return how many steps may pass before 32-bit counters are folded.

    It suffices for numbers with as many bits as the largest that the kernel promises.
    """
    return max(1, min(LONGEST_BLOCK, (2**31 - 1) >> kernel.largest_count.bit_length()))


def _wide(observed: Mapping[str, Any]) -> list[str]:
    """Return the integer observables that could hold more than `block_length` allows for."""
    integers = [n for n, x in observed.items() if jnp.issubdtype(x.dtype, jnp.integer)]
    return [name for name in integers if observed[name].dtype.itemsize >= 4]


def _bits_seen(seen: Any, observed: Mapping[str, Any]) -> Any:
    """Add the bits of a step's observables (of -x - 1 where x is negative)."""
    for name in _wide(observed):
        x = observed[name].astype(jnp.int32)
        seen = seen | (x ^ (x >> 31))
    return seen


def too_large(kernel: Kernel, path: Path) -> np.ndarray:
    """Return for each replication whether an observable had more bits than `block_length` allows for.

    Its counters may then have left 32 bits between two folds. Numbers below a power of two are told from
    those above it by the union of their bits, which costs one operation where a maximum costs two.
    """
    if path.seen is None:
        return np.zeros(np.shape(path.state.status), bool)
    return np.asarray(path.seen) >> kernel.largest_count.bit_length() != 0


def turn(kernel: Kernel, policy: Any, context: Any, j: Any, path: Path) -> Path:
    """Take step number ``j`` of a block; the words of the next one are drawn at its end.

    The key stays where the block began: a step number for each replication would be one more array.
    """
    state, observed = kernel.step(path.draws, kernel.spec, context, policy, path.state)
    draws = kernel.draw(path.key.after(_once_known(observed, j + 1)), kernel.spec, policy)
    totals = TOTALS.update(path.totals, observed)
    return Path(path.key, draws, state, totals, _bits_seen(path.seen, observed))


def folded(path: Path, steps: Any) -> Path:
    """End a block of so many steps: move the key on, and make room in the counters."""
    return replace(path, key=path.key.after(steps), totals=TOTALS.fold(path.totals))


def advance(kernel: Kernel, policy: Any, context: Any, path: Path, steps: int | Int[Array, ""]) -> Path:
    """Take that many steps: a Python int can be differentiated through, a traced one never recompiles.

    The backward pass keeps the path at the ends of blocks only and repeats a block when it gets there, so its
    memory is that of one block (at most `LONGEST_BLOCK` states), not of the whole path.
    """
    block = block_length(kernel)

    one = partial(turn, kernel, policy, context)

    def blocks(length: Callable[[Any], Any]) -> Callable[[Any, Path], Path]:
        def run(i: Any, path: Path) -> Path:
            return folded(lax.fori_loop(0, length(i), one, path), length(i))

        return run

    if isinstance(steps, int):
        full, rest = divmod(steps, block)
        whole = jax.checkpoint(blocks(lambda i: block), prevent_cse=False)
        path = lax.fori_loop(0, full, whole, path) if full else path
        return blocks(lambda i: rest)(0, path) if rest else path
    count = (steps + block - 1) // block
    return lax.fori_loop(0, count, blocks(lambda i: lax.min(block, steps - i * block)), path)


def _once_known(observed: dict[str, Any], number: Any) -> Any:
    """Return the number, unchanged, but not before a step's report is known.

    The next words are then drawn after the last use of the old ones and written over them. Otherwise XLA
    gives them memory of their own and copies both at every step (5 to 10 % of the time of `balancing`). It
    does not see that the second lowest bit of a lowest bit is zero.
    """
    report = jnp.ravel(jax.tree.leaves(observed)[0])[0]
    return number + ((report.astype(jnp.int32) & 1) >> 1)


def emptied(path: Path) -> Path:
    """Return the path with its totals set back to zero."""
    return replace(path, totals=jax.tree.map(jnp.zeros_like, path.totals))
