"""Configuration models drawn inside the kernel: wiring, uniformity, and random routing over all graphs."""

from __future__ import annotations

from math import comb

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.validation import InvalidInput
from jaxsim.engine import simulate
from jaxsim.models.balancing import Random, system
from jaxsim.models.balancing.pairing import draw_links
from jaxsim.models.balancing.theory import constant_rates


def adjacency(neighbours: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Count how many slots of each node lead to each other node."""
    table = np.zeros((degrees.size, degrees.size), int)
    for j, row in enumerate(neighbours):
        np.add.at(table[j], row[: degrees[j]], 1)
    return table


def test_wiring_is_symmetric_and_inbound_places_are_the_senders_slots() -> None:
    degrees = np.array([3, 2, 1, 3, 2, 3])
    links = draw_links(random.key(3).replication(1), jnp.asarray(degrees), 3)
    neighbours, inbound = np.asarray(links.neighbours), np.asarray(links.inbound)
    table = adjacency(neighbours, degrees)
    assert np.array_equal(table, table.T) and np.array_equal(table.sum(axis=1), degrees)
    used = np.arange(3) < degrees[:, None]
    slot, sender = np.divmod(inbound[used], 6)
    assert np.all(inbound[~used] == 4 * 6)
    assert np.array_equal(neighbours[sender, slot - 1], np.nonzero(used)[0])


def test_all_matchings_are_equally_likely() -> None:
    # Four half-edges on two nodes of degree 2: of the 3 matchings 1 makes two self-loops. 4000 graphs,
    # 4 standard errors, false alarm 6e-5.
    keys = jax.vmap(random.key(0).replication)(jnp.arange(4000))
    links = jax.vmap(lambda k: draw_links(k, jnp.array([2, 2]), 2))(keys)
    loops = np.mean(np.asarray(links.neighbours)[:, 0, 0] == 0)
    assert abs(loops - 1 / 3) < 4 * np.sqrt(2 / 9 / 4000)


def test_random_routing_over_random_graphs() -> None:
    # A half-edge of a node of degree d meets one of degree 3 with probability (3 n3 - [d = 3]) / (S - 1),
    # nearly independently (N = 200); 4 standard errors, false alarm 6e-5.
    s = system(topology="configuration", nodes=200, redraw=True)
    e = simulate(s.kernel, Random(), s.params, seed=2, replications=1000)["drops_per_node"]
    weights, relative = [], []
    for d in (2, 3):
        q = (300 - (d == 3)) / (500 - 1)
        for k in range(d + 1):
            weights.append(0.5 * comb(d, k) * q**k * (1 - q) ** (d - k))
            relative.append(1 / (d + 1) + k / 4 + (d - k) / 3)
    exact = constant_rates(relative=relative, weights=weights, delay=5)["drops_per_node"]
    assert abs(e.mean - exact) < 4 * e.standard_error


def test_only_configuration_models_can_be_redrawn() -> None:
    with pytest.raises(InvalidInput, match="redraw"):
        system(topology="cycle", redraw=True)
