"""``jaxsim reproduce``: the papers' figures, tables and examples, their numbers beside ours."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxsim.cli import complete, shared
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
    experiment: Annotated[
        str, typer.Argument(metavar="FAMILY.EXPERIMENT|FAMILY|all", autocompletion=complete.experiment)
    ],
    scale: Annotated[str, typer.Option(help="smoke (seconds) or paper (the paper's own sizes)")] = "smoke",
    seed: Annotated[int, typer.Option(help="seed of every experiment")] = 0,
    out: Out = None,
    again: Annotated[bool, typer.Option("--again", help="repeat experiments that DIR already holds")] = False,
    as_json: AsJson = False,
) -> None:
    """Reproduce figures, tables and examples of the papers, with the paper's numbers beside ours.

    For 'all' or a family, --out DIR also writes DIR/index.html, one page with everything, after each
    experiment. A run that was stopped goes on where it was; an experiment that fails does not stop the rest.
    """
    choice("scale", scale, ("smoke", "paper"))
    names = _experiment_names(experiment)
    shared.use_all_cores()
    several = len(names) > 1
    kept = {} if again or out is None or not several else _kept(out, names, scale, seed)
    page = _page(out / "index.html", names) if several and out is not None else None
    if page is not None and kept:
        page.add(*kept.values())
    reports: list[Report] = []
    clock = _Clock(len(names) - len(kept))
    for number, name in enumerate(names, start=1):
        if name in kept:
            report = kept[name]
        else:
            place = f"[{number}/{len(names)}] " if several else ""
            print(f"{place}{name} ...{clock.left()}", file=sys.stderr, flush=True)
            report = _reproduce(name, scale, seed, survive=several)
            clock.done += 1
        reports.append(report)
        _show(report, out if name not in kept else None, quiet=as_json)
        if page is not None and name not in kept:
            page.add(report)
    if as_json:
        shared.print_json({"reports": [report.plain() for report in reports]})
    elif out is not None:
        print(f"saved to {out}; " + ("read index.html there" if page else f"draw it with: jaxsim plot {out}"))
    if any(claim.verdict == "failed" for report in reports for claim in report.claims):
        raise typer.Exit(3)


def _experiment_names(experiment: str) -> list[str]:
    if experiment == "all":
        return [f"{family.name}.{name}" for family in families().values() for name in family.experiments]
    if "." not in experiment:
        family = card_of(experiment)
        require(bool(family.experiments), "experiment", experiment, "has no experiments", "see 'jaxsim list'")
        return [f"{family.name}.{name}" for name in family.experiments]
    shared.named("experiment", experiment, "experiments")
    return [experiment]


@dataclasses.dataclass
class _Clock:
    """About how long the experiments that are still to do will take."""

    todo: int
    done: int = 0
    began: float = dataclasses.field(default_factory=time.perf_counter)

    def left(self) -> str:
        if not self.done:
            return ""
        seconds = (time.perf_counter() - self.began) / self.done * (self.todo - self.done)
        return f" (about {seconds / 60:.0f} min left)" if seconds >= 60 else f" (about {seconds:.0f} s left)"


def _reproduce(name: str, scale: str, seed: int, survive: bool) -> Report:
    """Run an experiment; where others wait for their turn, what it raises becomes the verdict "failed"."""
    import jax

    from jaxsim.results import Claim, Report

    _, entry = shared.named("experiment", name, "experiments")
    clock = time.perf_counter()
    try:
        report = entry.load()(scale=scale, seed=seed)
    except Exception as error:
        if not survive:
            raise
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
        claim = Claim("the experiment itself", None, "no answer", verdict="failed", note=why)
        report = Report(name, entry.summary, card_of(name.partition(".")[0]).source, (claim,))
    if survive:
        jax.clear_caches()  # or every program of every experiment would stay in memory
    seconds = time.perf_counter() - clock
    return dataclasses.replace(report, name=name, scale=scale, seed=seed, wall_seconds=seconds)


def _kept(out: Path, names: list[str], scale: str, seed: int) -> dict[str, Report]:
    """Return the reports that the folder holds from the same scale, seed and versions, without a failure."""
    from jaxsim.results import load_report, versions

    found = {name: load_report(out / name) for name in names if (out / name / "report.json").is_file()}
    wanted = (scale, seed, versions())
    return {
        name: report
        for name, report in found.items()
        if (report.scale, report.seed, report.versions) == wanted
        and all(claim.verdict != "failed" for claim in report.claims)
    }


def _show(report: Report, out: Path | None, quiet: bool) -> None:
    """Save the report and print its table, as soon as it is there."""
    if out is not None:
        from jaxsim.results import save_report

        save_report(report, out / report.name)
    if not quiet:
        from rich.console import Console

        from jaxsim.plots.tables import report_table

        Console().print(report_table(report))


def _page(path: Path, names: list[str]) -> Any:
    """Return the page of those papers that the experiments are from."""
    from jaxsim.experiments.papers import PAPERS, beyond
    from jaxsim.plots.page import Page

    wanted = set(names)
    shown = [p for p in (*PAPERS, beyond()) if any(wanted & set(item.experiments) for item in p.items)]
    return Page(path, shown)
