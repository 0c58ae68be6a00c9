"""Numbers that are not numbers are refused before they can turn into results."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.validation import refuse


def finite(name: str, tree: Any, unbounded: tuple[str, ...] = ()) -> None:
    """Refuse a pytree with NaN or infinity in it, naming the leaf; some leaves may be infinite.

    Kernels need not look at every number: a comparison with NaN is false, a table look-up of NaN is some row,
    and what comes out is finite and wrong.

    Raises:
        InvalidInput: naming the first such leaf.
    """
    for where, leaf in _floats(tree):
        bad = np.isnan(leaf) if where in unbounded else ~np.isfinite(leaf)
        if np.any(bad):
            refuse(f"{name}.{where}" if where else name, leaf, "is not finite", "give finite numbers")


def defined(name: str, tree: Any) -> None:
    """Refuse a pytree with NaN in it, naming the leaf; infinity may be meant (a threshold never reached)."""
    for where, leaf in _floats(tree):
        if np.any(np.isnan(leaf)):
            refuse(f"{name}.{where}" if where else name, leaf, "holds NaN", "check what it is made from")


def _floats(tree: Any) -> list[tuple[str, np.ndarray]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    floats = [(where, x) for where, x in leaves if jnp.issubdtype(jnp.result_type(x), jnp.inexact)]
    values = jax.device_get([x for _, x in floats])
    names = [jax.tree_util.keystr(where, simple=True, separator=".") for where, _ in floats]
    return list(zip(names, map(np.asarray, values), strict=True))
