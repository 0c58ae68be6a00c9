"""What a graph of queues costs on a machine: bytes, operations and messages per node and epoch, and the time.

    time of an epoch = max(operations / rate + look-ups / rate, bytes / bandwidth)      of a part's own nodes
                                                                                         and its copies
                       + messages * latency + border bytes / link bandwidth

One path whose nodes are cut over devices (`simulate(split="nodes")`), one exchange per epoch. The counts are
those of the epoch kernel with a policy that reads 16 random bits (join the shortest queue); what a CPU core
does per second is measured (see `CORE`), accelerators are taken from their data sheets and not measured.
``python -m jaxsim.engine.scale`` prints the table of SCALE.md, which lies beside this file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

ENCRYPTION = 115
"""Operations of one Threefry-2x32-20 (20 rounds of 5, and the key schedule); it gives two words."""
WORDS_READ = 1.5
"""Words per node and epoch: one for the queue, half of one for its scheduler."""


@dataclass(frozen=True)
class Graph:
    """A kind of graph: its degree, whether it is a lattice, and the copies that a part must hold.

    wide: nodes across the border of a strip (1 on a cycle, the side on a torus), None where blocks have no
    border to speak of: almost every node two edges away lies elsewhere (a random graph).
    """

    name: str
    degree: int
    lattice: bool
    wide: int | None

    def copies(self, nodes: int, parts: int) -> int:
        """Return how many copies a part holds: two layers to either side, or as many as there are."""
        if parts == 1:
            return 0
        elsewhere = nodes - math.ceil(nodes / parts)
        if self.wide is not None:
            return min(4 * self.wide, elsewhere)
        reached = self.degree * self.degree * math.ceil(nodes / parts)
        return min(reached, elsewhere)


@dataclass(frozen=True)
class Machine:
    """Devices and the links between them; rates are per device and second.

    operations: 32-bit operations. look_ups: reads at addresses that are not in order. bandwidth: bytes to and
    from memory. memory: bytes. latency: seconds per message. link: bytes.
    """

    name: str
    devices: int
    operations: float
    look_ups: float
    bandwidth: float
    memory: float
    latency: float
    link: float


@dataclass(frozen=True)
class Cost:
    """Per node and epoch: operations, look-ups, bytes moved; bytes held; of an epoch: messages and times."""

    operations: float
    look_ups: float
    moved: float
    held: float
    messages: int
    sent: float
    memory: float
    compute_seconds: float
    message_seconds: float

    @property
    def seconds(self) -> float:
        """Return the time of an epoch."""
        return self.compute_seconds + self.message_seconds


CORE = {"operations": 1.8e10, "look_ups": 3.8e8, "bandwidth": 1.0e10}
"""One core of an AMD Zen 4 server: the kernel takes 124 million queue-epochs a second on a torus of a million
queues, 34 million on a random graph of degree 4 (join the shortest queue, CPU time, one thread)."""
_GPU = {"operations": 1.6e13, "look_ups": 5.0e10, "bandwidth": 3.3e12, "memory": 8.0e10}

MACHINES = (
    Machine("1 core", 1, **CORE, memory=3.2e10, latency=0.0, link=math.inf),
    Machine("64 cores, one host", 64, **CORE, memory=4.0e9, latency=5e-6, link=1.0e10),
    Machine("64 hosts of 64 cores", 4096, **CORE, memory=4.0e9, latency=5e-5, link=2.0e8),
    Machine("8 x H100, one host (not measured)", 8, **_GPU, latency=1e-5, link=4.5e11),
    Machine("64 x H100, 8 hosts (not measured)", 64, **_GPU, latency=3e-5, link=5.0e10),
)


def cost(graph: Graph, nodes: int, machine: Machine) -> Cost:
    """Return what an epoch of one path costs, its nodes cut evenly over the machine's devices.

    Args:
        graph: the kind of graph. nodes: of the whole. machine: where.
    """
    slots = graph.degree + 1
    operations = ENCRYPTION * WORDS_READ / 2 + 10 * slots + 8  # words; comparing and choosing; outcome
    look_ups = 0.0 if graph.lattice else 2.0 * graph.degree  # neighbours' queues, and what they send
    table = 0 if graph.lattice else 8 * graph.degree  # where neighbours are, and where what they send is
    held = 2.0 + 4.0 * WORDS_READ + table + 4.0  # queues before and after, words, table, degree
    moved = 2.0 + 8.0 * WORDS_READ + table
    own, copies = math.ceil(nodes / machine.devices), graph.copies(nodes, machine.devices)
    here = own + copies
    busy = operations / machine.operations + look_ups / machine.look_ups
    compute = here * max(busy, moved / machine.bandwidth)
    between = 2 if graph.wide is not None else machine.devices - 1
    messages = between if machine.devices > 1 else 0
    message = messages * machine.latency + copies / machine.link
    return Cost(operations, look_ups, moved, held, messages, float(copies), here * held, compute, message)


def graphs(nodes: int) -> tuple[Graph, ...]:
    """Return the three kinds of graph of the table."""
    side = math.isqrt(nodes)
    return (
        Graph("cycle", 2, True, 1),
        Graph("torus", 4, True, side),
        Graph("random graph of degree 4", 4, False, None),
    )


def table(nodes: int) -> str:
    """Return the predictions for so many queues, as a Markdown table."""
    lines = [
        "| graph | machine | memory per device | messages | sent per device | epoch | of it messages |",
        "|---|---|---|---|---|---|---|",
    ]
    for graph in graphs(nodes):
        for machine in MACHINES:
            found = cost(graph, nodes, machine)
            fits = "" if found.memory <= machine.memory else " (does not fit)"
            lines.append(
                f"| {graph.name} | {machine.name} | {found.memory / 1e9:.3g} GB{fits} | {found.messages} | "
                f"{found.sent / 1e6:.3g} MB | {found.seconds:.3g} s | {found.message_seconds:.2g} s |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(10**9))
