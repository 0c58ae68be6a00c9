"""Speed of the epoch kernel on one CPU thread, beside three C++ programs compiled on the spot, with answers.

    taskset -c 0 python benchmarks/balancing.py [--nodes 5001] [--replications 100] [--throughput]

The job is "100 replications of 50 time units on the cycle with N = 5001" at delays 1 and 5, under own queue
and JSQ. Peers: Gillespie's direct method (exponential clock, no null events), a uniformized event loop (no
clock, several times faster than Gillespie) and an epoch simulator with alias tables of its own.
Times are CPU seconds of the best of three calls of `simulate`, tables included, compilation apart.
``--throughput`` adds queue-epochs per second of long paths, for every kind of policy. Bytes per queue and
epoch: 1 of state read, 1 written, 4 of random bits, 4 of table (in cache); JSQ 2 more of random bits.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + os.environ.get("XLA_FLAGS", "")

import jax

from jaxsim.engine import simulate
from jaxsim.models.balancing import JSQ, Own, Random, assemble
from jaxsim.models.balancing.graphs import cycle, torus
from jaxsim.models.balancing.learned import learned
from jaxsim.models.balancing.theory import constant_rates

PEERS = Path(__file__).parent / "peers"
PROGRAMS = (
    ("Gillespie", "events", "gillespie"),
    ("uniformized", "events", "uniformized"),
    ("epochs", "queue-epochs", "epochs"),
)


def compiled(name: str, folder: str) -> Path:
    """Compile a peer with the machine's C++ compiler."""
    program = Path(folder) / name
    source = PEERS / f"{name}.cpp"
    compiler = os.environ.get("CXX", "g++")
    subprocess.run(
        [compiler, "-O3", "-march=native", "-std=c++17", "-o", str(program), str(source)], check=True
    )
    return program


def peer(program: Path, nodes: int, replications: int, epochs: int, delay: float, jsq: bool) -> list[float]:
    """Run a peer; return mean, standard error, work and CPU seconds."""
    words = [nodes, replications, epochs, delay, 1, int(jsq)]
    out = subprocess.run([str(program), *map(str, words)], check=True, capture_output=True, text=True)
    found = json.loads(out.stdout)
    return [*found["answers"]["drops_per_node"], found["events"], found["seconds"]]


def ours(system: Any, policy: Any, replications: int, horizon: float) -> tuple[Any, float, float]:
    """Return the result and CPU seconds of the first and of the best later call."""
    times = []
    result = None
    for _ in range(4):
        clock = time.process_time()
        result = simulate(
            system.kernel, policy, system.params, replications=replications, horizon=horizon,
            devices=(jax.devices()[0],),
        )  # fmt: skip
        times.append(time.process_time() - clock)
    return result, times[0], min(times[1:])


def job(nodes: int, replications: int) -> None:
    """Time the whole job against the peers."""
    print(f"{replications} replications of 50 time units on the cycle of {nodes}; CPU seconds, one thread")
    with tempfile.TemporaryDirectory() as folder:
        peers = [(label, unit, compiled(f"balancing_{name}", folder)) for label, unit, name in PROGRAMS]
        for delay in (5.0, 1.0):
            system = assemble(cycle(nodes), delay=delay)
            count = round(50 / delay)
            exact = constant_rates(delay=delay)["drops_per_node"]
            for name, policy in (("own", Own()), ("jsq", JSQ())):
                result, first, seconds = ours(system, policy, replications, 50.0)
                e = result["drops_per_node"]
                truth = f", exact {exact:.4f}" if name == "own" else ""
                print(f"delay {delay:g}, {name}: drops per node{truth}")
                mine = f"{e.mean:.4f} ± {e.half_width:.4f}  {seconds:.3f} s"
                print(f"  jaxsim           {mine} (first call {first:.1f} s)")
                for label, unit, program in peers:
                    p = peer(program, nodes, replications, count, delay, name == "jsq")
                    speed = f"{p[2] / p[3] / 1e6:.0f} million {unit}/s"
                    print(
                        f"  {'C++ ' + label:<16} {p[0]:.4f} ± {1.96 * p[1]:.4f}  {p[3]:.3f} s ({speed});",
                        end=" ",
                    )
                    print(f"jaxsim is {p[3] / seconds:.2f} times as fast")


def throughput(nodes: int) -> None:
    """Print queue-epochs per second of long paths."""
    side = round(nodes**0.5)
    for graph in (cycle(nodes), torus(side)):
        system = assemble(graph, delay=5.0)
        rules: dict[str, Any] = {
            "own": Own(),
            "random": Random(),
            "table": learned(system),
            "jsq": JSQ(),
            "jsq, ties split": JSQ("packet"),
        }
        for name, policy in rules.items():
            result, _, seconds = ours(system, policy, 64, 2500.0)
            rate = 64 * result.steps * graph.nodes / seconds / 1e6
            print(f"{graph.name}, {name}: {rate:.0f} million queue-epochs per CPU second")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=5001)
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--throughput", action="store_true")
    options = parser.parse_args()
    job(options.nodes, options.replications)
    if options.throughput:
        throughput(options.nodes)
