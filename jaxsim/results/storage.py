"""Save and load Results and Reports as folders of strict JSON and npz; nothing loaded can execute code.

A Result is ``result.json`` (the head) and ``arrays.npz`` (the arrays); a Report is ``report.json``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.core.validation import refuse, require
from jaxsim.results.files import no_bomb, unwritable, write_whole
from jaxsim.results.report import Report
from jaxsim.results.result import Result
from jaxsim.statistics import Estimate

FORMAT = 1
_ARRAY_FIELDS = ("samples", "series", "arrays")


def plain(value: Any) -> Any:
    """Return the value with infinities and NaN as text, so that the JSON is strict."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def save(result: Result, folder: str | Path) -> Path:
    """Write the result into the folder (made if missing; an older result there is replaced); return it.

    Raises:
        InvalidInput: if the folder cannot be written.
    """
    folder = Path(folder)
    estimates = {name: vars(e) for name, e in result.estimates.items()}
    scalars = {k: v for k, v in vars(result).items() if k not in (*_ARRAY_FIELDS, "estimates")}
    head = plain({"format": FORMAT, **scalars, "estimates": estimates})
    arrays = {f"{kind}/{name}": a for kind in _ARRAY_FIELDS for name, a in getattr(result, kind).items()}
    text = json.dumps(head, indent=2, allow_nan=False).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "arrays.npz", lambda file: np.savez_compressed(file, **arrays))
        write_whole(folder / "result.json", lambda file: file.write(text))
    except OSError as error:
        unwritable(folder, error)
    return folder


def _estimate(fields: dict[str, Any]) -> Estimate:
    numbers = {name: float(fields[name]) for name in ("mean", "half_width")}
    return Estimate(**{**fields, **numbers})


def load(folder: str | Path) -> Result:
    """Read a result back.

    Raises:
        InvalidInput: if the folder holds no result, or one that cannot be read.
    """
    folder = Path(folder)
    head_path = folder / "result.json"
    require(head_path.is_file(), "folder", str(folder), "holds no result", "give a folder that --out made")
    try:
        head = json.loads(head_path.read_text())
        version = head.pop("format")
        no_bomb(folder / "arrays.npz")
        with (folder / "arrays.npz").open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        result = _result(head, arrays) if version == FORMAT else None
    except Exception as error:  # readers of damaged archives raise almost anything
        refuse("folder", str(folder), f"holds a damaged result ({type(error).__name__})", "simulate again")
    require(version == FORMAT, "format", version, "is not known", f"this jaxsim reads format {FORMAT}")
    assert result is not None
    return result


def _result(head: dict[str, Any], arrays: dict[str, np.ndarray]) -> Result:
    estimates = {name: _estimate(e) for name, e in head.pop("estimates").items()}
    split: dict[str, Any] = {kind: {} for kind in _ARRAY_FIELDS}
    for name, array in arrays.items():
        kind, _, rest = name.partition("/")
        split[kind][rest] = array
    return Result(**head, estimates=estimates, **split)


def save_report(report: Report, folder: str | Path) -> Path:
    """Write the report into the folder; return it.

    Raises:
        InvalidInput: if the folder cannot be written.
    """
    folder = Path(folder)
    text = json.dumps(plain({"format": FORMAT, **report.plain()}), indent=2, allow_nan=False).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "report.json", lambda file: file.write(text))
    except OSError as error:
        unwritable(folder, error)
    return folder


def load_report(folder: str | Path) -> Report:
    """Read a report back.

    Raises:
        InvalidInput: if the folder holds no report, or one that cannot be read.
    """
    path = Path(folder) / "report.json"
    require(path.is_file(), "folder", str(folder), "holds no report", "give a folder that --out made")
    try:
        values = json.loads(path.read_text())
        version = values.pop("format")
    except (OSError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        refuse(
            "folder", str(folder), f"holds a damaged report ({type(error).__name__})", "reproduce it again"
        )
    require(version == FORMAT, "format", version, "is not known", f"this jaxsim reads format {FORMAT}")
    try:
        return Report.from_plain(values)
    except (KeyError, TypeError, ValueError) as error:
        refuse(
            "folder", str(folder), f"holds a damaged report ({type(error).__name__})", "reproduce it again"
        )
