"""Load balancing on your own network: where should packets go when queue lengths are old news?

    python scripts/tutorials/network.py [FOLDER]

Takes a network of your own (here Zachary's karate club, 34 nodes, written as an edge list), compares policies
over delays, and draws where the queues stand on the graph.
"""

from __future__ import annotations

import sys
from pathlib import Path

import networkx
import numpy as np

import jaxsim
from jaxsim.plots import panels_figure
from jaxsim.results import Curve, GraphMap, Panel

POLICIES = ("jsq", "own")
DELAYS = (1.0, 3.0, 6.0)


def drops(graph_file: Path) -> Panel:
    """Return packets lost per queue against the delay, one curve per policy."""
    curves = []
    for name in POLICIES:
        estimates = []
        for delay in DELAYS:
            system = jaxsim.system("balancing", topology="file", path=str(graph_file), delay=delay)
            policy = jaxsim.policy(name, system)
            result = jaxsim.simulate(system.kernel, policy, system.params, replications=300, seed=1)
            estimates.append(result["drops_per_node"])
            print(f"{name:7} delay {delay:g}: {estimates[-1]} packets lost per queue in 50 units of time")
        means, widths = (tuple(getattr(e, k) for e in estimates) for k in ("mean", "half_width"))
        curves.append(Curve(name, DELAYS, means, widths))
    return Panel(
        "Old news: join the shortest queue?", "delay [time]", "packets lost per queue", tuple(curves)
    )


def occupancy(graph_file: Path) -> GraphMap:
    """Return the mean queue of each node at time 50 under random routing, on the graph itself."""
    system = jaxsim.system("balancing", topology="file", path=str(graph_file), delay=3.0)
    policy, record = jaxsim.policy("random", system), jaxsim.FinalState()
    result = jaxsim.simulate(system.kernel, policy, system.params, replications=300, seed=1, record=record)
    # A node's cell is regime * states + queue, where the regime is that of the arrivals (high or low).
    end, states = result.arrays, system.kernel.spec.states
    queues = (end["cells"] - end["regime"][:, None] * states).mean(axis=0)
    # The nodes are renumbered for speed: the neighbours that the simulation uses say how.
    rows = np.asarray(system.params.wiring.neighbours)
    edges = {(node, int(other)) for node, row in enumerate(rows) for other in row if node < other}
    return GraphMap("Random routing fills the hubs", "packets in the queue", tuple(edges), tuple(queues))


def main(folder: Path) -> Path:
    """Write the edge list and the figure into the folder; return the figure."""
    folder.mkdir(parents=True, exist_ok=True)
    graph_file = folder / "my_network.edges"
    graph_file.write_text("".join(f"{a} {b}\n" for a, b in networkx.karate_club_graph().edges))
    figure = panels_figure((drops(graph_file), occupancy(graph_file)), "Load balancing on a network")
    figure.savefig(path := folder / "network.png")
    return path


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/tutorials")))
