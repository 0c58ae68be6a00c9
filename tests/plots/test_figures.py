import dataclasses
import math

import pytest
import toy

from jaxsim.core.errors import InvalidInput
from jaxsim.engine import simulate
from jaxsim.plots import draw, estimates_figure, report_figure, series_figure
from jaxsim.plots.tables import differences_table, estimates_table, footer, report_table, values_table
from jaxsim.results import Claim, Curve, Panel, Report, save, save_report


def result(rate=0.5, **changes):
    arguments = {"replications": 10, "horizon": 50.0} | changes
    return simulate(toy.kernel(), None, toy.params(rate), **arguments)


REPORT = Report(
    "x.y",
    "A figure",
    "Nobody (2000)",
    (
        Claim("value", 1.0, 1.01, 0.02),
        Claim("words", "grows", "grows", verdict="ambiguous", note="reading A"),
    ),
    (
        Panel(
            "p",
            "x [s]",
            "y",
            (Curve("a", (1.0, 2.0), (3.0, 4.0), (0.1, 0.2)), Curve("b", (1.0,), (2.0,))),
            True,
        ),
    ),
)


def rendered(table):
    from rich.console import Console

    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(table)
        return console.export_text()


def test_figures_label_every_axis_and_show_every_result():
    results = {"slow": result(0.6), "fast": result(0.4)}
    figure = estimates_figure(results)
    assert len(figure.axes) == 3
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["slow", "fast"]
    assert figure.axes[0].get_xlabel() == "jobs [jobs]"
    series = series_figure(results)
    assert all(axis.get_xlabel() and axis.get_ylabel() and len(axis.lines) == 2 for axis in series.axes)
    panel = report_figure(REPORT).axes[0]
    assert panel.get_xscale() == "log" and panel.get_title(loc="left") == "p"


def test_draw_writes_png_and_svg_of_results_and_reports(tmp_path):
    save(result(), tmp_path / "a")
    save_report(REPORT, tmp_path / "b")
    written = draw(tmp_path)
    assert {p.suffix for p in written} == {".png", ".svg"}
    assert {p.stem for p in written} == {"estimates", "series", "figure"}
    assert all(p.stat().st_size > 3000 for p in written)


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="holds nothing to draw"):
        draw(tmp_path)


def test_tables_show_intervals_differences_and_trouble():
    results = {"slow": result(0.6), "fast": result(0.4)}
    text = rendered(estimates_table(results))
    assert all(word in text for word in ("jobs", "slow", "fast", "95 %"))
    assert "fast" in rendered(differences_table(results))
    results["slow"] = dataclasses.replace(results["slow"], status={"NON_FINITE": 3})
    assert any("NOT TRUSTWORTHY: NON_FINITE in 3 of 10" in line for line in footer(results))


def test_tables_show_what_is_unknown_as_such():
    alone = result(replications=1, horizon=0.5)  # one step: no batches to judge an error by
    undefined = dataclasses.replace(alone.estimates["wait"], mean=math.nan)
    alone = dataclasses.replace(alone, estimates={**alone.estimates, "wait": undefined})
    text = rendered(estimates_table({"p": alone}))
    assert "unknown" in text and "undefined" in text and "nan" not in text and "inf" not in text


def test_report_and_value_tables():
    text = rendered(report_table(REPORT))
    assert "1.010 ± 0.020" in text and "ambiguous (reading A)" in text
    single = rendered(values_table("a.b", "summary", {"x": [1.0, 2.5], "y": "[text]"}))
    assert "[1, 2.5]" in single and "[text]" in single
    columns = rendered(values_table("a.b", "summary", {"name": ["[p]", "q"], "value": [1.5, 2.5], "z": 3}))
    assert any("[p]" in line and "1.5" in line and "2.5" not in line for line in columns.splitlines())
