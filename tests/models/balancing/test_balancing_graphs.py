"""Topologies: sizes, degrees, symmetry, files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from jaxsim.core.validation import InvalidInput
from jaxsim.models.balancing import graphs
from jaxsim.models.balancing.graph_files import from_file, from_networkx
from jaxsim.models.balancing.graphs import Graph
from jaxsim.models.balancing.model import fair_rates, inbound_places, offload_inflow


def as_networkx(graph: Graph) -> nx.Graph:
    g = nx.Graph()
    g.add_nodes_from(range(graph.nodes))
    g.add_edges_from(
        (j, int(graph.neighbours[j, k])) for j in range(graph.nodes) for k in range(graph.degrees[j])
    )
    return g


@pytest.mark.parametrize(
    ("graph", "reference"),
    [
        (graphs.cycle(7), nx.cycle_graph(7)),
        (graphs.torus(5), nx.grid_2d_graph(5, 5, periodic=True)),
        (graphs.bethe(3, 3), nx.full_rary_tree(2, 1)),
    ],
    ids=["cycle", "torus", "bethe"],
)
def test_graphs_are_what_their_names_say(graph: Graph, reference: nx.Graph) -> None:
    ours = as_networkx(graph)
    if graph.name.startswith("Bethe"):
        assert graph.nodes == 22 and nx.is_tree(ours)
        assert sorted(d for _, d in ours.degree()) == [1] * 12 + [3] * 10
    else:
        assert nx.is_isomorphic(ours, reference)


def test_sizes() -> None:
    assert graphs.ccc(5).nodes == 160 and graphs.ccc(3).nodes == 24
    assert graphs.bethe(11, 3).nodes == 6142
    g = as_networkx(graphs.ccc(4))
    assert nx.is_connected(g) and nx.is_regular(g) and g.number_of_edges() == 96


def test_configuration_model_has_the_degrees_asked_for() -> None:
    graph = graphs.configuration(501, (2, 3), seed=3)
    assert np.array_equal(np.unique(graph.degrees), [2, 3])
    assert graph.degrees.sum() % 2 == 0
    assert abs(int((graph.degrees == 2).sum()) - 250) <= 1
    # Slots are half-edges: what j sends to i, i sends to j, loops included.
    flows = np.zeros((501, 501), int)
    for j in range(501):
        np.add.at(flows[j], graph.neighbours[j, : graph.degrees[j]], 1)
    assert np.array_equal(flows, flows.T)
    assert np.array_equal(
        graphs.configuration(60, (2, 3), seed=3).neighbours,
        graphs.configuration(60, (2, 3), seed=3).neighbours,
    )


def test_inbound_places_lead_home() -> None:
    graph = graphs.configuration(40, (1, 2, 5), seed=1)
    places = inbound_places(graph)
    used = places < (graph.width + 1) * graph.nodes
    slot, sender = np.divmod(places, graph.nodes)
    for j in range(graph.nodes):
        for k in np.flatnonzero(used[j]):
            assert graph.neighbours[sender[j, k], slot[j, k] - 1] == j
    assert used.sum() == graph.degrees.sum()


def test_rates_are_conserved() -> None:
    graph = graphs.configuration(101, (2, 3), seed=2)
    assert fair_rates(graph).sum() == pytest.approx(101, abs=1e-8)
    assert offload_inflow(graph).sum() == pytest.approx(101, abs=1e-8)
    assert np.all(fair_rates(graphs.torus(4)) == 1.0)


def test_edge_list_and_graphml(tmp_path: Path) -> None:
    g = nx.petersen_graph()
    nx.write_edgelist(g, tmp_path / "g.txt", data=False)
    nx.write_graphml(g, tmp_path / "g.graphml")
    for name in ("g.txt", "g.graphml"):
        graph = from_file(tmp_path / name)
        assert nx.is_isomorphic(as_networkx(graph), g)
    assert from_networkx(nx.star_graph(4)).width == 4


REFUSED = {
    "disconnected.txt": "a b\nc d\n",
    "empty.txt": "",
    "loop.txt": "a a\n",
    "one_word.txt": "a b\nc\n",
    "broken.graphml": "<graphml><graph",
    "nothing.graphml": "",
    "entity.graphml": '<?xml version="1.0"?><!DOCTYPE g [<!ENTITY a "b">]><graphml/>',
    "binary.graphml": "\x00\x01",
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_of_no_use_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(REFUSED[name])
    with pytest.raises(InvalidInput) as caught:
        from_file(tmp_path / name)
    assert str(caught.value).startswith("path = ") and "\n" not in str(caught.value)


def test_missing_file_and_binary_edge_list(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="path"):
        from_file(tmp_path / "none.txt")
    (tmp_path / "x.txt").write_bytes(bytes(range(256)))
    with pytest.raises(InvalidInput, match="path"):
        from_file(tmp_path / "x.txt")


@pytest.mark.parametrize(
    "make",
    [
        lambda: graphs.cycle(2),
        lambda: graphs.torus(2),
        lambda: graphs.ccc(2),
        lambda: graphs.bethe(0, 3),
        lambda: graphs.configuration(10, ()),
        lambda: graphs.configuration(10, (0, 3)),
        lambda: graphs.configuration(2, (1, 1, 1)),
        lambda: graphs.cycle(3.5),  # type: ignore[arg-type]
    ],
)
def test_bad_sizes_are_refused(make: object) -> None:
    with pytest.raises(InvalidInput):
        make()  # type: ignore[operator]
