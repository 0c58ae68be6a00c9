"""The cost model beside what the program really holds and sends, and its table as it was published."""

from pathlib import Path

import numpy as np
import pytest

from jaxsim.engine import scale
from jaxsim.models.balancing import JSQ, parts, system


@pytest.mark.parametrize(
    ("keys", "graph"),
    [
        ({"topology": "cycle", "nodes": 400}, scale.Graph("cycle", 2, True, 1)),
        ({"topology": "torus", "side": 20}, scale.Graph("torus", 4, True, 20)),
    ],
)
def test_copies_and_bytes_sent_are_those_of_the_program(keys, graph):
    made = system(**keys)
    cut = made.kernel.cut(made.kernel.spec, made.params, JSQ(), 4)
    own = np.asarray(cut.params.own)
    assert np.all(own.sum(axis=1) == 100)
    assert np.all((~own).sum(axis=1) == graph.copies(400, 4))
    assert sum(x.shape[1] for x in cut.links.send) == graph.copies(400, 4)
    machine = scale.Machine("test", 4, 1e9, 1e9, 1e9, 1e9, 1e-6, 1e9)
    found = scale.cost(graph, 400, machine)
    assert found.sent == graph.copies(400, 4) and found.messages == len(cut.shifts) == 2


def test_a_random_graph_has_no_border_to_speak_of():
    made = system(topology="configuration", nodes=300, degrees=[4])
    neighbours, _ = parts.table_of(made.kernel.spec, made.params)
    cover = parts.covers(neighbours, parts.near_order(neighbours), 8)
    held = np.mean([np.sum(~here.own) for here in cover])
    graph = scale.Graph("random", 4, False, None)
    assert 0.5 * graph.copies(300, 8) < held <= graph.copies(300, 8)


def test_bytes_held_are_those_of_the_state_and_the_tables():
    made = system(topology="configuration", nodes=1000, degrees=[4])
    wiring = made.params.wiring
    tables = sum(x.nbytes for x in (wiring.neighbours, wiring.inbound, wiring.degrees))
    cells = 2 * 1000  # one byte before and one after the epoch
    words = scale.WORDS_READ * 4 * 1000
    machine = scale.Machine("one", 1, 1e9, 1e9, 1e9, 1e9, 0.0, 1e9)
    found = scale.cost(scale.Graph("random", 4, False, None), 1000, machine)
    assert found.memory == tables + cells + words


def test_the_fitted_rates_give_back_what_was_measured():
    machine = scale.MACHINES[0]
    for graph, measured in zip(scale.graphs(10**6)[1:], (124e6, 34e6), strict=True):
        assert 10**6 / scale.cost(graph, 10**6, machine).seconds == pytest.approx(measured, rel=0.03)


def test_the_published_table_is_what_the_model_says():
    text = (Path(scale.__file__).parent / "SCALE.md").read_text()
    assert scale.table(10**9) in text
