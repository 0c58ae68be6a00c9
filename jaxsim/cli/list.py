"""``jaxsim list``: the families, and everything that one of them offers."""

from __future__ import annotations

import json
import textwrap
from typing import Annotated, Any

import typer

from jaxsim.cli.app import app
from jaxsim.experiments import inputs
from jaxsim.experiments.build import card_of
from jaxsim.experiments.registry import Entry, families


@app.command("list")
def list_(name: Annotated[str | None, typer.Argument(metavar="[FAMILY]")] = None) -> None:
    """Show the families, or everything that one family offers."""
    if name is None:
        for family in families().values():
            print(f"{family.name:<12} {family.summary}")
        print("\nMore: jaxsim list FAMILY · jaxsim simulate --help")
        return
    family = card_of(name)
    print(f"{family.name}: {family.summary}\nsource: {family.source}")
    sections: list[tuple[str, dict[str, str]]] = [
        ("policies (jaxsim simulate --policy; the first is the default)", _summaries(family.policies)),
        ("metrics", dict(family.metrics)),
        (f"problems (jaxsim solve {name}.PROBLEM)", _summaries(family.problems)),
        (f"experiments (jaxsim reproduce {name}.EXPERIMENT)", _summaries(family.experiments)),
    ]
    for title, entries in sections:
        if entries:
            print(f"\n{title}:")
            for key, summary in entries.items():
                print(f"  {key:<28} {summary}")
    if family.system is not None:
        _list_keys(f"keys (jaxsim simulate {name} KEY=VALUE ...)", family.system)
        for policy, entry in family.policies.items():
            _list_keys(f"keys of policy {policy}", entry)


def _list_keys(title: str, entry: Entry) -> None:
    """Print the keys of a function with their defaults and what its docstring says of them."""
    function = entry.load()
    keys, meaning = inputs.keys_of(function), inputs.explanations(function)
    if keys:
        print(f"\n{title}:")
    for key, default in keys.items():
        print(f"  {key}={_shown(default)}")
        if key in meaning:
            text = meaning[key].replace("``", "")
            print(textwrap.fill(text, 80, initial_indent=" " * 6, subsequent_indent=" " * 6))


def _summaries(entries: Any) -> dict[str, str]:
    return {name: entry.summary for name, entry in entries.items()}


def _shown(default: Any) -> str:
    if default is None:
        return "(see below)"
    return json.dumps(default).replace(" ", "") if isinstance(default, tuple | list) else str(default)
