"""Balancing: drops on a small cycle as a function of a table of offload probabilities."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.random import Key
from jaxsim.core.types import Array, Float
from jaxsim.engine import rollout
from jaxsim.experiments.gradients.case import Case, Method, known, whole
from jaxsim.learning import SPSA, CommonNumbers, Exact, Score
from jaxsim.models.balancing import Table, assemble
from jaxsim.models.balancing.graphs import Graph, cycle
from jaxsim.models.balancing.objective import table_objective
from jaxsim.models.balancing.theory import RATES, SWITCH, epoch_law

NODES, DELAY, EPOCHS = 8, 5.0, 4
AT = (0.2, 0.7)
_STATES = 2


def chain_drops(zeta: Float[Array, " states"], nodes: int, delay: float, epochs: int) -> Array:
    """Return the expected drops per queue of a table on a cycle, buffer 1, from the chain of all queues.

    Given the states of all queues at an epoch's start they move independently, so the joint law of their next
    states is a product; the regime moves on its own. Differentiable.
    """
    joint = np.array(np.unravel_index(np.arange(_STATES**nodes), (_STATES,) * nodes)).T
    share = zeta[joint]
    rate = 1 - share + (jnp.roll(share, 1, axis=1) + jnp.roll(share, -1, axis=1)) / 2
    loads = jnp.asarray(RATES)[:, None, None] * rate
    law, drops = epoch_law(loads, jnp.ones_like(loads), _STATES - 1, delay)
    own = jnp.asarray(joint)[None, :, :, None]
    moves = jnp.take_along_axis(law, own[..., None], axis=3)[..., 0, :]
    lost = jnp.sum(jnp.take_along_axis(drops, own, axis=3)[..., 0], axis=2) / nodes

    def product(each: Float[Array, "nodes states"]) -> Array:
        whole = each[0]
        for node in range(1, nodes):
            whole = (whole[:, None] * each[node][None, :]).reshape(-1)
        return whole

    jump = jax.vmap(jax.vmap(product))(moves)

    def epoch(mass: Array, _: None) -> tuple[Array, Array]:
        return jnp.einsum("rz,rze,rs->se", mass, jump, jnp.asarray(SWITCH)), jnp.sum(mass * lost)

    start = jnp.zeros((2, len(joint))).at[:, 0].set(0.5)
    return jnp.sum(lax.scan(epoch, start, None, length=epochs)[1])


@float64
def _exact() -> tuple[float, np.ndarray]:
    def drops(zeta: Array) -> Array:
        return chain_drops(zeta, NODES, DELAY, EPOCHS)

    value, slope = jax.value_and_grad(drops)(jnp.asarray(AT))
    return float(value), np.asarray(slope)


def case(scale: int = 1) -> Case:
    """Return the case: cycle of 8 queues, buffer 1, delay 5, four epochs from empty."""
    graph: Graph = cycle(NODES)
    system = assemble(graph, delay=DELAY, buffer=1)
    system = dataclasses.replace(system, kernel=dataclasses.replace(system.kernel, horizon=DELAY * EPOCHS))
    cones = table_objective(system, graph, epochs=EPOCHS, reach=3, offers=True)(jnp.float32(DELAY))

    def sampled(zeta: Any, key: Key) -> Any:
        means = rollout(system.kernel, Table(zeta), system.params, key, steps=EPOCHS)[1]
        return means["drops"] * EPOCHS / NODES

    n = 2000 * scale
    methods = {
        "exact chain": Method(Exact(), known(lambda zeta: chain_drops(zeta, NODES, DELAY, EPOCHS))),
        "common random numbers": Method(CommonNumbers(0.1, 4 * n), sampled),
        "SPSA": Method(SPSA(0.1, n), sampled),
        "score, whole paths, leave-one-out": Method(Score(n), whole(cones)),
        "score in cones, no baseline": Method(Score(n, "none"), cones),
        "score in cones, leave-one-out": Method(Score(n), cones),
        "score in cones, path baseline": Method(Score(n, "path"), cones),
        "score in cones, exogenous control": Method(Score(n, "exogenous"), cones),
    }
    title = "drops per queue in four epochs, in the offload probabilities (0.2, 0.7) when empty, full"
    return Case(title, np.array(AT), _exact, methods, "Tahir, Cui, Koeppl (2023), section 1.3")
