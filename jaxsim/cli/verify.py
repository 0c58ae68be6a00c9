"""``jaxsim verify``: check ledgers of decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jaxsim.cli import shared
from jaxsim.cli.app import AsJson, app


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="a ledger, or a folder that holds some")],
    head: Annotated[str | None, typer.Option(help="hash of the last block, where you kept it")] = None,
    as_json: AsJson = False,
) -> None:
    """Check ledgers of decisions: name every altered block; exit with 3 if there is one."""
    from jaxsim.experiments import ledgers

    found = ledgers.verify(path, head)
    if as_json:
        plain = {n: {"blocks": a.blocks, "faults": a.faults, "head_known": k} for n, (a, k) in found.items()}
        shared.print_json({"ledgers": plain})
    else:
        _print(found)
    if any(audit.faults for audit, _ in found.values()):
        raise typer.Exit(3)


def _print(found: dict[str, Any]) -> None:
    for name, (audit, known) in found.items():
        for fault in audit.faults:
            print(f"{name}: {fault}")
        if not audit.faults:
            end = "" if known else "; without a head, blocks missing at the end cannot be seen"
            print(f"{name}: {audit.blocks} blocks hold{end}")
