"""``jaxsim simulate``: estimates with intervals, of one policy or of several compared."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxsim.cli import complete, shared
from jaxsim.cli import hosts as together
from jaxsim.cli.app import AsJson, Out, Words, app
from jaxsim.core.validation import choice, numbers, require
from jaxsim.experiments import inputs
from jaxsim.experiments.build import simulated_card
from jaxsim.experiments.registry import Family

if TYPE_CHECKING:
    from jaxsim.core.kernel import System
    from jaxsim.engine.hosts import Hosts
    from jaxsim.results import Result
    from jaxsim.statistics import Estimate
else:
    Estimate = Hosts = Result = System = Any  # they live beside JAX, which --help must not load

RUN_KEYS = (
    "policy", "replications", "horizon", "warmup", "precision", "most_replications", "antithetic", "seed",
    "memory", "split", "histogram", "quantiles",
    "control",
)  # fmt: skip
QUANTILES = (0.5, 0.9, 0.99)


@app.command()
def simulate(
    family: Annotated[
        str, typer.Argument(metavar="FAMILY", help="see 'jaxsim list'", autocompletion=complete.family)
    ],
    words: Words = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with the same keys; words win over it")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="policy, or several with commas to compare", autocompletion=complete.policy),
    ] = None,
    replications: Annotated[str | None, typer.Option(help="independent paths (default 100)")] = None,
    horizon: Annotated[str | None, typer.Option(help="measured model time (default: the family's)")] = None,
    warmup: Annotated[
        str | None, typer.Option(help="model time before measuring, or 'auto' (MSER-5)")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="add replications until half-widths are 1% of the mean, 0.05abs, or NAME=1%,..."),
    ] = None,
    most_replications: Annotated[
        str | None, typer.Option(help="refuse a precision that takes more (default 1000000)")
    ] = None,
    antithetic: Annotated[
        bool, typer.Option("--antithetic", help="replications in pairs that see reflected random words")
    ] = False,
    control: Annotated[
        bool, typer.Option("--control", help="shorter intervals by control variates, where there are any")
    ] = False,
    histogram: Annotated[
        str | None, typer.Option(help="bins of metrics over steps, as NAME=LOW:HIGH:BINS,...")
    ] = None,
    quantiles: Annotated[str | None, typer.Option(help="of the histograms (default 0.5,0.9,0.99)")] = None,
    seed: Annotated[str | None, typer.Option(help="0 .. 2**64-1; the same seed gives the same paths")] = None,
    split: Annotated[
        str | None, typer.Option(help="what devices share: replications (default), or nodes of each")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="use at most this much, as 2GB (default: half of what is free)")
    ] = None,
    hosts: Annotated[str | None, typer.Option(help=together.HELP)] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="file for the decisions of replication 0 as hash-linked blocks")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a family and print estimates with 95 % confidence intervals."""
    request = {name: value for name, value in locals().items() if name != "out"}
    if hosts is not None and not together.is_host():
        raise typer.Exit(together.supervise(hosts))
    card = simulated_card(family)
    given = {
        "policy": policy,
        "replications": replications,
        "horizon": horizon,
        "warmup": warmup,
        "precision": precision,
        "most_replications": most_replications,
        "antithetic": "true" if antithetic else None,
        "control": "true" if control else None,
        "histogram": histogram,
        "quantiles": quantiles,
        "seed": seed,
        "memory": memory,
        "split": split,
    }
    run, keys = _gather(words or [], config, {k: v for k, v in given.items() if v is not None})
    names = _policy_names(card, run.pop("policy", None))
    wanted = _quantiles(run.pop("quantiles", None), run.get("histogram"))
    shared.use_all_cores()
    team = together.join()
    system, policies = _build(card, names, keys)
    if team.index > 0:
        _assist(team, system, policies, run, out)
        return
    written: dict[str, Any] = {}
    if ledger is not None:  # first, so that a refusal does not come after a long simulation
        written = _write_ledger(card, system, policies[names[0]], ledger, run)
    results: dict[str, Result] = {}
    with _job(out, request):
        for name in names:
            folder = _folder(out, name, names)
            with shared.progress_bar(f"{family} · {name}") as show:
                results[name] = _simulate(system, policies[name], {**run, "checkpoint": folder}, show)
            if name == names[0]:
                results[name] = dataclasses.replace(results[name], ledger=written)
            if folder is not None:
                _save(results[name], folder)
    _leave(team)
    if as_json:
        heads = {name: _head(result, name, wanted) for name, result in results.items()}
        shared.print_json(heads[names[0]] if len(names) == 1 else {"family": family, "policies": heads})
    else:
        _print_results(results, wanted, out)
    if any(result.status for result in results.values()):
        raise typer.Exit(3)


def _assist(
    team: Hosts, system: System, policies: dict[str, Any], run: dict[str, Any], out: Path | None
) -> None:
    """Do the share of a host other than the first, which alone prints and saves."""
    from jaxsim.results.job import forget

    for name, policy in policies.items():
        _simulate(system, policy, {**run, "checkpoint": _folder(out, name, list(policies))}, None)
    _leave(team)
    if out is not None:
        forget(out)


def _leave(team: Hosts) -> None:
    from jaxsim.engine import hosts

    hosts.leave(team)


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
    for key, value in run.items():
        require(value is not None, key, "null", "is not a value", "leave it out for the default")
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


def _simulate(system: System, policy: Any, run: dict[str, Any], show: Callable[..., None] | None) -> Result:
    from jaxsim.engine import simulate as verb

    return verb(system.kernel, policy, system.params, on_trouble="report", progress=show, **run)


def _quantiles(asked: Any, histogram: Any) -> list[float]:
    """Return the quantiles to print."""
    if asked is None:
        return list(QUANTILES)
    remedy = "add --histogram NAME=LOW:HIGH:BINS"
    require(histogram is not None, "quantiles", asked, "have no histogram", remedy)
    found = numbers("quantiles", asked).reshape(-1)
    inside = found.size > 0 and bool(((found > 0) & (found < 1)).all())
    require(inside, "quantiles", asked, "are no probabilities", "give numbers between 0 and 1, as 0.5,0.9")
    return [float(p) for p in found]


def _head(result: Result, policy: str, quantiles: list[float]) -> dict[str, Any]:
    found = {
        name: {f"{p:g}": _interval(result.quantile(name, p)) for p in quantiles} for name in result.histograms
    }
    return {**result.head(), "policy": policy, **({"quantiles": found} if found else {})}


def _interval(e: Estimate) -> dict[str, float]:
    return {"value": e.mean, "half_width": e.half_width, "level": e.level}


def _job(out: Path | None, request: dict[str, Any]) -> AbstractContextManager[None]:
    from jaxsim.results.job import job

    return job(out, "simulate", request)


def _folder(out: Path | None, name: str, names: list[str]) -> Path | None:
    """Return the folder of one policy's result."""
    return out if out is None or len(names) == 1 else out / name


def _save(result: Result, folder: Path) -> None:
    from jaxsim.results import save

    save(result, folder)


def _write_ledger(
    card: Family, system: System, policy: Any, file: Path, run: dict[str, Any]
) -> dict[str, Any]:
    from jaxsim.experiments import ledgers

    keys = {name: run[name] for name in ("seed", "horizon") if name in run}
    kept = ledgers.write(card, system, policy, file, **keys)
    print(f"{kept['blocks']} blocks in {file}; keep the head: {kept['head']}", file=sys.stderr)
    return kept


def _print_results(results: dict[str, Result], quantiles: list[float], out: Path | None) -> None:
    """Print a table of estimates, and of paired differences where policies are compared."""
    from rich.console import Console

    from jaxsim.plots.tables import best_lines, differences_table, estimates_table, footer, quantiles_table

    console = Console()
    console.print(estimates_table(results))
    if any(result.histograms for result in results.values()):
        console.print(quantiles_table(results, quantiles))
    if len(results) > 1:
        console.print(differences_table(results))
        for line in best_lines(results):
            console.print(line, highlight=False)
    for line in footer(results):
        console.print(line, style="dim", highlight=False)
    if out is not None:
        console.print(f"saved to {out}; draw it with: jaxsim plot {out}", highlight=False)
