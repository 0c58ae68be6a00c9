"""``jaxsim resume``: go on with a job that was killed or interrupted."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from jaxsim.cli.app import app
from jaxsim.core.validation import choice, refuse


@app.command()
def resume(folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder that --out made")]) -> None:
    """Go on with a simulation, tuning or training that was killed, to the same result."""
    from jaxsim.results.job import read_request

    request = read_request(folder)
    if request.finished:
        print(f"{folder} is finished: nothing is left to do")
        return
    commands = resumable()
    command = commands[choice("command", request.command, commands)]
    known = set(inspect.signature(command).parameters) - {"out"}
    odd = sorted(set(request.arguments) - known)
    if odd:
        refuse("folder", str(folder), f"has a request with unknown {odd[0]}", "give the whole command again")
    arguments = {
        k: v if k not in _paths(command) or v is None else Path(v) for k, v in request.arguments.items()
    }
    out = folder.resolve()
    if Path(request.working_folder).is_dir():
        os.chdir(request.working_folder)  # the files that the arguments name lie there
    command(**arguments, out=out)


def resumable() -> dict[str, Any]:
    """Return the commands that keep their request in the folder of ``--out`` (see `jaxsim.results.job`)."""
    commands = {c.name or c.callback.__name__: c.callback for c in app.registered_commands if c.callback}
    return {name: c for name, c in commands.items() if name in ("simulate", "tune", "train")}


def _paths(command: Any) -> list[str]:
    """Return the parameters of a command that are paths: JSON holds them as text."""
    return [name for name, p in inspect.signature(command).parameters.items() if "Path" in str(p.annotation)]
