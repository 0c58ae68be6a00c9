"""The picture at the head of the README, from the tutorials: ``python scripts/tutorials/picture.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import network
import networkx
import tuning

from jaxsim.learning import CommonNumbers
from jaxsim.plots import panels_figure
from jaxsim.results import Curve, Panel


def main() -> None:
    """Simulate, tune, draw."""
    with tempfile.TemporaryDirectory() as folder:
        graph_file = Path(folder) / "club.edges"
        graph_file.write_text("".join(f"{a} {b}\n" for a, b in networkx.karate_club_graph().edges))
        panels = [network.drops(graph_file), network.occupancy(graph_file)]
    found = tuning.descend(CommonNumbers(0.02, 128), score=False)
    steps = tuple(float(step) for step in range(tuning.STEPS))
    curves = (
        Curve("descent on simulated paths", steps, tuple(map(float, found.points))),
        Curve("optimum, by theory", (steps[0], steps[-1]), (0.8, 0.8)),
    )
    panels.append(Panel("Tuning a token economy", "step", "token probability phi", curves))
    figure = panels_figure(tuple(panels), columns=3)
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
