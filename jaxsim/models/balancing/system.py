"""The shell of the family: names, units, defaults and validation of what a system of queues is made of."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.validation import choice, distribution, integer, non_negative, positive, refuse, require
from jaxsim.models.balancing import gillespie, graphs
from jaxsim.models.balancing.graph_files import from_file
from jaxsim.models.balancing.kernel import kernel
from jaxsim.models.balancing.model import Params, Spec, fair_rates, offload_inflow, wire

TOPOLOGIES = ("cycle", "torus", "ccc", "configuration", "bethe", "file")
LARGEST_BUFFER = 200
MARGIN = 1.15
"""Tables are sized for rates this much larger, so that rates can move without a new compilation."""


def system(
    *,
    topology: Any = "cycle",
    nodes: Any = 100,
    side: Any = 10,
    order: Any = 4,
    degrees: Any = (2, 3),
    depth: Any = 4,
    degree: Any = 3,
    path: Any = "",
    graph_seed: Any = 0,
    redraw: Any = False,
    delay: Any = 5.0,
    buffer: Any = 5,
    service_rate: Any = 1.0,
    arrival_rates: Any = (0.9, 0.6),
    switch: Any = ((0.8, 0.2), (0.5, 0.5)),
    start: Any = None,
    expected: Any = False,
    control: Any = False,
    simulator: Any = "epochs",
) -> System:
    """Return queues on a sparse graph that schedulers see once per epoch.

    Args:
        topology: ``cycle`` (of ``nodes``), ``torus`` (of ``side`` x ``side``), ``ccc`` (cube-connected cycles
            of ``order``), ``configuration`` (random, ``nodes`` and ``degrees``), ``bethe`` (tree of ``depth``
            and ``degree``), ``file`` (edge list or GraphML at ``path``).
        nodes: number of queues of a cycle (default 100) or configuration model.
        side: rows and columns of the torus (default 10).
        order: of the cube-connected cycles, N = order 2^order (default 4).
        degrees: of the configuration model: values taken in turn (default 2,3), or one per node.
        depth, degree: of the Bethe lattice (default 4 and 3).
        path: file of the graph.
        graph_seed: of the configuration model (default 0).
        redraw: every replication draws a configuration model of its own, so that intervals are over graphs
            too (default false: one graph for all).
        delay: length of an epoch, in units of time (default 5).
        buffer: places in a queue, the one in service included (default 5); or one number per node.
        service_rate: packets per unit of time and server (default 1); or one number per node.
        arrival_rates: packets per unit of time and scheduler, one per regime (default 0.9,0.6); a single
            number for a constant rate.
        switch: probability of each regime in the next epoch, one row per regime (default
            [[0.8,0.2],[0.5,0.5]]).
        start: law of the first regime (default uniform).
        expected: report expected drops instead of sampled ones (default false): given the start of each epoch
            or, where the number of arrivals is drawn first (rates without a small table), given that too.
        control: report also what own queue is expected to lose given the regime path, as a control variate
            (default false; simulator=epochs).
        simulator: ``epochs`` (default) or ``events``, the same process event by event (slow; for validation).

    Raises:
        InvalidInput: naming the key, its value and the remedy.
    """
    sizes = {"nodes": nodes, "side": side, "order": order, "depth": depth, "degree": degree}
    sizes = {key: integer(key, value, low=1) for key, value in sizes.items()}
    seed = integer("graph_seed", graph_seed, low=0)
    graph = _graph(choice("topology", topology, TOPOLOGIES), sizes, degrees, path, seed)
    random = topology == "configuration" or redraw is False
    require(random, "redraw", redraw, f"has no meaning for a {topology}", "use topology=configuration")
    return assemble(
        graph,
        redraw=redraw,
        delay=delay,
        buffer=buffer,
        service_rate=service_rate,
        arrival_rates=arrival_rates,
        switch=switch,
        start=start,
        expected=expected,
        control=control,
        simulator=simulator,
    )


def assemble(
    graph: graphs.Graph,
    *,
    delay: Any = 5.0,
    buffer: Any = 5,
    service_rate: Any = 1.0,
    arrival_rates: Any = (0.9, 0.6),
    switch: Any = ((0.8, 0.2), (0.5, 0.5)),
    start: Any = None,
    expected: Any = False,
    control: Any = False,
    simulator: Any = "epochs",
    redraw: Any = False,
    largest_delay: Any = None,
) -> System:
    """Return the same for a graph that you made yourself.

    The arguments are those of `system` (with ``redraw`` only the graph's degrees matter), and
    ``largest_delay``: make the tables large enough for it, so that all delays up to it share one Spec and one
    compilation (default: just ``delay``).
    """
    delay = _scalar("delay", delay)
    most = max(delay, delay if largest_delay is None else _scalar("largest_delay", largest_delay))
    literal = choice("simulator", simulator, ("epochs", "events")) == "events"
    remedy = "leave out one of the two"
    for field, value in (("expected", expected), ("control", control)):
        require(not (literal and value is True), field, value, "needs simulator=epochs", remedy)
    graph = dataclasses.replace(graph, stencil=None) if literal else graph
    rates = np.atleast_1d(non_negative("arrival_rates", arrival_rates))
    require(
        rates.ndim == 1 and rates.size > 0,
        "arrival_rates",
        arrival_rates,
        "is not a list of rates",
        "give 0.9,0.6",
    )
    require(float(rates.max()) > 0, "arrival_rates", arrival_rates, "brings no packet", "give a rate above 0")
    moves, first = _regimes(rates.size, switch, start)
    buffers, services, server = _servers(graph.nodes, buffer, service_rate)
    redrawn = _flag("redraw", redraw)
    fewest = int(graph.degrees.min())
    inflow = graph.width / fewest if redrawn else float(offload_inflow(graph).max())
    spec = Spec(
        topology=graph.name,
        nodes=graph.nodes,
        width=graph.width,
        degrees=tuple(int(d) for d in np.unique(graph.degrees)),
        inflow=_round_up(inflow, 1),
        stencil=None if redrawn else graph.stencil,
        buffers=tuple(int(b) for b in buffers),
        regimes=rates.size,
        packets=_round_up(MARGIN * rates.max() * most),
        services=_round_up(MARGIN * services.max() * most),
        slowest=_round_up(services.min() * most / MARGIN),
        fair_classes=0 if redrawn else np.unique(fair_rates(graph)).size,
        redrawn=redrawn,
        expected=_flag("expected", expected),
        control=_flag("control", control),
    )
    params = Params(
        delay=jnp.float32(delay),
        arrival_rates=jnp.asarray(rates, jnp.float32),
        switch=jnp.asarray(moves, jnp.float32),
        start=jnp.asarray(first, jnp.float32),
        service_rates=jnp.asarray(services, jnp.float32),
        server_class=jnp.asarray(server, jnp.int32),
        wiring=wire(graph, redrawn),
    )
    return System(gillespie.kernel(spec) if literal else kernel(spec), params)


def _graph(topology: str, sizes: dict[str, int], degrees: Any, path: Any, seed: int) -> graphs.Graph:
    make = {
        "cycle": lambda: graphs.cycle(sizes["nodes"]),
        "torus": lambda: graphs.torus(sizes["side"]),
        "ccc": lambda: graphs.ccc(sizes["order"]),
        "configuration": lambda: graphs.configuration(sizes["nodes"], degrees, seed),
        "bethe": lambda: graphs.bethe(sizes["depth"], sizes["degree"]),
        "file": lambda: from_file(path),
    }
    return make[topology]()


def _scalar(field: str, value: Any) -> float:
    array = positive(field, value)
    require(array.size == 1, field, value, "is not a single number", "give one number")
    return float(array.reshape(()))


def _flag(field: str, value: Any) -> bool:
    if value not in (True, False, 0, 1):
        refuse(field, value, "is neither true nor false", "give true or false")
    return bool(value)


def _round_up(value: float, digits: int = 2) -> float:
    """Round up to so many significant digits, so that nearby rates share a Spec."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return round(math.ceil(round(value / unit, 6)) * unit, 12)


def _regimes(count: int, switch: Any, start: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return transition matrix and first law; one regime needs neither."""
    if count == 1:
        return np.ones((1, 1)), np.ones(1)
    moves = distribution("switch", switch)
    remedy = f"give {count} rows of {count} probabilities, one row per arrival rate"
    require(moves.shape == (count, count), "switch", switch, f"has shape {moves.shape}", remedy)
    first = distribution("start", np.full(count, 1.0 / count) if start is None else start)
    require(
        first.shape == (count,), "start", start, f"has shape {first.shape}", f"give {count} probabilities"
    )
    return moves, first


def _servers(nodes: int, buffer: Any, service_rate: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the classes of servers (buffer, rate) and the class of each node (empty if there is one)."""
    rates = np.atleast_1d(positive("service_rate", service_rate))
    places = np.atleast_1d(positive("buffer", buffer))
    whole = [integer("buffer", b, low=1, high=LARGEST_BUFFER) for b in np.unique(places)]
    for field, values in (("service_rate", rates), ("buffer", places)):
        ok = values.ndim == 1 and values.size in (1, nodes)
        require(
            ok, field, values, f"has {values.size} entries", f"give one number, or one for each of {nodes}"
        )
    if rates.size == 1 and places.size == 1:
        return np.asarray(whole), rates, np.zeros(0, np.int32)
    pairs = (
        np.stack(np.broadcast_arrays(places, rates)[:2], axis=1)
        if nodes > 1
        else np.array([[places[0], rates[0]]])
    )
    kinds, server = np.unique(np.broadcast_to(pairs, (nodes, 2)), axis=0, return_inverse=True)
    require(
        len(kinds) <= 64,
        "service_rate",
        service_rate,
        f"makes {len(kinds)} kinds of servers",
        "use at most 64 kinds",
    )
    return kinds[:, 0].astype(int), kinds[:, 1], server.reshape(-1)
