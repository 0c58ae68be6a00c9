"""Nodes of one replication over the devices: the very paths of the uncut graph."""

import jax
import numpy as np
import pytest
import toy

from jaxsim.core.errors import InvalidInput
from jaxsim.engine import FinalState, simulate
from jaxsim.models.balancing import JSQ, Random, parts, system
from jaxsim.models.balancing.policies import table
from jaxsim.results import checkpoint

TORUS = {"topology": "torus", "side": 5}, JSQ()
MORE = {
    "configuration": ({"topology": "configuration", "nodes": 21}, Random("epoch")),
    "cycle": ({"topology": "cycle", "nodes": 31}, JSQ("packet")),
    "bethe": ({"topology": "bethe", "depth": 4}, JSQ()),
    "table": ({"topology": "configuration", "nodes": 41}, table),
    "expected": ({"topology": "cycle", "nodes": 30, "expected": True}, JSQ()),
    "servers": ({"topology": "cycle", "nodes": 6, "service_rate": [1.0, 2.0] * 3}, JSQ()),
}


def both(keys, policy, **arguments):
    """Simulate on one device, and with the nodes over two."""
    made = system(**keys)
    policy = policy(made) if policy is table else policy
    one = tuple(jax.local_devices()[:1])
    arguments = {"replications": 3, "seed": 3, "record": FinalState()} | arguments
    yield simulate(made.kernel, policy, made.params, devices=one, **arguments)
    yield simulate(made.kernel, policy, made.params, split="nodes", **arguments)


def assert_same(uncut, cut, rounding=0.0):
    for name, sample in uncut.samples.items():  # totals of drops and queues, replication by replication
        np.testing.assert_allclose(sample, cut.samples[name], rtol=rounding, atol=0)
    assert uncut.arrays.keys() == cut.arrays.keys() and "cells" in cut.arrays
    for name, array in uncut.arrays.items():  # every queue at the end
        np.testing.assert_array_equal(array, cut.arrays[name])


def test_a_cut_graph_takes_the_paths_of_the_uncut_one():
    assert len(jax.local_devices()) == 2
    assert_same(*both(*TORUS))


@pytest.mark.slow
@pytest.mark.parametrize("case", MORE)
def test_more_cut_graphs_take_the_paths_of_the_uncut_ones(case):
    assert_same(*both(*MORE[case]), rounding=1e-6 if case == "expected" else 0.0)


@pytest.mark.slow
def test_a_cut_graph_of_a_million_queues_equals_the_uncut_one():
    keys = {"topology": "torus", "side": 1000}
    uncut, cut = both(keys, JSQ(), replications=1, horizon=25.0)
    assert uncut.arrays["cells"].shape == (1, 1_000_000)
    assert_same(uncut, cut)


def test_a_cut_graph_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", np.inf)
    keys, policy = TORUS
    arguments = {"split": "nodes", "lanes": 1, "replications": 3, "seed": 3, "record": FinalState()}
    made = system(**keys)

    def stop(progress):
        if progress.fraction > 0.5:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        simulate(made.kernel, policy, made.params, **arguments, checkpoint=tmp_path, progress=stop)
    uncut = next(both(keys, policy))
    assert_same(uncut, simulate(made.kernel, policy, made.params, **arguments, checkpoint=tmp_path))


def test_blocks_cover_every_node_once_with_all_that_they_see():
    made = system(topology="configuration", nodes=50)
    neighbours, _ = parts.table_of(made.kernel.spec, made.params)
    order = parts.near_order(neighbours)
    assert sorted(order) == list(range(50))
    cover = parts.covers(neighbours, order, 3)
    assert sorted(np.concatenate([here.nodes[here.own] for here in cover])) == list(range(50))
    for here in cover:
        acting = here.nodes[here.acting]
        assert set(neighbours[here.nodes[here.own]].ravel()) <= set(acting)
        assert set(neighbours[acting].ravel()) <= set(here.nodes)


def test_a_border_of_a_lattice_does_not_grow_with_its_length():
    for nodes in (40, 400):
        made = system(topology="cycle", nodes=nodes)
        found = made.kernel.cut(made.kernel.spec, made.params, JSQ(), 4)
        assert found.shifts == (1, 3)  # to the next part and to the one before
        assert [x.shape for x in found.links.send] == [(4, 2), (4, 2)]


@pytest.mark.parametrize(
    ("keys", "named"),
    [({"redraw": True, "topology": "configuration"}, "redraw"), ({"control": True}, "control")],
)
def test_what_parts_cannot_give_is_refused(keys, named):
    made = system(**keys)
    with pytest.raises(InvalidInput, match=named):
        simulate(made.kernel, Random(), made.params, split="nodes")


def test_a_kernel_that_cannot_be_cut_is_refused():
    with pytest.raises(InvalidInput, match="split = nodes: is not offered"):
        simulate(toy.kernel(), None, toy.params(), split="nodes")
    with pytest.raises(InvalidInput, match="split = edges"):
        simulate(toy.kernel(), None, toy.params(), split="edges")
