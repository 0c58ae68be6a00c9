"""The table: 80 columns, answers beside speeds."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator

from benchmarks.harness.rows import Answer, Case, Row
from benchmarks.harness.slopes import sweeps

WIDTH = 80
HEAD = f"  {'program':<23}{'M/s':>10}{'±':>7}{'× as fast':>11}{'roof':>7}{'null':>6}{'compile':>9}"


def number(value: float, digits: int = 3) -> str:
    """A positive number with about three digits, without an exponent where that stays short."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    if abs(value) >= 1e7 or decimals > 6:
        return f"{value:.{digits - 1}g}"
    return f"{value:.{max(0, decimals)}f}"


def answer(value: Answer) -> str:
    """A mean with its 95 % half-width, to two digits of it."""
    if value.error <= 0:
        return f"{value.mean:.6g}"
    width = value.half_width
    if not math.isfinite(width):
        return f"{value.mean:.6g} ± unknown"
    digits = max(0, 1 - math.floor(math.log10(width)))
    if digits > 8:
        return f"{value.mean:.3g} ± {width:.1g}"
    return f"{value.mean:.{digits}f} ± {width:.{digits}f}"


def _row(case: Case, row: Row) -> list[str]:
    if row.rate is None:
        return [f"  {row.who:<23}{row.note}"]
    ratio = case.ratio(row)
    cells = (
        number(row.rate / 1e6), f"{100 * row.spread:.0f} %", f"{number(ratio)}" if ratio else "",
        f"{100 * row.roofline:.0f} %" if row.roofline is not None else "",
        f"{100 * row.null:.0f} %" if row.null is not None else "",
        f"{row.compiled:.1f} s" if row.compiled is not None else "",
    )  # fmt: skip
    line = f"  {row.who:<23}{cells[0]:>10}{cells[1]:>7}{cells[2]:>11}{cells[3]:>7}{cells[4]:>6}{cells[5]:>9}"
    lines = [line.rstrip()]
    told = ", ".join(f"{name} {answer(value)}" for name, value in row.answers.items())
    wrong = case.wrong(row)
    if wrong:
        told += f"; DIFFERS: {', '.join(wrong)}, so no ratio is given"
    if row.note:
        told += ("; " if told else "") + row.note
    return lines + textwrap.wrap(told, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _counts(row: Row) -> str:
    if row.bytes is None and row.operations is None:
        return ""
    parts = [f"{number(row.bytes)} bytes"] if row.bytes else []
    parts += [f"{number(row.operations)} operations"] if row.operations else []
    bound = f"; limit: {row.limit}" if row.limit else ""
    energy = f"; {row.joules:.2g} J" if row.joules is not None else ""
    return f"{', '.join(parts)} per unit{bound}{energy}"


def case_lines(case: Case) -> list[str]:
    """A case with its rows."""
    title = f"{case.name} · unit: {case.unit}"
    lines = ["", *textwrap.wrap(title, WIDTH), HEAD]
    if case.exact:
        told = ", ".join(f"{name} {value:.6g}" for name, value in case.exact.items())
        lines += textwrap.wrap(f"exact: {told}", WIDTH, initial_indent="  ", subsequent_indent="      ")
    for row in case.rows:
        lines += _row(case, row)
        counted = _counts(row)
        if counted:
            lines += textwrap.wrap(counted, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return lines


POINT = (
    f"  {'size':>9}{'replications':>14}{'M/s':>9}{'±':>7}{'ns each':>10}{'roof':>7}{'compile':>9}  answers"
)


def point_line(case: Case) -> str:
    """A point of a curve: one line, its answers judged but not shown."""
    row = case.ours
    if row.rate is None:
        return f"  {case.name}: {row.note}"
    wrong, spread = case.wrong(row), f"{100 * row.spread:.0f} %"
    verdict = f"WRONG: {', '.join(wrong)}" if wrong else "right" if row.answers and case.exact else ""
    cells = (
        f"{case.size or ''}", f"{case.replications or ''}", number(row.rate / 1e6), spread,
        number(1e9 / row.rate), f"{100 * row.roofline:.0f} %" if row.roofline is not None else "",
        f"{row.compiled:.1f} s" if row.compiled is not None else "",
    )  # fmt: skip
    line = f"  {cells[0]:>9}{cells[1]:>14}{cells[2]:>9}{cells[3]:>7}{cells[4]:>10}{cells[5]:>7}{cells[6]:>9}"
    return f"{line}  {verdict}".rstrip()


def lines_of(cases: Iterable[Case]) -> Iterator[str]:
    """The table, line by line as the cases come: cases in full, points of curves in a line each."""
    done, sweep = list[Case](), ""
    for case in cases:
        done.append(case)
        if not case.sweep:
            yield from case_lines(case)
        else:
            if case.sweep != sweep:
                yield from ("", f"{case.sweep.rpartition('/')[0]} · unit: {case.unit}", POINT)
            yield point_line(case)
        sweep = case.sweep
    yield ""
    for found in sweeps(done):
        yield from textwrap.wrap(found.sentence(), WIDTH, subsequent_indent="    ")
