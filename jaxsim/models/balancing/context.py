"""What is constant along a path: the tables of epoch laws for the rates that a policy can bring about."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jaxsim.core import alias
from jaxsim.core.status import Status, no_trouble, raise_bit
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, UInt32
from jaxsim.models.balancing import control, epoch, exchange, tables
from jaxsim.models.balancing.actions import Observation, blank
from jaxsim.models.balancing.model import Params, Spec, State, queues_of

CUT_TOLERANCE = 2.0**-20


@pytree
class Context:
    """The parameters, the tables of epoch laws and whether they are trustworthy.

    table: alias tables of the outcomes drops * states + last state (last state alone where the Spec asks for
        expected drops). A row is a (server class, level, regime, state), or in two stages a (server class,
        number of arrivals, state).
    arrivals: in two stages, alias tables of the number of arrivals by (level, regime, state).
    expected: mean drops of each row of ``table``, where the Spec asks for them instead of sampled ones.
    own: what `control` needs of the own-queue policy, where the Spec asks for it.
    """

    params: Params
    table: UInt32[Array, " cells"]
    arrivals: UInt32[Array, " cells_or_none"]
    expected: Float[Array, " rows_or_none"]
    own: Float[Array, "classes regimes states columns"] | None
    trouble: UInt32[Array, ""]


def observe(spec: Spec, params: Params, state: State) -> Observation:
    """Return what schedulers can see."""
    wiring = params.wiring
    queues = queues_of(spec, state)
    around = exchange.at_neighbours(spec, wiring, queues)
    speeds = None
    if len(spec.buffers) > 1:
        own = params.service_rates[params.server_class]
        speeds = (own, *exchange.at_neighbours(spec, wiring, own))
    opened = exchange.open_slots(spec, wiring)
    return Observation(
        (queues, *around), opened, wiring.degrees, state.regime, spec.units, speeds, spec.fair_units
    )


def prepare(spec: Spec, params: Params, policy: Any) -> Context:
    """Build the tables."""
    # Tables depend on what kind of action the policy takes, not on what it sees.
    action = policy(blank(policy, spec.nodes), tables.unseen(spec))
    size = tables.layout(spec, policy)
    loads = params.arrival_rates * params.delay
    by_level = size.levels is not None
    rates = loads[:, None] * tables.level_rates(spec, params, action, size) if by_level else jnp.zeros(0)
    laws, cut, own = [], [], []
    for number, buffer in enumerate(spec.buffers):
        services = params.service_rates[number] * params.delay
        law = epoch.arrival_laws(services, buffer, size.states, size.arrivals, size.offered, size.drops)
        if spec.control:
            own.append(control.own_laws(loads, law))
        if size.staged:
            # Row by row the drops cannot exceed the arrivals; what is cut is weighed by the heaviest load.
            worst = epoch.mix(jnp.full(size.states, size.heaviest * jnp.max(loads)), law)
            cut.append(epoch.cut_mass(worst))
        else:
            law = epoch.mix(rates, law)
            cut.append(epoch.cut_mass(law))
        laws.append(law.reshape(-1, (size.drops + 1) * size.states))
    law = jnp.concatenate(laws)
    lost = jnp.max(jnp.stack(cut))
    trouble = raise_bit(no_trouble(), Status.NON_FINITE, ~jnp.isfinite(lost))
    trouble = raise_bit(trouble, Status.NOT_CONVERGED, lost > CUT_TOLERANCE)
    first = jnp.zeros(0, jnp.uint32)
    if size.staged and by_level:
        first = alias.packed(epoch.poisson(rates.reshape(-1), size.arrivals))
    alone = jnp.stack(own) if own else None
    if not spec.expected:
        return Context(params, alias.packed(law), first, jnp.zeros(0), alone, trouble)
    joint = law.reshape(-1, size.drops + 1, size.states)
    drops = jnp.einsum("rds,d->r", joint, jnp.arange(size.drops + 1.0)) / jnp.sum(joint, axis=(1, 2))
    return Context(params, alias.packed(jnp.sum(joint, axis=1)), first, drops, alone, trouble)
