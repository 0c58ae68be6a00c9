"""The command line: thin commands over the public verbs, one file per command.

Nothing heavy is imported until a command needs it, so that ``--help`` and ``list`` answer at once.
"""

# isort: off
from jaxsim.cli.app import app, main  # first: it says what is missing where Typer is not installed

# The order of the modules is the order of the commands in the help.
from jaxsim.cli import (
    list,
    simulate,
    solve,
    tune,
    train,
    reproduce,
    resume,
    plot,
    verify,
    bench,
    doctor,
    version,
)

__all__ = [
    "app",
    "bench",
    "doctor",
    "list",
    "main",
    "plot",
    "reproduce",
    "resume",
    "simulate",
    "solve",
    "train",
    "tune",
    "verify",
    "version",
]
