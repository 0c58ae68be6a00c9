import dataclasses
import json
import math

import numpy as np
import pytest
import toy

from jaxsim.core.errors import InvalidInput
from jaxsim.engine import simulate
from jaxsim.results import (
    Claim,
    Curve,
    GraphMap,
    HeatMap,
    Panel,
    Report,
    compare,
    load,
    load_report,
    save,
    save_report,
)


def result(seed=1, rate=0.5, replications=20):
    return simulate(toy.kernel(), None, toy.params(rate), seed=seed, replications=replications, horizon=100.0)


def test_save_and_load_give_the_same_result(tmp_path):
    before = result()
    after = load(save(before, tmp_path / "r"))
    for field in dataclasses.fields(before):
        a, b = getattr(before, field.name), getattr(after, field.name)
        if field.name in ("samples", "series", "arrays"):
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_array_equal(a[name], b[name])
        else:
            assert a == b, field.name


def test_infinite_half_widths_survive_strict_json(tmp_path):
    before = result(replications=1)
    before = dataclasses.replace(
        before, estimates={"jobs": dataclasses.replace(before["jobs"], half_width=math.inf)}
    )
    folder = save(before, tmp_path)
    json.loads((folder / "result.json").read_text(), parse_constant=lambda text: pytest.fail(text))
    assert load(folder)["jobs"].half_width == math.inf


@pytest.mark.parametrize("damage", ["missing", "json", "npz", "format", "fields"])
def test_damaged_results_are_refused(tmp_path, damage):
    folder = tmp_path / "r"
    if damage != "missing":
        save(result(), folder)
    head = folder / "result.json"
    if damage == "json":
        head.write_text("{")
    if damage == "npz":
        (folder / "arrays.npz").write_bytes(b"PK not a zip")
    if damage == "format":
        head.write_text(head.read_text().replace('"format": 1', '"format": 99'))
    if damage == "fields":
        head.write_text('{"format": 1}')
    with pytest.raises(InvalidInput):
        load(folder)


def test_pickled_arrays_are_never_loaded(tmp_path):
    folder = save(result(), tmp_path)
    np.savez(folder / "arrays.npz", evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InvalidInput):
        load(folder)


def test_unwritable_folders_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="out"):
        save(result(), tmp_path / "file" / "below")


def test_comparison_is_paired():
    a, b = result(rate=0.5), result(rate=0.55)
    difference = compare(b, a, "jobs")
    assert difference.mean == pytest.approx(b["jobs"].mean - a["jobs"].mean)
    # Common random numbers: much sharper than two independent intervals.
    assert difference.half_width < 0.8 * math.hypot(a["jobs"].half_width, b["jobs"].half_width)
    with pytest.raises(InvalidInput, match="seed"):
        compare(a, result(seed=2), "jobs")
    with pytest.raises(InvalidInput, match="did you mean jobs"):
        compare(a, b, "job")


def test_reports_survive_storage(tmp_path):
    report = Report(
        "x.y",
        "A figure",
        "Nobody (2000)",
        (Claim("value", 1.0, 1.01, 0.02), Claim("text", "grows", "grows", note="reading")),
        (
            Panel("p", "x", "y", (Curve("c", (1.0, 2.0), (3.0, math.nan), (0.1, 0.2)),), log_x=True),
            Panel("n", "policy", "y", (Curve("c", (0.0,), (3.0,)),), x_names=("own",)),
            HeatMap("h", "x", "y", "z", (1.0, 2.0), (3.0,), ((0.0, 1.0),), ("stay", "go")),
            GraphMap("g", "load", ((0, 1),), (0.5, 1.5), ((0.0, 0.0), (1.0, 1.0))),
        ),
    )
    after = load_report(save_report(report, tmp_path))
    assert after.panels[1:] == report.panels[1:]
    assert after.claims == report.claims and after.name == report.name
    assert after.panels[0].curves[0].half_width == (0.1, 0.2)
    assert math.isnan(after.panels[0].curves[0].y[1])
    (tmp_path / "report.json").write_text("[]")
    with pytest.raises(InvalidInput):
        load_report(tmp_path)
