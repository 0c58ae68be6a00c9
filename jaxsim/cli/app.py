"""The Typer application and its entry point.

Progress and tables go to standard error where ``--json`` asks for one JSON object on standard output. Exit
codes: 0; 2 for bad input, with one line that names the field; 3 when a status bit makes the numbers
untrustworthy.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from jaxsim.core.errors import Interrupted, InvalidInput, MissingExtra, UntrustworthyResult

try:
    import typer
except ImportError:  # the core installs without the command line
    print(f"error: {MissingExtra('the command line', 'typer', 'cli')}", file=sys.stderr)
    raise SystemExit(2) from None

app = typer.Typer(
    name="jaxsim",
    help="Simulate, solve and tune decentralized resource-allocation systems.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Words = Annotated[
    list[str] | None, typer.Argument(help="key=value words; 'jaxsim list FAMILY' shows the keys")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object on standard output")]
Out = Annotated[Path | None, typer.Option("--out", help="folder to save to")]


def main() -> None:
    """Run the command line; turn refusals into one line and an exit code."""
    try:
        raise SystemExit(app(standalone_mode=False))
    except (InvalidInput, MissingExtra) as error:
        message, code = str(error), 2
    except UntrustworthyResult as error:
        message, code = str(error), 3
    except Interrupted as error:
        message, code = str(error), 130
    except (KeyboardInterrupt, typer.Abort):
        message, code = "interrupted", 130
    except Exception as error:
        # Typer's own refusals (an unknown option, a missing value), whichever click they come from.
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        message, code = explain(), 2
    if message:  # none where no command was given: the help has been shown
        print("error:", " ".join(message.split()), file=sys.stderr)
    raise SystemExit(code)
