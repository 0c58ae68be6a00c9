"""Specs, parameters and policies as plain JSON values, for the record."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

LONGEST = 16


def describe(value: Any) -> Any:
    """Return the value as JSON: dataclasses as dicts, short arrays as lists, long ones as a summary."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: describe(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): describe(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [describe(v) for v in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if hasattr(value, "shape"):
        array = np.asarray(value)
        if array.size <= LONGEST:
            return array.tolist()
        return {"shape": list(array.shape), "dtype": str(array.dtype), "mean": float(array.mean())}
    return getattr(value, "__name__", type(value).__name__)


def policy_name(policy: Any) -> str:
    """Return the policy's own name, or that of its class."""
    return str(getattr(policy, "name", None) or getattr(policy, "__name__", type(policy).__name__))
