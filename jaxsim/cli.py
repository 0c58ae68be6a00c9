"""The command line: thin commands over the public verbs.

Nothing heavy is imported until a command needs it, so that ``--help`` and ``list`` answer at once. Progress
and tables go to standard error where ``--json`` asks for one JSON object on standard output. Exit codes: 0;
2 for bad input, with one line that names the field; 3 when a status bit makes the numbers untrustworthy.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from jaxsim.core.errors import InvalidInput, MissingExtra, UntrustworthyResult
from jaxsim.core.validation import choice, require
from jaxsim.experiments import inputs
from jaxsim.experiments.build import card_of, simulated_card
from jaxsim.experiments.registry import Entry, Family, families

try:
    import typer
except ImportError:  # the core installs without the command line
    print(f"error: {MissingExtra('the command line', 'typer', 'cli')}", file=sys.stderr)
    raise SystemExit(2) from None

if TYPE_CHECKING:
    from jaxsim.core.kernel import System
    from jaxsim.results import Report, Result
else:
    Report = Result = System = Any  # they live beside JAX, which --help must not load

app = typer.Typer(
    name="jaxsim",
    help="Simulate, solve and tune decentralized resource-allocation systems.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Words = Annotated[
    list[str] | None, typer.Argument(help="key=value words; 'jaxsim list FAMILY' shows the keys")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object on standard output")]
Out = Annotated[Path | None, typer.Option("--out", help="folder to save to")]


def main() -> None:
    """Run the command line; turn refusals into one line and an exit code."""
    try:
        raise SystemExit(app(standalone_mode=False))
    except (InvalidInput, MissingExtra) as error:
        message, code = str(error), 2
    except UntrustworthyResult as error:
        message, code = str(error), 3
    except (KeyboardInterrupt, typer.Abort):
        message, code = "interrupted", 130
    except Exception as error:
        # Typer's own refusals (an unknown option, a missing value), whichever click they come from.
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        message, code = explain(), 2
    print("error:", " ".join(message.split()), file=sys.stderr)
    raise SystemExit(code)


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


RUN_KEYS = ("policy", "replications", "horizon", "warmup", "precision", "seed")


@app.command()
def simulate(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="see 'jaxsim list'")],
    words: Words = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with the same keys; words win over it")
    ] = None,
    policy: Annotated[str | None, typer.Option(help="policy, or several with commas to compare")] = None,
    replications: Annotated[str | None, typer.Option(help="independent paths (default 100)")] = None,
    horizon: Annotated[str | None, typer.Option(help="measured model time (default: the family's)")] = None,
    warmup: Annotated[
        str | None, typer.Option(help="model time before measuring, or 'auto' (MSER-5)")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="add replications until half-width / mean <= this")
    ] = None,
    seed: Annotated[str | None, typer.Option(help="0 .. 2**64-1; the same seed gives the same paths")] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="file for the decisions of replication 0 as hash-linked blocks")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a family and print estimates with 95 % confidence intervals."""
    card = simulated_card(family)
    given = {
        "policy": policy,
        "replications": replications,
        "horizon": horizon,
        "warmup": warmup,
        "precision": precision,
        "seed": seed,
    }
    run, keys = _gather(words or [], config, {k: v for k, v in given.items() if v is not None})
    names = _policy_names(card, run.pop("policy", None))
    _use_all_cores()
    system, policies = _build(card, names, keys)
    if ledger is not None:  # first, so that a refusal does not come after a long simulation
        _write_ledger(card, system, policies[names[0]], ledger, run)
    results: dict[str, Result] = {}
    for name in names:
        with _progress_bar(f"{family} · {name}") as show:
            results[name] = _simulate(system, policies[name], run, show)
    if out is not None:
        _save_results(results, out)
    if as_json:
        heads = {name: _head(result, name) for name, result in results.items()}
        _print_json(heads[names[0]] if len(names) == 1 else {"family": family, "policies": heads})
    else:
        _print_results(results, out)
    if any(result.status for result in results.values()):
        raise typer.Exit(3)


def _gather(
    words: list[str], config: Path | None, options: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Merge file, words and options into (how to run, keys of the system)."""
    values = inputs.read_config(config) if config is not None else {}
    values |= inputs.parse_words(words)
    for key, text in options.items():
        repeated = any(word.partition("=")[0].strip() == key for word in words)
        require(not repeated, key, text, "is given as a word and as an option", "give it once")
        values[key] = inputs.parse_value(text)
    run = {key: values.pop(key) for key in RUN_KEYS if key in values}
    return run, values


def _policy_names(card: Family, text: Any) -> list[str]:
    names = [name.strip() for name in str(text).split(",")] if text else list(card.policies)[:1]
    for name in names:
        choice("policy", name, card.policies)
    require(len(set(names)) == len(names), "policy", text, "names a policy twice", "name each once")
    return names


def _build(card: Family, names: list[str], keys: dict[str, Any]) -> tuple[System, dict[str, Any]]:
    """Make the system and the policies from their keys; every key must belong to one of them."""
    assert card.system is not None
    build = card.system.load()
    makers = {name: card.policies[name].load() for name in names}
    inputs.check_keys(keys, build, *makers.values())
    system = inputs.call(build, keys)
    return system, {name: inputs.call(make, keys, system) for name, make in makers.items()}


def _simulate(system: System, policy: Any, run: dict[str, Any], show: Callable[..., None]) -> Result:
    from jaxsim.engine import simulate as verb

    return verb(system.kernel, policy, system.params, on_trouble="report", progress=show, **run)


def _head(result: Result, policy: str) -> dict[str, Any]:
    return {**result.head(), "policy": policy}


def _use_all_cores() -> None:
    """Let JAX see each CPU core as a device, unless the user has decided otherwise."""
    import os

    import jax

    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        jax.config.update("jax_num_cpu_devices", cores or 1)


@contextmanager
def _progress_bar(title: str) -> Iterator[Callable[[Any], None]]:
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
        rate = f"{progress.done / max(progress.seconds, 1e-9):.3g} steps/s"
        bar.update(task, completed=progress.fraction, rate=rate)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()


def _save_results(results: dict[str, Result], out: Path) -> None:
    from jaxsim.results import save

    for name, result in results.items():
        save(result, out if len(results) == 1 else out / name)


def _write_ledger(card: Family, system: System, policy: Any, file: Path, run: dict[str, Any]) -> None:
    from jaxsim.experiments import ledgers

    keys = {name: run[name] for name in ("seed", "horizon") if name in run}
    kept = ledgers.write(card, system, policy, file, **keys)
    print(f"{kept['blocks']} blocks in {file}; keep the head: {kept['head']}", file=sys.stderr)


def _print_json(value: Any) -> None:
    from jaxsim.results.storage import plain

    print(json.dumps(plain(value), allow_nan=False))


def _print_results(results: dict[str, Result], out: Path | None) -> None:
    """Print a table of estimates, and of paired differences where policies are compared."""
    from rich.console import Console

    from jaxsim.plots.tables import differences_table, estimates_table, footer

    console = Console()
    console.print(estimates_table(results))
    if len(results) > 1:
        console.print(differences_table(results))
    for line in footer(results):
        console.print(line, style="dim", highlight=False)
    if out is not None:
        console.print(f"saved to {out}; draw it with: jaxsim plot {out}", highlight=False)


@app.command()
def solve(
    problem: Annotated[str, typer.Argument(metavar="FAMILY.PROBLEM", help="see 'jaxsim list FAMILY'")],
    words: Words = None,
    as_json: AsJson = False,
) -> None:
    """Solve a problem exactly: closed forms, linear programs, dynamic programs, equilibria."""
    _, entry = _named("problem", problem, "problems")
    function = entry.load()
    values = inputs.parse_words(words or [])
    inputs.check_keys(values, function)
    answer = inputs.call(function, values)
    shown = {key: values.get(key, default) for key, default in inputs.keys_of(function).items()}
    if as_json:
        _print_json({"problem": problem, "inputs": shown, "values": answer})
        return
    from rich.console import Console

    from jaxsim.plots.tables import values_table

    Console().print(values_table(problem, entry.summary, answer))


def _named(kind: str, name: str, section: str) -> tuple[Family, Entry]:
    """Return the family and the entry of a FAMILY.NAME."""
    head, dot, tail = name.partition(".")
    require(bool(dot), kind, name, f"is not FAMILY.{kind.upper()}", "see 'jaxsim list FAMILY'")
    family = card_of(head)
    entries = getattr(family, section)
    require(bool(entries), kind, name, f"is not known: {head} has no {section}", "see 'jaxsim list'")
    return family, entries[choice(kind, tail, entries)]


@app.command()
def reproduce(
    experiment: Annotated[str, typer.Argument(metavar="FAMILY.EXPERIMENT|FAMILY|all")],
    scale: Annotated[str, typer.Option(help="smoke (seconds) or paper (the paper's own sizes)")] = "smoke",
    seed: Annotated[int, typer.Option(help="seed of every experiment")] = 0,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Reproduce figures, tables and examples of the papers, with the paper's numbers beside ours."""
    choice("scale", scale, ("smoke", "paper"))
    names = _experiment_names(experiment)
    _use_all_cores()
    reports = [_reproduce(name, scale, seed) for name in names]
    if out is not None:
        from jaxsim.results import save_report

        for report in reports:
            save_report(report, out / report.name)
    if as_json:
        _print_json({"reports": [report.plain() for report in reports]})
        return
    from rich.console import Console

    from jaxsim.plots.tables import report_table

    for report in reports:
        Console().print(report_table(report))
    if out is not None:
        print(f"saved to {out}; draw it with: jaxsim plot {out}")


def _experiment_names(experiment: str) -> list[str]:
    if experiment == "all":
        return [f"{family.name}.{name}" for family in families().values() for name in family.experiments]
    if "." not in experiment:
        family = card_of(experiment)
        require(bool(family.experiments), "experiment", experiment, "has no experiments", "see 'jaxsim list'")
        return [f"{family.name}.{name}" for name in family.experiments]
    _named("experiment", experiment, "experiments")
    return [experiment]


def _reproduce(name: str, scale: str, seed: int) -> Report:
    import dataclasses
    import time

    _, entry = _named("experiment", name, "experiments")
    print(f"{name} ...", file=sys.stderr)
    clock = time.perf_counter()
    report = entry.load()(scale=scale, seed=seed)
    return dataclasses.replace(report, name=name, wall_seconds=time.perf_counter() - clock)


@app.command()
def plot(folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder that --out made")]) -> None:
    """Draw what a folder holds (results or reports) as PNG and SVG beside the data."""
    from jaxsim.plots import draw

    for path in draw(folder):
        print(path)


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="a ledger, or a folder that holds some")],
    head: Annotated[str | None, typer.Option(help="hash of the last block, where you kept it")] = None,
) -> None:
    """Check ledgers of decisions: name every altered block; exit with 3 if there is one."""
    from jaxsim.experiments import ledgers

    found = ledgers.verify(path, head)
    for name, (audit, known) in found.items():
        for fault in audit.faults:
            print(f"{name}: {fault}")
        if not audit.faults:
            end = "" if known else "; without a head, blocks missing at the end cannot be seen"
            print(f"{name}: {audit.blocks} blocks hold{end}")
    if any(audit.faults for audit, _ in found.values()):
        raise typer.Exit(3)


@app.command()
def version() -> None:
    """Print the versions that a number depends on."""
    from jaxsim.results import versions

    for package, number in versions().items():
        print(f"{package} {number}")


if __name__ == "__main__":
    main()
