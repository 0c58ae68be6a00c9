"""``jaxsim list``: the families, and everything that one of them offers."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from jaxsim.cli import complete, shared
from jaxsim.cli.app import AsJson, app
from jaxsim.experiments import inputs
from jaxsim.experiments.build import card_of
from jaxsim.experiments.registry import Entry, Family, families

WIDTH = 80


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[FAMILY]", autocompletion=complete.family)] = None,
    as_json: AsJson = False,
) -> None:
    """Show the families, or everything that one family offers."""
    if name is None:
        summaries = {family.name: family.summary for family in families().values()}
        if as_json:
            print(json.dumps({"families": summaries}))  # text only: nothing heavy is needed to print it
            return
        for family, summary in summaries.items():
            _print_entry(family, summary, 12, "")
        print("\nMore: jaxsim list FAMILY · jaxsim simulate --help")
    elif as_json:
        shared.print_json(_plain(card_of(name)))
    else:
        _print_family(card_of(name))


def _plain(family: Family) -> dict[str, Any]:
    """Return all that the family offers as plain values."""
    names = ("policies", "problems", "tunings", "views", "experiments")
    sections = {name: _summaries(getattr(family, name)) for name in names}
    policies = {name: _keys(entry) for name, entry in family.policies.items()}
    return {
        "family": family.name,
        "summary": family.summary,
        "source": family.source,
        **sections,
        "metrics": dict(family.metrics),
        "keys": _keys(family.system) if family.system is not None else {},
        "policy_keys": {name: keys for name, keys in policies.items() if keys},
        "tuning_keys": {name: _keys(entry) for name, entry in family.tunings.items()},
    }


def _keys(entry: Entry) -> dict[str, Any]:
    """Return each key of a function with its default and what its docstring says of it."""
    function = entry.load()
    meaning = inputs.explanations(function)
    return {
        key: {"default": default, "meaning": meaning.get(key, "").replace("``", "")}
        for key, default in inputs.keys_of(function).items()
    }


def _print_family(family: Family) -> None:
    _print_wrapped(f"{family.name}: {family.summary}")
    _print_wrapped(f"source: {family.source}")
    sections: list[tuple[str, Mapping[str, str]]] = [
        ("policies (jaxsim simulate --policy; the first is the default)", _summaries(family.policies)),
        ("metrics", family.metrics),
        (f"problems (jaxsim solve {family.name}.PROBLEM)", _summaries(family.problems)),
        (
            f"tunings (jaxsim tune {family.name} what=NAME; the first is the default)",
            _summaries(family.tunings),
        ),
        (f"views (jaxsim train {family.name} --view; the first is the default)", _summaries(family.views)),
        (f"experiments (jaxsim reproduce {family.name}.EXPERIMENT)", _summaries(family.experiments)),
    ]
    for title, entries in sections:
        if entries:
            print(f"\n{title}:")
        for key, summary in entries.items():
            _print_entry(key, summary, max(map(len, entries)), "  ")
    if family.system is not None:
        _print_keys(f"keys (jaxsim simulate {family.name} KEY=VALUE ...)", family.system)
        for policy, entry in family.policies.items():
            _print_keys(f"keys of policy {policy}", entry)
    for tuning, entry in family.tunings.items():
        _print_keys(f"keys of tuning {tuning}", entry)


def _print_keys(title: str, entry: Entry) -> None:
    """Print the keys of a function with their defaults and what its docstring says of them."""
    keys = _keys(entry)
    if keys:
        print(f"\n{title}:")
    for key, about in keys.items():
        _print_wrapped(f"{key}={_shown(about['default'])}", "  ")
        _print_wrapped(about["meaning"], " " * 6)


def _print_wrapped(text: str, indent: str = "") -> None:
    if text:
        print(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent or "  "))


def _print_entry(name: str, summary: str, width: int, indent: str) -> None:
    """Print a name and its summary beside it, in columns."""
    start = f"{indent}{name:<{width}}  "
    print(textwrap.fill(summary, WIDTH, initial_indent=start, subsequent_indent=" " * len(start)))


def _summaries(entries: Mapping[str, Entry]) -> dict[str, str]:
    return {name: entry.summary for name, entry in entries.items()}


def _shown(default: Any) -> str:
    if default is None:
        return "(see below)"
    return json.dumps(default).replace(" ", "") if isinstance(default, tuple | list) else str(default)
