"""One replication, pure: the path that everything else is made of."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.kernel import Kernel
from jaxsim.core.random import Key
from jaxsim.core.validation import integer
from jaxsim.engine.path import TOTALS, Every, FinalState, Path, advance, emptied, start
from jaxsim.statistics.accumulators import FloatTotal


def _mean(totals: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return totals over steps as floats that gradients flow through."""

    def value(total: Any) -> Any:
        if isinstance(total, FloatTotal):
            return total.value + total.error
        return total.recent.astype(float) + total.low.astype(float) + total.high.astype(float) * 65536.0

    return {name: value(total) / steps for name, total in totals.items()}


def rollout(
    kernel: Kernel,
    policy: Any,
    params: Any,
    key: Key,
    *,
    steps: int,
    record: FinalState | Every | None = None,
) -> tuple[Any, dict[str, Any], Any]:
    """Simulate one replication for a fixed number of steps.

    Pure, unbatched and not compiled: wrap it in ``jit``, ``vmap`` or ``grad`` as you like. Gradients flow
    through float observables and parameters where the kernel is smooth in them.

    Args:
        kernel, policy, params: the system.
        key: the replication's key, ``jaxsim.key(seed).replication(r)``.
        steps: number of steps (static).
        record: ``Every(n)`` also returns observables averaged over each n steps.

    Returns:
        (final state, observables averaged over all steps, record): the record is a dict of arrays of shape
        ``(steps // n,)`` for ``Every(n)``, the final state for ``FinalState()``, else None.

    Raises:
        InvalidInput: if steps is not a whole number >= 1, or not a multiple of the recording interval.
    """
    steps = integer("steps", steps, low=1)
    context = kernel.prepare(kernel.spec, params, policy)
    path = start(kernel, policy, context, key)
    if not isinstance(record, Every):
        path = advance(kernel, policy, context, path, steps)
        return path.state, _mean(path.totals, steps), path.state if isinstance(record, FinalState) else None

    length = integer("record.steps", record.steps, low=1, high=steps)
    integer("steps / record.steps", steps / length)

    def segment(path: Path, _: None) -> tuple[Path, tuple[dict[str, Any], dict[str, Any]]]:
        path = advance(kernel, policy, context, emptied(path), length)
        return path, (path.totals, _mean(path.totals, length))

    path, (pieces, means) = lax.scan(segment, path, None, length=steps // length)
    whole = jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), pieces)
    return path.state, _mean(TOTALS.fold(whole), steps), means
