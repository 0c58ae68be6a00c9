"""What kind of value a key takes: read from the Spec and Params types, and checked before anything is built.

A key with the name of a field of the family's Spec is a whole number, a flag or a choice, as the field's type
says; one with the name of a field of Params has at most as many axes as the array's shape. Other keys are
known by the annotation and the default of the function that takes them. Whatever the kind, numbers are finite
and fit the 32 bits of the simulation, nothing nests deeper than `DEEPEST`, and only an optional key is null.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jaxsim.core.validation import choice, integer, refuse, require

DEEPEST, LARGEST, SMALLEST = 6, 3.4e38, 1.2e-38
"""Of nested lists; of numbers (32-bit floats), and of those that are not 0."""
_ARRAY = re.compile(r"(?:Float|Int|UInt\d*|Num)\[Array, *['\"]([^'\"]*)['\"]\]")
_LITERAL = re.compile(r"Literal\[([^\]]*)\]")


@dataclass(frozen=True)
class Kind:
    """What a key takes.

    what: ``whole`` (one whole number), ``numbers``, ``flag``, ``text`` or ``any``.
    axes: the most axes that numbers may have; None where the type does not say.
    choices: of a text. optional: whether the key may be left null.
    """

    what: str = "any"
    axes: int | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = {"whole": "a whole number", "flag": "true or false", "text": "text", "any": "anything"}
        some = {
            0: "a number",
            1: "a number, or several with commas",
            2: "a number, a list, or a list of rows",
        }
        return words.get(self.what) or (
            some.get(self.axes, "numbers") if self.axes is not None else "numbers"
        )


def kinds(function: Callable[..., Any]) -> dict[str, Kind]:
    """Return the kind of each key of a function that makes a system or a policy, or solves a problem."""
    fields = _fields(function)
    parameters = inspect.signature(function).parameters.values()
    return {
        p.name: _kind(str(p.annotation), p.default, fields.get(p.name, ""))
        for p in parameters
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    }


def _fields(function: Callable[..., Any]) -> dict[str, str]:
    """Return the annotations of Spec and Params, where the function's module makes a system of them."""
    known = getattr(inspect.unwrap(function), "__globals__", {})
    types = [known[name] for name in ("Spec", "Params") if dataclasses.is_dataclass(known.get(name))]
    is_system = function.__name__ == "system"
    return {f.name: str(f.type) for t in types for f in dataclasses.fields(t)} if is_system else {}


def _kind(annotation: str, default: Any, field: str) -> Kind:
    """Decide by the field of Spec or Params, then by the annotation, then by the default."""
    optional = default is None
    shape, literal = _ARRAY.search(field), _LITERAL.search(field)
    if literal and all("'" in c or '"' in c for c in literal[1].split(",")):
        return Kind("text", choices=tuple(c.strip(" '\"") for c in literal[1].split(",")), optional=optional)
    if isinstance(default, bool) or field == "bool" or annotation == "bool":
        return Kind("flag", optional=optional)
    if annotation.startswith("Whole"):
        return Kind("whole", optional=optional)
    if shape:
        axes = len(shape[1].split())
        return Kind("numbers", axes=None if "..." in shape[1] else axes, optional=optional)
    if annotation.startswith("Real"):
        return Kind("numbers", optional=optional)
    if annotation == "str" or isinstance(default, str):
        return Kind("text", optional=optional)
    if isinstance(default, int | float):
        return Kind("numbers", optional=optional)
    return Kind(optional=optional)


def check(values: Mapping[str, Any], function: Callable[..., Any]) -> None:
    """Refuse a value that is not of its key's kind.

    Raises:
        InvalidInput: naming the key, the value, what is wrong and what the key takes.
    """
    known = kinds(function)
    for key, value in values.items():
        if key in known:
            _check(key, value, known[key])


def _check(key: str, value: Any, kind: Kind) -> None:
    wanted = f"give {kind}"
    if value is None:
        require(kind.optional, key, "null", "is not a value", wanted)
        return
    axes = _axes(key, value, value, 0)
    if kind.what == "flag":
        # Some keys are flags or more than that: 0 and 1 stand for them.
        require(isinstance(value, bool) or value in (0, 1), key, value, "is neither true nor false", wanted)
    elif kind.what == "whole":
        integer(key, value)
    elif kind.what == "text":
        require(isinstance(value, str), key, value, "is not a name", wanted)
        if kind.choices:
            choice(key, value, kind.choices)
    elif kind.what == "numbers" and not _numeric_text(value):
        require(axes is not None, key, value, "is not a number", wanted)
        deep = kind.axes is not None and axes is not None and axes > kind.axes
        require(not deep, key, value, f"is a list of {axes} levels", wanted)


def _numeric_text(value: Any) -> bool:
    """Return whether it is text that validation will read as a whole number, such as "7"."""
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20


def _axes(key: str, whole: Any, value: Any, depth: int) -> int | None:
    """Return how deep numbers are nested, None for other values; refuse what nothing can use."""
    require(depth <= DEEPEST, key, whole, "nests too deeply", f"use at most {DEEPEST} levels")
    if hasattr(value, "ndim"):
        return int(value.ndim)
    if isinstance(value, str):
        require(value.isprintable(), key, whole, "holds characters that cannot be printed", "use plain text")
        return None
    if isinstance(value, Mapping):
        for part in value.values():
            _axes(key, whole, part, depth + 1)
        return None
    if isinstance(value, list | tuple):
        inner = [_axes(key, whole, part, depth + 1) for part in value]
        return None if None in inner else 1 + max((axes for axes in inner if axes is not None), default=0)
    if isinstance(value, int | float) and not isinstance(value, bool):
        _fits(key, whole, value)
        return 0
    return None


def _fits(key: str, whole: Any, value: float) -> None:
    """Refuse numbers that are not finite, or that 32 bits turn into infinity or 0."""
    finite = isinstance(value, int) or math.isfinite(value)
    require(finite, key, whole, "is not finite", "give finite numbers")
    if value and not SMALLEST <= abs(value) <= LARGEST:
        refuse(key, whole, "does not fit 32 bits", f"give 0, or a size from {SMALLEST} to {LARGEST}")
