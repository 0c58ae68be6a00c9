"""The epoch kernel against the event-by-event kernel: all policies and readings, lattices and odd graphs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from jaxsim.engine import simulate
from jaxsim.models.balancing import SED, PowerOfD, Rule, policies
from jaxsim.models.balancing.graph_files import from_networkx
from jaxsim.models.balancing.graphs import Graph, cycle, torus
from jaxsim.models.balancing.system import assemble

IRREGULAR = nx.lollipop_graph(4, 3)
ZETA = [0.0, 0.3, 0.1, 0.6, 0.8, 1.0]
RULES: dict[str, Any] = {
    "own": lambda s: policies.own(s),
    "random": lambda s: policies.random(s),
    "random epoch": lambda s: policies.random(s, reading="epoch"),
    "jsq": lambda s: policies.jsq(s),
    "jsq packet": lambda s: policies.jsq(s, reading="packet"),
    "zeta": lambda s: policies.table(s, zeta=ZETA),
    "zeta epoch": lambda s: policies.table(s, zeta=ZETA, reading="epoch"),
    "zeta by regime": lambda s: policies.table(s, zeta=[ZETA, ZETA[::-1]]),
    "power of d": lambda s: PowerOfD(2),
    "sed": lambda s: SED(),
    "mf-n": lambda s: Rule(jnp.asarray(ZETA), crowded, len(ZETA), "neighbours"),
    "mf-g": lambda s: Rule(jnp.asarray(ZETA), crowded, len(ZETA), "all"),
}


def crowded(weights: jnp.ndarray, mu: jnp.ndarray) -> jnp.ndarray:
    """Offload more from states that many are in."""
    return jnp.clip(weights * (0.5 + mu), 0.0, 1.0)


def agree(graph: Graph, rule: str, replications: int, **keys: Any) -> None:
    """Hold drops and queue lengths of both kernels together: 4 standard errors each, false alarm 1.3e-4."""
    fast, slow = assemble(graph, **keys), assemble(graph, simulator="events", **keys)
    rules = RULES[rule](fast), RULES[rule](slow)
    a = simulate(fast.kernel, rules[0], fast.params, seed=1, replications=4 * replications, horizon=20.0)
    b = simulate(slow.kernel, rules[1], slow.params, seed=2, replications=replications, horizon=20.0)
    for metric in ("drops_per_node", "queue_length"):
        error = np.hypot(a[metric].standard_error, b[metric].standard_error)
        assert abs(a[metric].mean - b[metric].mean) < 4 * error, metric


@pytest.mark.parametrize("rule", ["jsq packet", "zeta epoch"])  # the others: below, slow
def test_on_an_irregular_graph(rule: str) -> None:
    agree(from_networkx(IRREGULAR), rule, 400, delay=2.5)


def test_on_the_cycle() -> None:
    agree(cycle(6), "jsq", 400, delay=5.0)


def test_on_the_torus() -> None:
    agree(torus(3), "zeta", 400, delay=5.0)


def test_unequal_servers_and_buffers() -> None:
    speeds, places = [1, 2, 1, 2, 2, 1, 1], [2, 5, 3, 2, 5, 5, 1]
    agree(from_networkx(IRREGULAR), "zeta", 400, delay=2.0, service_rate=speeds, buffer=places)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "graph", [cycle(9), torus(3), from_networkx(IRREGULAR)], ids=["cycle", "torus", "irregular"]
)
def test_everywhere(graph: Graph, rule: str) -> None:
    for delay in (1.0, 3.0, 10.0):
        agree(graph, rule, 4000, delay=delay, largest_delay=10.0)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_unequal_servers_everywhere(rule: str) -> None:
    speeds, places = [1, 2, 1, 2, 2, 1, 1], [2, 5, 3, 2, 5, 5, 1]
    unequal = {"service_rate": speeds, "buffer": places}
    agree(from_networkx(IRREGULAR), rule, 4000, delay=3.0, **unequal)
