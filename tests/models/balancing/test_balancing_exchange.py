"""What flows between neighbours, by shifting against by tables; tables of epoch laws in one or two stages."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.engine import simulate
from jaxsim.models.balancing import Own, assemble, exchange, tables
from jaxsim.models.balancing.graphs import Graph, cycle, torus


@pytest.mark.parametrize("graph", [cycle(7), torus(4), torus(3)], ids=lambda g: g.name)
@pytest.mark.parametrize("most", [1, 6, 60, None])
def test_shifts_bring_what_tables_bring(graph: Graph, most: int | None) -> None:
    generator = np.random.default_rng(graph.nodes)
    shape = (graph.width + 1, graph.nodes)
    whole = generator.integers(0, (most or 1) + 1, shape).astype(np.uint16)
    parts = tuple(jnp.asarray(p) for p in (whole if most else generator.random(shape).astype(np.float32)))
    shifted = assemble(graph)
    tabled = assemble(dataclasses.replace(graph, stencil=None))
    a = exchange.arriving(shifted.kernel.spec, shifted.params.wiring, parts, most)
    b = exchange.arriving(tabled.kernel.spec, tabled.params.wiring, parts, most)
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)
    want = np.array(parts[0], float)
    for j in range(graph.nodes):
        for k, i in enumerate(graph.neighbours[j]):
            want[i] += float(parts[k + 1][j])
    np.testing.assert_allclose(np.asarray(a), want, rtol=1e-6)


def test_two_stages_sample_the_same_law(monkeypatch: pytest.MonkeyPatch) -> None:
    # The exact value of the own-queue policy; 4 standard errors, false alarm 6e-5.
    monkeypatch.setattr(tables, "MOST_CELLS", 1)
    s = assemble(cycle(15), delay=5.0)
    assert tables.layout(s.kernel.spec, Own()).staged
    e = simulate(s.kernel, Own(), s.params, seed=8, replications=2000)["drops_per_node"]
    assert abs(e.mean - 3.5144) < 4 * e.standard_error
