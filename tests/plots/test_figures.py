import dataclasses
import itertools
import math

import pytest
import toy

from jaxsim.core.errors import InvalidInput
from jaxsim.engine import simulate
from jaxsim.plots import draw, estimates_figure, panels_figure, report_figure, series_figure
from jaxsim.plots.axes import log_ticks, plain_number
from jaxsim.plots.tables import differences_table, estimates_table, footer, report_table, values_table
from jaxsim.results import Claim, Curve, GraphMap, HeatMap, Panel, Report, save, save_report


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


@pytest.mark.parametrize(
    "x", [(9, 21, 91, 901, 3501, 5001), (10, 1e4), (1.1, 1.2, 1.3, 1.9), tuple(range(1, 60)), (1e-6, 1e3)]
)
def test_labels_of_logarithmic_axes_do_not_overlap(x):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    curve = Curve("a", x, x)
    figure = panels_figure(
        (Panel("p", "x", "y", (curve,), log_x=True, log_y=True), Panel("q", "x", "y", (curve,)))
    )
    FigureCanvasAgg(figure).draw()
    for axis in figure.axes:
        for ruler, end, start in ((axis.xaxis, "x1", "x0"), (axis.yaxis, "y1", "y0")):
            low, high = sorted(ruler.get_view_interval())
            shown = [
                t.label1
                for t in (*ruler.get_major_ticks(), *ruler.get_minor_ticks())
                if low <= t.get_loc() <= high
            ]
            boxes = sorted(
                (t.get_window_extent() for t in shown if t.get_text()), key=lambda b: getattr(b, start)
            )
            assert len(boxes) >= 2
            for left, right in itertools.pairwise(boxes):
                assert getattr(left, end) < getattr(right, start)


def test_log_ticks_are_the_data_where_they_are_few():
    assert log_ticks(5, 200, (10, 100)) == [10, 100]
    assert log_ticks(1, 1e6, range(1, 1000)) == [1, 10, 100, 1000, 1e4, 1e5, 1e6]
    assert log_ticks(1.06, 1.97) == pytest.approx([1.2, 1.4, 1.6, 1.8])
    assert [plain_number(v) for v in (0.05, 20, 2.5e-5, 1e6)] == ["0.05", "20", "2.5e-5", "1e6"]


def test_maps_name_their_colours_and_keep_every_value():
    heat = HeatMap(
        "h", "x", "y", "action", (0.0, 1.0, 5.0), (2.0, 3.0), ((0, 1, 1), (1, 0, 0)), ("stay", "go")
    )
    graph = GraphMap("g", "load [jobs]", ((0, 1), (1, 2), (2, 0)), (0.5, 1.5, 4.0))
    cells, actions, nodes, loads = panels_figure((heat, graph)).axes
    assert [t.get_text() for t in cells.get_xticklabels()] == ["0", "1", "5"]
    assert actions.get_ylabel() == "action" and loads.get_ylabel() == "load [jobs]"
    assert [t.get_text() for t in actions.get_yticklabels()] == ["stay", "go"]
    assert nodes.collections[0].get_array().tolist() == [0.5, 1.5, 4.0]
    with pytest.raises(InvalidInput, match="values"):
        panels_figure((dataclasses.replace(heat, x=(0.0,)),))
    with pytest.raises(InvalidInput, match="places"):
        panels_figure((dataclasses.replace(graph, places=((0.0, 0.0),)),))


def test_bands_choices_and_many_curves():
    band = Curve("a", (0.0, 1.0), (1.0, 2.0), (0.1, 0.2), "band")
    named = Panel(
        "p", "policy", "y", (Curve("", (0.0, 1.0), (1.0, 2.0), style="points"),), x_names=("a", "b")
    )
    many = Panel("q", "x", "y", tuple(Curve(f"c{i}", (0.0, 1.0), (i, i)) for i in range(9)))
    first, second, third = panels_figure((Panel("p", "x", "y", (band,)), named, many)).axes
    assert len(first.collections) == 1 and [t.get_text() for t in second.get_xticklabels()] == ["a", "b"]
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in third.lines}
    assert len(looks) == 9 and third.get_legend() is not None
