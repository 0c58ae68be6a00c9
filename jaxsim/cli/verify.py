"""``jaxsim verify``: check ledgers of decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jaxsim.cli.app import app


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
