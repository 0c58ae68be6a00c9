"""Every tutorial runs from a clean folder and leaves a figure; what it prints and shows is its own check."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "scripts" / "tutorials"
QUICK = ("prices",)
ALL = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "picture")


def test_there_are_seven():
    assert ALL == ["index", "network", "prices", "scaling", "team", "tokens", "tuning"]


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ALL]
)
def test_a_tutorial_makes_its_figure(name, tmp_path, capsys):
    spec = importlib.util.spec_from_file_location(f"tutorial_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    tutorial = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tutorial)
    figure = tutorial.main(tmp_path / "new" / "folder")
    assert figure.name == f"{name}.png" and figure.stat().st_size > 20_000
    assert capsys.readouterr().out
    assert f"python scripts/tutorials/{name}.py [FOLDER]" in tutorial.__doc__
