"""``jaxsim reproduce``: the papers' figures, tables and examples, their numbers beside ours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxsim.cli import shared
from jaxsim.cli.app import AsJson, Out, app
from jaxsim.core.validation import choice, require
from jaxsim.experiments.build import card_of
from jaxsim.experiments.registry import families

if TYPE_CHECKING:
    from jaxsim.results import Report
else:
    Report = Any  # lives beside JAX, which --help must not load


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
    shared.use_all_cores()
    reports = [_reproduce(name, scale, seed) for name in names]
    if out is not None:
        from jaxsim.results import save_report

        for report in reports:
            save_report(report, out / report.name)
    if as_json:
        shared.print_json({"reports": [report.plain() for report in reports]})
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
    shared.named("experiment", experiment, "experiments")
    return [experiment]


def _reproduce(name: str, scale: str, seed: int) -> Report:
    import dataclasses
    import time

    _, entry = shared.named("experiment", name, "experiments")
    print(f"{name} ...", file=sys.stderr)
    clock = time.perf_counter()
    report = entry.load()(scale=scale, seed=seed)
    return dataclasses.replace(report, name=name, wall_seconds=time.perf_counter() - clock)
