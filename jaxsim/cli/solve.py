"""``jaxsim solve``: what is known exactly."""

from __future__ import annotations

from typing import Annotated

import typer

from jaxsim.cli import complete, shared
from jaxsim.cli.app import AsJson, Words, app
from jaxsim.experiments import inputs


@app.command()
def solve(
    problem: Annotated[
        str,
        typer.Argument(
            metavar="FAMILY.PROBLEM", help="see 'jaxsim list FAMILY'", autocompletion=complete.problem
        ),
    ],
    words: Words = None,
    as_json: AsJson = False,
) -> None:
    """Solve a problem exactly: closed forms, linear programs, dynamic programs, equilibria."""
    _, entry = shared.named("problem", problem, "problems")
    function = entry.load()
    words = list(words or [])
    if words and "=" not in words[0] and "family" in inputs.keys_of(function):
        words[0] = f"family={words[0]}"
    values = inputs.parse_words(words)
    inputs.check_keys(values, function)
    answer = inputs.call(function, values)
    shown = {key: values.get(key, default) for key, default in inputs.keys_of(function).items()}
    if as_json:
        shared.print_json({"problem": problem, "inputs": shown, "values": answer})
        return
    from rich.console import Console

    from jaxsim.plots.tables import values_table

    Console().print(values_table(problem, entry.summary, answer))
