"""Trained policies that come with the package: whole, for any graph, and near the best table."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxsim
from jaxsim.core.errors import InvalidInput
from jaxsim.experiments.balancing.measure import drops
from jaxsim.experiments.learned_balancing.policies import SHIPPED, learned, names, nearest
from jaxsim.learning.saved import load_policy
from jaxsim.models.balancing import assemble
from jaxsim.models.balancing.graphs import configuration, cycle, torus
from jaxsim.models.balancing.learned import learned as best_table
from jaxsim.models.balancing.views import neighbourhoods


def test_every_shipped_policy_is_whole_and_says_how_it_was_trained():
    assert names()
    for name in names():
        found = load_policy(SHIPPED / f"{name}.npz")
        assert name.startswith(found.notes["view"])
        assert found.notes["training"]["seed"] == 0 and found.notes["training"]["changes"]
        rows = jnp.asarray(neighbourhoods(6, 2, True))
        chances = np.asarray(found.decide(found.weights, rows))
        assert chances.shape == (len(rows), 1) and ((chances >= 0) & (chances <= 1)).all()
        assert chances.max() - chances.min() > 0.1  # it has learned to tell states apart


def test_one_network_serves_graphs_of_any_size_and_degree():
    for graph in (cycle(9), cycle(2000), torus(5), configuration(30, (2, 3), 1)):
        system = assemble(graph, delay=5.0)
        states = learned(system, name="mf-r-cycle-5").table
        assert states.shape == (6,) and float(states[5]) > float(states[0])
        neighbours = learned(system, name="mf-n-cycle-5").table
        expected = neighbourhoods(6, graph.width, bool(np.ptp(graph.degrees) == 0))
        assert neighbours.shape == (len(expected),)


def test_names_and_misfits_are_refused_in_one_line():
    system = assemble(cycle(9), delay=5.0)
    with pytest.raises(InvalidInput, match="name = mf-q"):
        learned(system, name="mf-q")
    with pytest.raises(InvalidInput, match="view = targets"):
        learned(system, view="targets")
    with pytest.raises(InvalidInput, match=r"buffer = 7: does not fit the policy.*trained for buffer 5"):
        learned(assemble(cycle(9), delay=5.0, buffer=7))
    away = assemble(torus(4), delay=9.0)
    with pytest.raises(
        InvalidInput, match="no network for torus at delay 9; name=mf-r-cycle-10 can stand in"
    ):
        learned(away)
    assert nearest("mf-r", away) == "mf-r-cycle-10"
    assert jaxsim.policy("learned", system).table.shape == (6,)


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [101, 5001])
def test_the_learned_table_is_within_one_per_cent_of_the_best(nodes):
    """At delay 5; intervals of both at 4 standard errors: 1 false alarm in 10000."""
    found = drops(
        cycle(nodes), {"mf-r": learned, "best": best_table}, delay=5.0, replications=400_000 // nodes, seed=5
    )
    mine, best = found["mf-r"], found["best"]
    error = 2 * np.hypot(mine.half_width, best.half_width)
    assert mine.mean < 1.01 * best.mean + error
