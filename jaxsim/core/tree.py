"""Frozen dataclasses that are pytrees: Params, State, policies and everything else that is traced."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Make the class a frozen dataclass whose fields are the children of a pytree node.

    A field with ``metadata={"static": True}`` (see `static`) is part of the structure instead: hashable,
    not traced. JAX rebuilds nodes around placeholders and batched arrays without running ``__init__``, so
    the annotations of the fields describe one unbatched instance and are checked only when code makes one.
    """
    cls = dataclasses.dataclass(frozen=True)(cls)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    children = [f.name for f in fields if not f.metadata.get("static")]
    fixed = [f.name for f in fields if f.metadata.get("static")]

    def flatten(node: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(getattr(node, n) for n in children), tuple(getattr(node, n) for n in fixed)

    def flatten_with_keys(node: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        named = tuple((jax.tree_util.GetAttrKey(n), getattr(node, n)) for n in children)
        return named, tuple(getattr(node, n) for n in fixed)

    def unflatten(aux: tuple[Any, ...], values: Any) -> Any:
        node = object.__new__(cls)
        for name, value in (*zip(children, values, strict=True), *zip(fixed, aux, strict=True)):
            object.__setattr__(node, name, value)
        return node

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def static(default: Any = dataclasses.MISSING) -> Any:
    """Return a field that belongs to the structure of a `pytree`, not to its traced children."""
    return dataclasses.field(default=default, metadata={"static": True})
