"""What several commands share: devices, the progress bar, JSON, names of the form FAMILY.NAME."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaxsim.core.validation import choice, require
from jaxsim.experiments.build import card_of
from jaxsim.experiments.registry import Entry, Family, families


def use_all_cores() -> None:
    """Let JAX see each CPU core as a device, unless the user has decided otherwise."""
    import os

    import jax

    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        jax.config.update("jax_num_cpu_devices", cores or 1)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[Any], None]]:
    """Show share done, steps per second and remaining time on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(title, total=1.0, rate="compiling")

    def show(progress: Any) -> None:
        bar.start()  # not before there is progress: input that is refused should leave one line
        rate = f"{progress.done / progress.seconds:.3g} steps/s" if progress.seconds else ""
        bar.update(task, completed=progress.fraction, rate=rate)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def step_bar(title: str) -> Iterator[Callable[[float], None]]:
    """Show the share done of a descent on standard error."""
    from types import SimpleNamespace

    with progress_bar(title) as show:
        yield lambda fraction: show(SimpleNamespace(fraction=fraction, done=0, seconds=0.0))


def print_json(value: Any) -> None:
    from jaxsim.results.storage import plain

    print(json.dumps(plain(value), allow_nan=False))


def named(kind: str, name: str, section: str) -> tuple[Family, Entry]:
    """Return the family and the entry of a FAMILY.NAME."""
    head, dot, tail = name.partition(".")
    require(bool(dot), kind, name, f"is not FAMILY.{kind.upper()}", _whole_name(name, section))
    family = card_of(head)
    entries = getattr(family, section)
    require(bool(entries), kind, name, f"is not known: {head} has no {section}", "see 'jaxsim list'")
    return family, entries[choice(kind, tail, entries)]


def _whole_name(tail: str, section: str) -> str:
    """Return a remedy: the FAMILY.NAME whose name is nearest."""
    known = {entry: card.name for card in families().values() for entry in getattr(card, section)}
    near = difflib.get_close_matches(tail, known, n=1)
    hint = f"did you mean {known[near[0]]}.{near[0]}? " if near else ""
    return f"{hint}see 'jaxsim list FAMILY'"
