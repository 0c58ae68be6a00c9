"""One self-contained page: every item of the papers, their numbers beside ours, figures, commands.

No script, no font, no file from elsewhere: the page can be mailed, and reads the same in ten years.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from pathlib import Path

from jaxsim.plots.style import library
from jaxsim.plots.svg import inline_svg
from jaxsim.plots.tables import claim_cells
from jaxsim.results import Item, Paper, Report
from jaxsim.results.files import write_text

WORST_FIRST = ("failed", "not reproduced", "ambiguous", "reproduced")


class Page:
    """The page of a folder, written again after each report."""

    def __init__(self, path: Path, papers: Iterable[Paper]) -> None:
        library()  # what is missing is said now, not after the first experiment
        self.path, self.papers = path, tuple(papers)
        self.reports: dict[str, Report] = {}
        self.sections: dict[str, str] = {}

    def add(self, *reports: Report) -> None:
        """Put reports on the page, and write the page."""
        for report in reports:
            self.reports[report.name] = report
            self.sections[report.name] = section(report)
        write_text(self.path, page(self.papers, self.sections, self.reports))


def page(papers: Iterable[Paper], sections: Mapping[str, str], reports: Mapping[str, Report]) -> str:
    """Return the page as HTML.

    Args:
        papers: what must be there, in order; an item whose experiment has no report yet is shown as such.
        sections: experiment -> what `section` made of its report.
        reports: experiment -> report.
    """
    papers = tuple(papers)
    title = "What five papers state, and what comes out here"
    body = [f"<header><h1>{title}</h1>{_summary(papers, reports)}</header>"]
    body += [_contents(paper, reports) for paper in papers]
    body += ["<h2>Experiments</h2>", *(sections[name] for name in sorted(sections))]
    look = resources.files("jaxsim.plots").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{title}</title>\n<style>\n{look}</style>\n</head>\n'
        f"<body>\n{chr(10).join(body)}\n</body>\n</html>\n"
    )


def section(report: Report) -> str:
    """Return an experiment's part of the page: claims, figures, seconds, the command to get it again."""
    command = f"jaxsim reproduce {report.name} --scale {report.scale} --seed {report.seed}"
    seconds = f"{report.wall_seconds:.1f} s" if math.isfinite(report.wall_seconds) else "time unknown"
    figures = "".join(
        f'<figure aria-label="{escape(panel.title)}">{inline_svg(panel)}</figure>' for panel in report.panels
    )
    return (
        f'<section id="{escape(report.name)}"><h3>{escape(report.title)}</h3>'
        f'<p class="source">{escape(report.source)}</p>'
        f"<p>{_chips(Counter(claim.verdict for claim in report.claims))} <span>{seconds}</span></p>"
        f"<pre>{escape(command)}</pre>{_claims(report)}"
        f'<div class="figures">{figures}</div></section>'
    )


def _claims(report: Report) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("quantity", "paper", "ours", "verdict"))
    rows = []
    for claim in report.claims:
        quantity, paper, ours = (escape(cell) for cell in claim_cells(claim))
        verdict = _chip(claim.verdict) + (f"<small>{escape(claim.note)}</small>" if claim.note else "")
        cells = (("quantity", quantity), ("paper", paper or "none printed"), ("ours", ours))
        row = "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in cells)
        rows.append(f'<tr>{row}<td data-label="verdict">{verdict}</td></tr>')
    return f'<table class="claims"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _contents(paper: Paper, reports: Mapping[str, Report]) -> str:
    rows = []
    for item in paper.items:
        links = " ".join(_link(name, name in reports) for name in item.experiments)
        answer = f"{links} {_answer(item, reports)}" if item.experiments else escape(item.reason)
        rows.append(
            f'<tr><td data-label="place"><b>{escape(item.place)}</b></td>'
            f'<td data-label="what">{escape(item.what)}</td><td data-label="here">{answer}</td></tr>'
        )
    head = "<thead><tr><th>place</th><th>what it shows</th><th>here</th></tr></thead>"
    return f'<h2>{escape(paper.source)}</h2><table class="items">{head}<tbody>{"".join(rows)}</tbody></table>'


def _link(name: str, there: bool) -> str:
    return f'<a href="#{escape(name)}">{escape(name)}</a>' if there else f"<code>{escape(name)}</code>"


def _answer(item: Item, reports: Mapping[str, Report]) -> str:
    found = Counter(
        claim.verdict for name in item.experiments if name in reports for claim in reports[name].claims
    )
    return _chips(found) if all(name in reports for name in item.experiments) else "not run yet"


def _chip(verdict: str, count: int = 0) -> str:
    kind = verdict.replace(" ", "-")
    return f'<span class="chip {kind}">{verdict}{f" {count}" if count > 1 else ""}</span>'


def _chips(counts: Mapping[str, int]) -> str:
    return " ".join(_chip(verdict, counts[verdict]) for verdict in WORST_FIRST if counts.get(verdict))


def _summary(papers: tuple[Paper, ...], reports: Mapping[str, Report]) -> str:
    items = [item for paper in papers for item in paper.items]
    wanted = {name for item in items for name in item.experiments}
    claims = Counter(claim.verdict for report in reports.values() for claim in report.claims)
    seconds = sum(r.wall_seconds for r in reports.values() if math.isfinite(r.wall_seconds))
    first = next(iter(reports.values()), None)
    made = ", ".join(f"{name} {number}" for name, number in first.versions.items()) if first else ""
    nothing = sum(not item.experiments for item in items)
    return (
        f"<p>{len(items)} items of the papers; {nothing} of them have nothing to reproduce, with the reason "
        f"beside each. {len(wanted & reports.keys())} of {len(wanted)} experiments done in {seconds:.0f} s"
        f"{f', scale {first.scale}, seed {first.seed}' if first else ''}. Claims: {_chips(claims)}</p>"
        "<p><b>reproduced</b>: our value agrees, within its interval where it is simulated. "
        "<b>not reproduced</b>: it does not. <b>ambiguous</b>: it depends on how the paper is read, or the "
        "sizes used here cannot tell; the reading stands beside it. <b>failed</b>: no answer, with why. ± is "
        "the half-width of a 95 % confidence interval; numbers without it are exact or computed.</p>"
        f'<p class="source">{escape(made)}</p>'
    )
