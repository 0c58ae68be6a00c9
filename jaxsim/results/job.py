"""A folder that a command writes with ``--out``: it keeps the request, so that `resume` can repeat it.

For the commands (`simulate`, `tune`, `train`)::

    with job(out, "tune", {"family": family, "words": words, ..., "as_json": as_json}):
        found = verb(..., checkpoint=out)      # continues from a checkpoint in the folder, if there is one
        save(found, out)

`job` writes ``request.json`` (command, arguments, working folder), owns the folder while the block runs, and
at its end marks the request as finished and removes the checkpoints. An exception or a kill leaves them, and
``jaxsim resume DIR`` calls the same command with the same arguments: nothing but the request is special about
it. The arguments are the keyword arguments of the command's function, as plain JSON (paths as text), without
``out``, so that the folder may be moved. ``job(None, ...)`` does nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxsim.core.errors import Interrupted
from jaxsim.core.validation import refuse, require
from jaxsim.results.checkpoint import FILE
from jaxsim.results.files import locked, unwritable, write_whole

FORMAT = 1
REQUEST = "request.json"


@dataclass(frozen=True)
class Request:
    """What a command was asked for, where, and whether its result is on the disk."""

    command: str
    arguments: dict[str, Any]
    working_folder: str
    finished: bool = False


def read_request(folder: str | Path) -> Request:
    """Return the request that a folder keeps.

    Raises:
        InvalidInput: if there is none, or it is damaged.
    """
    path = Path(folder) / REQUEST
    require(path.is_file(), "folder", str(folder), "holds no request", "give a folder that --out made")
    try:
        values = json.loads(path.read_text())
        version = values.pop("format")
        known = version == FORMAT
        request = Request(**values) if known else None
        sound = request is None or (
            isinstance(request.command, str)
            and isinstance(request.arguments, dict)
            and isinstance(request.working_folder, str)
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        problem = f"holds a damaged request ({type(error).__name__})"
        refuse("folder", str(folder), problem, "give the whole command again")
    require(known, "format", version, "is not known", f"this jaxsim reads format {FORMAT}")
    require(sound, "folder", str(folder), "holds a damaged request", "give the whole command again")
    assert request is not None
    return request


def _write(folder: Path, request: Request) -> None:
    text = json.dumps({"format": FORMAT, **vars(request)}, indent=2).encode()
    try:
        write_whole(folder / REQUEST, lambda file: file.write(text))
    except OSError as error:
        unwritable(folder, error)


def forget(folder: Path) -> None:
    """Remove the checkpoints of a job: in its folder, and below it for each policy and host."""
    for path in folder.rglob(FILE):
        path.unlink(missing_ok=True)
    for path in folder.rglob("host-*"):
        with contextlib.suppress(OSError):
            path.rmdir()


@contextlib.contextmanager
def job(folder: str | Path | None, command: str, arguments: dict[str, Any]) -> Iterator[None]:
    """Own the folder and keep the request in it while the block runs; see the module's docstring.

    Raises:
        InvalidInput: if the folder cannot be written, is in use, or holds another job that is unfinished.
    """
    if folder is None:
        yield
        return
    plain = json.loads(json.dumps(arguments, default=str))
    with locked(folder) as owned:
        if (owned / REQUEST).is_file() and any(owned.rglob(FILE)):
            before = read_request(owned)
            same = (before.command, before.arguments) == (command, plain)
            remedy = f"continue it with 'jaxsim resume {owned}', or give another folder"
            require(same, "out", str(owned), "holds another job that is unfinished", remedy)
        request = Request(command, plain, os.getcwd())
        _write(owned, request)
        try:
            yield
        except Interrupted:
            raise Interrupted(f"interrupted; go on with: jaxsim resume {owned}") from None
        _write(owned, Request(command, plain, request.working_folder, finished=True))
        forget(owned)
