"""Scaling out: more replications and more devices, and a result that does not change.

    python scripts/tutorials/scaling.py [FOLDER]

Each CPU core becomes a device; a GPU, or several, would be used as they are. The same seed gives the same
paths on one device and on all of them, and intervals shrink like one over the root of the replications.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jax

if __name__ == "__main__":  # before JAX starts: let it see every core as a device
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    jax.config.update("jax_num_cpu_devices", cores or 1)

import numpy as np

import jaxsim
from jaxsim.models.balancing.problems import own
from jaxsim.plots import panels_figure
from jaxsim.results import Curve, Panel, Result

COUNTS = (100, 1000, 10000, 100000)


def run(replications: int, devices: list) -> Result:
    """Simulate the own-queue policy on 100 queues."""
    system = jaxsim.system("balancing", topology="cycle", nodes=100, delay=5)
    policy = jaxsim.policy("own", system)
    run = {"replications": replications, "seed": 1, "devices": tuple(devices)}
    return jaxsim.simulate(system.kernel, policy, system.params, **run)


def main(folder: Path) -> Path:
    """Write the figure into the folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    alone, everywhere = run(1000, jax.devices()[:1]), run(1000, jax.devices())
    same = np.array_equal(
        alone.samples["drops_per_node.numerator"], everywhere.samples["drops_per_node.numerator"]
    )
    print(f"1 device and {len(jax.devices())}: the same 1000 numbers, one for one: {same}")

    exact = own(delay=5)["drops_per_node"]
    results = [run(count, jax.devices()) for count in COUNTS]
    for count, result in zip(COUNTS, results, strict=True):
        queues = result.timing["steps_per_second"] * 100
        print(f"{count:6} replications: {result['drops_per_node']} (exact {exact:.4f}), "
              f"{queues / 1e6:.0f} million queue-epochs per second")  # fmt: skip
    x = tuple(float(count) for count in COUNTS)
    widths = tuple(result["drops_per_node"].half_width for result in results)
    errors = tuple(abs(result["drops_per_node"].mean - exact) for result in results)
    root = tuple(widths[0] * (x[0] / count) ** 0.5 for count in x)
    speed = tuple(result.timing["steps_per_second"] * 100 / 1e6 for result in results)
    curves = (
        Curve("half-width", x, widths),
        Curve("1 / root", x, root),
        Curve("actual error", x, errors, style="points"),
    )
    precision = Panel("Precision", "replications", "packets lost per queue", curves, True, True)
    throughput = Panel(
        "Speed", "replications", "million queue-epochs per second", (Curve("", x, speed),), True
    )
    figure = panels_figure((precision, throughput), f"Scaling out on {len(jax.devices())} devices")
    figure.savefig(path := folder / "scaling.png")
    return path


if __name__ == "__main__":
    print(main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/tutorials")))
