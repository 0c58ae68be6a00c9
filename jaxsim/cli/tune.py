"""``jaxsim tune``: tune a family by gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxsim.cli import shared
from jaxsim.cli.app import AsJson, Out, Words, app
from jaxsim.core.validation import choice, require
from jaxsim.experiments import inputs
from jaxsim.experiments.build import card_of

if TYPE_CHECKING:
    from jaxsim.results import Result
else:
    Result = Any  # it lives beside JAX, which --help must not load

RUN_KEYS = ("gradient", "steps", "seed", "judges", "precision")


@app.command()
def tune(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="see 'jaxsim list FAMILY'")],
    words: Words = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Tune a family by gradient; several cases (delays, rates, starts) are tuned in one call.

    Words besides the keys of the tuning: what=NAME, gradient=NAME, steps=, seed=, judges= (fresh replications
    that judge) and precision= (stop once the answer is that near the optimum, as a share of the value).
    """
    request = {name: value for name, value in locals().items() if name != "out"}
    card = card_of(family)
    require(bool(card.tunings), "family", family, "has nothing to tune", "see 'jaxsim list'")
    values = inputs.parse_words(words or [])
    what = choice("what", values.pop("what", next(iter(card.tunings))), card.tunings)
    how = {key: values.pop(key) for key in RUN_KEYS if key in values}
    build = card.tunings[what].load()
    inputs.check_keys(values, build)

    from jaxsim.experiments.tunings import saved
    from jaxsim.results.job import job

    with job(out, "tune", request):
        with shared.step_bar(f"{family} · {what}") as show:
            found = saved.tuned(family, what, inputs.call(build, values), values, how, show, out)
        if out is not None:
            saved.save_all(found, out)
    if as_json:
        shared.print_json({"family": family, "tuning": what, "inputs": values, **saved.plain(found)})
    else:
        _print(family, what, found, out)


def _print(family: str, what: str, found: Any, out: Any) -> None:
    from rich.console import Console

    from jaxsim.plots.tables import values_table

    console = Console()
    for case in found:
        console.print(values_table(f"{family}.{what}, {case.name}", case.title, case.table()))
    if out is not None:
        console.print(f"saved to {out}; draw it with: jaxsim plot {out}", highlight=False)
