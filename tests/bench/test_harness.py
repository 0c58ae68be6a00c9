"""The benchmark harness: answers before speeds, slopes, the guard, the table, and how the command fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.harness import guard, peers, record  # noqa: E402
from benchmarks.harness.rows import Answer, Case, Row, case_of, pooled  # noqa: E402
from benchmarks.harness.slopes import sweeps  # noqa: E402
from benchmarks.harness.table import WIDTH, lines_of  # noqa: E402

MACHINE = {
    "backend": "cpu", "device": "cpu", "devices": 1, "processor": "a processor", "cores": 2, "python": "3",
    "compiler": "c++", "versions": {"jax": "0"}, "copy_bytes_per_second_cache": 1e9,
    "copy_bytes_per_second_memory": 1e9, "integer_operations_per_second": 1e9,
}  # fmt: skip


def case(theirs=10.0, error=0.01, rate=2e6, **keys):
    ours = Row(
        "jaxsim", rate, 0.01, 5, {"mean": Answer(10.0, 0.01, 99)}, roofline=0.5, limit="bytes", bytes=8.0
    )
    peer = Row("a peer", 1e6, 0.02, 5, {"mean": Answer(theirs, error, 99)})
    missing = Row("another", note="not installed")
    return Case("a case", "event", (ours, peer, missing), {"mean": 10.0}, **keys)


def run_of(*cases):
    return {
        "suites": {"s": {"cases": [c.plain() for c in cases]}},
        "machine": MACHINE,
        "quick": False,
        "seconds": 1.0,
    }


def test_a_ratio_is_given_only_where_the_answers_agree():
    right, wrong = case(), case(theirs=10.2)
    assert right.ratio(right.rows[1]) == 2.0
    assert wrong.wrong(wrong.rows[1]) == ["mean"]
    assert wrong.ratio(wrong.rows[1]) is None
    assert right.ratio(right.rows[2]) is None  # not installed
    assert case(theirs=10.2, tolerance=0.3).ratio(wrong.rows[1]) == 2.0


def test_few_repeats_leave_more_room_than_many():
    assert Answer(1.0, 0.1, 2).near(Answer(3.0), 0.0)
    assert not Answer(1.0, 0.1, 1000).near(Answer(3.0), 0.0)


def test_pooling_uses_errors_where_there_are_some_and_scatter_where_not():
    both = pooled([Answer(1.0, 0.3, 9), Answer(2.0, 0.4, 9)])
    assert (both.mean, both.error, both.degrees) == (1.5, 0.25, 18)
    scatter = pooled([Answer(1.0), Answer(2.0), Answer(3.0)])
    assert scatter.mean == 2.0 and scatter.error == pytest.approx(3**-0.5) and scatter.degrees == 2


def test_a_case_survives_json():
    kept = case(sweep="x/size", size=10)
    assert case_of(json.loads(json.dumps(kept.plain()))) == kept


def test_slopes_are_exponents():
    points = [case(rate=1e6 / n**0.5, sweep="curve/size", size=n) for n in (1, 10, 100, 1000)]
    (found,) = sweeps(points)
    assert found.slope == pytest.approx(0.5) and found.factor == pytest.approx(1000**0.5)
    assert found.beyond(100).x == (100, 1000)


def test_the_table_has_80_columns_and_says_what_differs_or_is_missing():
    text = list(lines_of([case(), case(theirs=10.2), case(sweep="curve/size", size=10)]))
    assert max(map(len, text)) <= WIDTH
    joined = "\n".join(text)
    for words in ("exact: mean 10", "not installed", "DIFFERS: mean", "50 %", "curve · unit: event"):
        assert words in joined


def test_the_guard_judges_ratios_and_answers(tmp_path):
    file = tmp_path / "ratios.json"
    guard.write(run_of(case()), file, 0.25)
    assert json.loads(file.read_text())["ratios"] == {"s": {"a case | a peer": 2.0}}
    assert guard.check(run_of(case(rate=1.6e6)), file) == []
    assert "FELL" in guard.check(run_of(case(rate=1.4e6)), file)[0]
    assert "WRONG" in guard.check(run_of(case(theirs=10.2)), file)[0]


def test_a_record_replaces_its_device_and_leaves_the_others(tmp_path):
    file = tmp_path / "RESULTS.md"
    file.write_text(
        "# Speeds\n\nwords\n\n<!-- begin accelerator -->\nnot measured\n<!-- end accelerator -->\n"
    )
    for _ in range(2):
        record.record(run_of(case()), file)
    text = file.read_text()
    assert text.count("a processor") == 2 and text.count("<!-- begin cpu -->") == 1
    assert "not measured" in text and "words" in text


def test_a_peer_that_is_missing_or_broken_is_a_row_that_says_so(monkeypatch):
    absent = peers.package("no_such_package", lambda seed: (1.0, {}), "it", 1)
    assert absent.rate is None and "not installed" in absent.note
    monkeypatch.setattr(peers, "compiler", lambda: None)
    assert "no C++ compiler" in peers.program("pooling_events", lambda seed: [], "it", 1).note


def test_a_package_is_timed_and_its_answers_pooled():
    row = peers.package("json", lambda seed: (float(sum(range(10**5))), {"seed": float(seed)}), "it", 3)
    assert row.rate and row.rate > 0
    assert row.answers["seed"].mean == 2.0


def test_an_unknown_suite_is_refused_in_a_line():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: SUITE = nonsense is not known") and done.stderr.count("\n") == 1


def test_without_a_clone_the_command_says_what_to_do(monkeypatch, tmp_path):
    from jaxsim.cli import bench
    from jaxsim.core.errors import InvalidInput

    monkeypatch.setattr(bench, "CLONE", tmp_path)
    with pytest.raises(InvalidInput, match="clone"):
        bench.bench()


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["pooling", "balancing", "bandits", "actors", "mechanisms", "pricing"])
def test_ratios_to_peers_hold(suite):
    """Ratios, never seconds: they may fall to (1 - tolerance) of what ``ratios.json`` keeps, not below."""
    from benchmarks.main import measure

    found = measure([suite], True, lambda *lines: None)
    assert guard.check(found) == []
