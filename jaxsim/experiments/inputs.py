"""Words of the form ``key=value``, and calling a function with them."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from jaxsim.core.validation import InvalidInput, choice, refuse, require
from jaxsim.experiments import csv_files, schema


def parse_value(text: str) -> Any:
    """Return the value a word stands for: JSON (numbers, lists, true), a comma list of numbers, or text."""
    text = text.strip()
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        pass
    if "," in text:
        parts = [parse_value(part) for part in text.split(",") if part.strip()]
        if all(isinstance(part, int | float) for part in parts):
            return parts
    try:
        return float(text)
    except ValueError:
        return text


def parse_words(words: Iterable[str]) -> dict[str, Any]:
    """Return ``key=value`` words as a dict.

    Raises:
        InvalidInput: if a word has no ``=``, no key, no value, or repeats a key.
    """
    values: dict[str, Any] = {}
    for word in words:
        key, sign, text = word.partition("=")
        ok = bool(sign) and key.strip().isidentifier() and bool(text.strip())
        require(ok, "argument", word, "is not key=value", "write for instance delay=5")
        key = key.strip()
        require(key not in values, key, text, "is given twice", "give each key once")
        values[key] = parse_value(text)
    return values


def read_config(path: Path) -> dict[str, Any]:
    """Return the keys of a TOML file.

    Raises:
        InvalidInput: if the file cannot be read, is not TOML, or holds tables.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        refuse("config", str(path), f"cannot be read ({error.strerror})", "give the path of a TOML file")
    except RecursionError:
        refuse("config", str(path), "nests too deeply", "write lines such as: delay = 5")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        refuse("config", str(path), f"is not TOML ({error})", "write lines such as: delay = 5")
    for key, value in values.items():
        flat = not isinstance(value, dict) or key in ("precision", "options")
        require(
            flat, f"config, {key}", "a table", "is not a key of the system", "write keys at the top level"
        )
    return values


def keys_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the keyword-only arguments of a function with their defaults: the keys it can be called with."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def explanations(function: Callable[..., Any]) -> dict[str, str]:
    """Return what the docstring of a function says of its keys, on one line each.

    Reads the ``Args:`` section, whose entries are ``name: text`` or ``name, name: text``, indented alike.
    """
    _, _, section = (inspect.getdoc(function) or "").partition("Args:\n")
    indent = len(section) - len(section.lstrip(" "))
    found: dict[str, str] = {}
    current: list[str] = []
    for line in section.splitlines():
        depth = len(line) - len(line.lstrip(" "))
        if line.strip() and depth < indent:
            break
        names, colon, text = line.strip().partition(": ")
        if depth == indent and colon and all(part.isidentifier() for part in names.split(", ")):
            current = names.split(", ")
            found |= dict.fromkeys(current, text)
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in current}
    return found


def check_keys(values: Mapping[str, Any], *functions: Callable[..., Any]) -> None:
    """Refuse keys that none of the functions has, suggesting the nearest one."""
    known = [key for function in functions for key in keys_of(function)]
    for key in values:
        if key not in known and not known:
            refuse("key", key, "is not known", "this takes no keys")
        choice("key", key, known)


def call(function: Callable[..., Any], values: Mapping[str, Any], *args: Any) -> Any:
    """Call the function with those of the values that are its keys, each of the kind that the key takes."""
    wanted = keys_of(function)
    given = {key: value for key, value in values.items() if key in wanted}
    given = {key: _from_file(key, value) for key, value in given.items()}
    schema.check(given, function)
    try:
        return function(*args, **given)
    except InvalidInput:
        raise
    except (TypeError, ValueError, ArithmeticError, IndexError, MemoryError) as error:
        if not given:
            raise  # then it is no input that is wrong
        problem = f"cannot be used ({type(error).__name__}: {' '.join(str(error).split())[:100]})"
        shown = ", ".join(str(value) for value in given.values())
        raise InvalidInput(
            ", ".join(given), shown, problem, "see what each key takes: jaxsim list"
        ) from error


def _from_file(key: str, value: Any) -> Any:
    """Return the numbers of the CSV file that ``@FILE`` names; any other value as it is."""
    is_name = isinstance(value, str) and value.startswith("@")
    return csv_files.read_numbers(key, value[1:]) if is_name else value
