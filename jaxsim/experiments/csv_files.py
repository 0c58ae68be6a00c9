"""Numbers from CSV files: ``key=@FILE.csv`` on the command line, ``key = "@FILE.csv"`` in TOML."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from jaxsim.core.validation import refuse, require

MOST_BYTES = 1 << 26


def read_numbers(field: str, name: str) -> Any:
    """Return the numbers of a CSV file: a list if it has one row or one column, else a list of rows.

    Raises:
        InvalidInput: if the file cannot be read, is larger than 64 MiB, or is not a table of numbers.
    """
    path, shown = Path(name), f"@{name}"
    remedy = "give a file of numbers separated by commas, rows of equal length"
    try:
        require(path.is_file(), field, shown, "is not a file", remedy)
        require(path.stat().st_size <= MOST_BYTES, field, shown, "is too large", "keep it below 64 MiB")
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[float(cell) for cell in row] for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        refuse(field, shown, f"cannot be read ({type(error).__name__})", remedy)
    except ValueError as error:
        refuse(field, shown, f"holds no number ({' '.join(str(error).split())[:60]})", remedy)
    require(bool(rows), field, shown, "is empty", remedy)
    require(len({len(row) for row in rows}) == 1, field, shown, "has rows of unequal length", remedy)
    if len(rows[0]) == 1:
        return [row[0] for row in rows]
    return rows[0] if len(rows) == 1 else rows
