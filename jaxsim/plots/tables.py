"""Tables for the terminal, from Results and Reports."""

from __future__ import annotations

import math
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from jaxsim.results import Claim, Report, Result, compare, rank


def _table(title: str, *columns: tuple[str, Any]) -> Table:
    width = min(80, len(title) + 2)  # or the title would be broken to the width of a narrow table
    look = {"box": box.SIMPLE_HEAD, "title_justify": "left", "title_style": "bold", "min_width": width}
    table = Table(title=Text(title) if title else None, **look)
    for name, justify in columns:
        table.add_column(name, justify=justify, overflow="fold")
    return table


def _digits(half_width: float) -> int:
    """Return how many decimals show two digits of the half-width."""
    return min(12, max(0, 1 - math.floor(math.log10(half_width))))


def _mean_and_width(mean: float, half_width: float, sign: str = "") -> tuple[str, str]:
    """Return both as text, to two digits of the half-width."""
    if math.isnan(mean):
        return "undefined", "-"
    if not math.isfinite(half_width):
        return f"{mean:{sign}.6g}", "unknown"
    if half_width <= 0:
        return f"{mean:{sign}.6g}", "0"
    digits = _digits(half_width)
    return f"{mean:{sign}.{digits}f}", f"{half_width:.{digits}f}"


def _share(half_width: float, mean: float) -> str:
    if not (math.isfinite(half_width) and math.isfinite(mean)) or mean == 0:
        return "-"
    share = 100 * half_width / abs(mean)
    return f"{share:.2g} %" if share < 99 else f"{share:.0f} %"


def estimates_table(results: dict[str, Result]) -> Table:
    """Return metric by metric, policy by policy: mean, half-width, share of the mean."""
    first = next(iter(results.values()))
    level = next(iter(first.estimates.values())).level
    columns = (("metric", "left"), ("policy", "left"), ("mean", "right"), (f"± ({100 * level:g} %)", "right"))
    table = _table(f"{first.family}, seed {first.seed}", *columns, ("±/mean", "right"), ("unit", "left"))
    for metric, unit in first.units.items():
        for name, result in results.items():
            e = result.estimates[metric]
            mean, width = _mean_and_width(e.mean, e.half_width)
            table.add_row(metric, name, mean, width, _share(e.half_width, e.mean), unit)
    return table


def quantiles_table(results: dict[str, Result], quantiles: list[float]) -> Table:
    """Return the quantiles of every metric with a histogram, policy by policy."""
    columns = (
        ("metric", "left"),
        ("policy", "left"),
        ("quantile", "right"),
        ("value", "right"),
        ("±", "right"),
    )
    table = _table("quantiles over steps (each step counts once)", *columns, ("unit", "left"))
    for name, result in results.items():
        for metric in result.histograms:
            edges = result.arrays[f"histogram.{metric}.edges"]
            for p in quantiles:
                e = result.quantile(metric, p)
                outside = f"< {edges[0]:g}" if e.mean < 0 else f">= {edges[-1]:g}"
                inside = math.isfinite(e.mean)
                shown = _mean_and_width(e.mean, e.half_width) if inside else (outside, "widen the bins")
                table.add_row(metric, name, f"{p:g}", *shown, result.units.get(metric, ""))
    return table


def differences_table(results: dict[str, Result]) -> Table:
    """Return each policy minus the first, paired by replication where the numbers allow it."""
    (base, first), *others = results.items()
    title = f"difference from {base}, paired by replication"
    table = _table(title, ("metric", "left"), ("policy", "left"), ("difference", "right"), ("±", "right"))
    for metric in first.estimates:
        for name, result in others:
            if min(result.replications, first.replications) < 2:
                continue
            e = compare(result, first, metric)
            table.add_row(metric, name, *_mean_and_width(e.mean, e.half_width, sign="+"))
    return table


def best_lines(results: dict[str, Result]) -> list[str]:
    """Return, for every metric by which policies are ranked, which of them is best or may be."""
    first = next(iter(results.values()))
    if len(results) < 2 or min(result.replications for result in results.values()) < 4:
        return []
    lines = []
    for metric, better in first.better.items():
        level = first.estimates[metric].level
        found = rank(results, metric, level)
        sure = f"{100 * level:g} % confidence"
        most = "lowest" if better == "lower" else "highest"
        names = ", ".join(found.candidates)
        lines.append(
            f"{most} {metric}, with {sure}: {found.best}"
            if found.best
            else f"{most} {metric} is one of {names} (with {sure}); more replications would tell"
        )
    return lines


def footer(results: dict[str, Result]) -> list[str]:
    """Return the lines below the table: replications, horizon, speed, device, and any trouble."""
    lines = []
    for name, result in results.items():
        timing = result.timing
        lines.append(
            f"{name}: {result.replications} replications x {result.steps} steps, horizon {result.horizon:g}, "
            f"warm-up {result.warmup:g}; {timing['run']:.1f} s + {timing['compile']:.1f} s compiling "
            f"({result.device})"
        )
        for bit, count in result.status.items():
            lines.append(f"{name}: NOT TRUSTWORTHY: {bit} in {count} of {result.replications} replications")
        for metric, e in result.estimates.items():
            if "correlated" in e.method:
                lines.append(f"{name}: {metric}: {e.method}")
            if e.method == "control variates":
                share = result.plain(metric).half_width / e.half_width if e.half_width else math.inf
                lines.append(f"{name}: {metric}: {share:.2g} times narrower by control variates")
    return lines


def values_table(problem: str, summary: str, values: dict[str, Any]) -> Group:
    """Return the answer of a problem: name by name, or in columns beside a list of labels of equal length."""
    lists = {name: v for name, v in values.items() if isinstance(v, list | tuple)}
    shared = {len(v) for v in lists.values() if v and all(isinstance(item, str) for item in v)}
    columns = {name: v for name, v in lists.items() if len(v) in shared}
    rest = {k: v for k, v in values.items() if k not in columns}
    tables: list[Any] = [Text(f"{problem}: {summary}", style="bold")]
    if rest:
        table = _table("", ("quantity", "left"), ("value", "left"))
        for name, value in rest.items():
            table.add_row(name, Text(_text(value)))
        tables.append(table)
    for length in sorted(shared):
        group = {name: v for name, v in columns.items() if len(v) == length}
        table = _table("", *((name, "left") for name in group))
        for column, items in zip(table.columns, group.values(), strict=True):
            column.no_wrap = not any(isinstance(item, str | list | tuple) for item in items)
        labels = next(items for items in group.values() if all(isinstance(item, str) for item in items))
        place = list(group.values()).index(labels)
        table.columns[place].min_width = min(20, max(map(len, labels)))  # names are not broken to bits
        for row in zip(*group.values(), strict=True):
            table.add_row(*(Text(_text(v, 8)) for v in row))
        tables.append(table)
    return Group(*tables)


def _text(value: Any, digits: int = 10) -> str:
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(v, digits) for v in value) + "]"
    return str(value)


def claim_cells(claim: Claim) -> tuple[str, str, str]:
    """Return a claim's quantity, the paper's value and ours as text; ours to two digits of its half-width."""
    ours = claim.ours if isinstance(claim.ours, str) else f"{claim.ours:.6g}"
    if claim.half_width and not isinstance(claim.ours, str):
        ours = " ± ".join(_mean_and_width(claim.ours, claim.half_width))
    return claim.quantity, "" if claim.paper is None else _text(claim.paper), ours


def report_table(report: Report) -> Table:
    """Return claim by claim: the paper's value, ours, the verdict."""
    columns = (("quantity", "left"), ("paper", "left"), ("ours", "left"), ("verdict", "left"))
    seconds = f"{report.wall_seconds:.1f} s" if math.isfinite(report.wall_seconds) else ""
    table = _table(f"{report.name}: {report.title} ({report.source}) {seconds}", *columns)
    for claim in report.claims:
        verdict = claim.verdict + (f" ({claim.note})" if claim.note else "")
        table.add_row(*(Text(cell) for cell in (*claim_cells(claim), verdict)))
    return table
