"""What a checkpoint belongs to: a fingerprint of everything that the numbers depend on."""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import inspect
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsim.results.result import versions


def identity(kind: str, **parts: Any) -> dict[str, Any]:
    """Return the identity of a job, as plain JSON.

    Args:
        kind: ``"simulation"``, ``"tuning"`` or ``"training"``.
        parts: whatever the numbers depend on, by name: plain values stay as they are, so that a refusal can
            show them; everything else (kernels, policies, arrays, optimizers) becomes its `digest`.
    """
    short = {name: value if _plain(value) else digest(value) for name, value in parts.items()}
    return {"kind": kind, **short, "versions": versions()}


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def digest(value: Any) -> str:
    """Return the SHA-256 of a value: arrays by their bytes, objects by class and fields, functions by code.

    Two processes give the same digest to the same value: no address, hash seed or order of a set goes into
    it. What a function has captured counts, so two optimizers with different rates differ.
    """
    found = hashlib.sha256()
    _add(found.update, value, ())
    return found.hexdigest()


def _add(put: Any, value: Any, above: tuple[int, ...]) -> None:
    """Feed a value to the hash; ``above`` holds what it lies within, so that a cycle ends."""
    value = inspect.unwrap(value)  # of a function that is jitted, cached or checked, what is inside counts
    put(f"<{type(value).__module__}.{type(value).__qualname__}>".encode())
    if id(value) in above:
        return
    above = (*above, id(value))
    for part in _parts(value):
        if isinstance(part, bytes):
            put(str(len(part)).encode() + b":")
            put(part)
        else:
            _add(put, part, above)


def _parts(value: Any) -> list[Any]:
    """Return what a value is made of: bytes, and values to go on with."""
    if value is None or isinstance(value, str | bool | int | float | complex | enum.Enum):
        return [repr(value).encode()]
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, type | types.ModuleType | types.BuiltinFunctionType):
        return [f"{getattr(value, '__module__', '')}.{value.__name__}".encode()]
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        array = np.asarray(value if not _is_key(value) else _key_data(value))
        return [f"{value.dtype}{array.shape}".encode(), np.ascontiguousarray(array).tobytes()]
    if isinstance(value, Mapping):
        return [part for key in sorted(value, key=repr) for part in (key, value[key])]
    if isinstance(value, set | frozenset):
        return sorted(digest(item) for item in value)
    if isinstance(value, list | tuple):
        return list(value)
    return _parts_of_object(value)


def _parts_of_object(value: Any) -> list[Any]:
    if isinstance(value, types.CodeType):
        return [value.co_code, list(value.co_consts), list(value.co_names)]
    if isinstance(value, types.FunctionType):
        captured = [_content(cell) for cell in value.__closure__ or ()]
        # The version stands for the code of this package; what a user wrote counts letter by letter.
        code = None if value.__module__.split(".")[0] == __name__.split(".")[0] else value.__code__
        return [value.__module__, value.__qualname__, code, captured, value.__defaults__]
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if dataclasses.is_dataclass(value):
        return [part for f in dataclasses.fields(value) for part in (f.name, getattr(value, f.name, None))]
    # Cached properties and other private fields come and go.
    fields = {k: v for k, v in getattr(value, "__dict__", {}).items() if not k.startswith("_")}
    return [fields] if fields else []


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _is_key(value: Any) -> bool:
    import jax

    return jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key)


def _key_data(value: Any) -> Any:
    import jax

    return jax.random.key_data(value)
