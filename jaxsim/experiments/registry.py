"""What a name refers to. Imports nothing heavy, so that ``jaxsim list`` answers at once."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxsim.experiments import cards


@dataclass(frozen=True)
class Entry:
    """A name's summary and where its function lives, as ``"package.module:function"``."""

    summary: str
    target: str

    def load(self) -> Callable[..., Any]:
        """Import and return the function."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Family:
    """A family's card.

    system: ``system(**keys) -> System``: keyword-only arguments with defaults; their names, annotations
        and defaults are the keys of ``jaxsim simulate``. None while a family has no kernel.
    policies: name -> ``policy(system, **keys) -> Policy``; the first is the default.
    metrics: name -> one line.
    problems: name -> ``problem(**keys) -> dict`` for ``jaxsim solve FAMILY.NAME``.
    tunings: name -> ``tuning(**keys) -> Tunable`` for ``jaxsim tune FAMILY``; the first is the default.
    experiments: name -> ``experiment(*, scale, seed) -> Report`` for ``jaxsim reproduce FAMILY.NAME``.
    ledger: ``record(system, policy, *, seed, horizon) -> (about, decisions)`` for ``simulate --ledger``; None
        where no decisions are recorded.
    views: name -> ``view(system) -> (System, View)``, what ``jaxsim train`` learns; the first is the default.
    """

    name: str
    summary: str
    source: str
    system: Entry | None = None
    policies: Mapping[str, Entry] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, Entry] = field(default_factory=dict)
    tunings: Mapping[str, Entry] = field(default_factory=dict)
    experiments: Mapping[str, Entry] = field(default_factory=dict)
    ledger: Entry | None = None
    views: Mapping[str, Entry] = field(default_factory=dict)


def families() -> dict[str, Family]:
    """Return every family's card by name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(cards.__path__))
    return {name: importlib.import_module(f"{cards.__name__}.{name}").FAMILY for name in names}
