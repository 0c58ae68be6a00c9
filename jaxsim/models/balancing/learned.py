"""Tables found by `search.best_table`, shipped so that MF-R can be used without a search.

For each kind of graph and delay, the probability of offloading a packet at own state 0 .. 5: buffer 5,
service rate 1, arrival rates (0.9, 0.6) with the default regimes, from empty queues over 50 units of time.
Between delays those per packet are interpolated, those with one action taken from the nearest delay. Near the
optimum the drops are flat in the table: these differ from the best in the last digits of the probabilities,
not noticeably in drops (tested on the cycle). They are not the neural policies of the paper, which prints no
numbers of theirs.
"""

from __future__ import annotations

from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.validation import refuse
from jaxsim.models.balancing.model import Params, Spec
from jaxsim.models.balancing.policies import Reading, Table, reading_of

TABLES: dict[str, dict[float, tuple[float, ...]]] = {
    "cycle": {
        1: (0.0, 0.0, 0.031, 0.618, 1.0, 1.0),
        2: (0.0, 0.0, 0.275, 0.632, 1.0, 1.0),
        3: (0.0, 0.048, 0.286, 0.556, 0.856, 1.0),
        4: (0.0, 0.104, 0.288, 0.496, 0.731, 1.0),
        5: (0.040, 0.137, 0.281, 0.448, 0.638, 0.871),
        6: (0.090, 0.167, 0.285, 0.425, 0.583, 0.758),
        7: (0.119, 0.182, 0.281, 0.400, 0.534, 0.672),
        8: (0.147, 0.201, 0.286, 0.389, 0.504, 0.617),
        9: (0.173, 0.219, 0.293, 0.383, 0.483, 0.578),
        10: (0.193, 0.233, 0.298, 0.379, 0.467, 0.548),
    },
    "torus": {
        1: (0.149, 0.0, 0.164, 0.668, 0.846, 1.0),
        2: (0.0, 0.0, 0.268, 0.672, 1.0, 1.0),
        3: (0.0, 0.001, 0.291, 0.582, 0.942, 1.0),
        4: (0.0, 0.083, 0.296, 0.536, 0.818, 1.0),
        5: (0.014, 0.128, 0.298, 0.492, 0.717, 0.993),
        6: (0.035, 0.128, 0.266, 0.431, 0.616, 0.832),
        7: (0.096, 0.169, 0.287, 0.429, 0.591, 0.757),
        8: (0.115, 0.179, 0.28, 0.401, 0.539, 0.678),
        9: (0.139, 0.194, 0.283, 0.39, 0.509, 0.626),
        10: (0.163, 0.211, 0.288, 0.383, 0.49, 0.59),
    },
    "ccc": {
        1: (0.06, 0.061, 0.108, 0.757, 0.939, 1.0),
        2: (0.0, 0.0, 0.263, 0.657, 1.0, 1.0),
        3: (0.0, 0.029, 0.276, 0.589, 0.918, 1.0),
        4: (0.0, 0.086, 0.293, 0.522, 0.785, 1.0),
        5: (0.033, 0.139, 0.296, 0.481, 0.693, 0.958),
        6: (0.048, 0.136, 0.267, 0.422, 0.598, 0.801),
        7: (0.101, 0.171, 0.279, 0.414, 0.565, 0.724),
        8: (0.125, 0.186, 0.282, 0.396, 0.525, 0.655),
        9: (0.152, 0.203, 0.287, 0.387, 0.5, 0.608),
        10: (0.172, 0.218, 0.291, 0.38, 0.48, 0.573),
    },
    "bethe": {
        1: (0.0, 0.0, 0.0, 0.312, 0.884, 1.0),
        3: (0.0, 0.0, 0.084, 0.347, 0.667, 1.0),
        5: (0.0, 0.0, 0.072, 0.232, 0.427, 0.656),
        7: (0.0, 0.0, 0.046, 0.155, 0.286, 0.419),
        10: (0.0, 0.0, 0.027, 0.1, 0.181, 0.257),
    },
    "configuration": {
        1: (0.0, 0.099, 0.11, 0.547, 0.901, 1.0),
        3: (0.0, 0.001, 0.254, 0.532, 0.854, 1.0),
        5: (0.0, 0.067, 0.218, 0.398, 0.6, 0.852),
        7: (0.0, 0.043, 0.149, 0.274, 0.415, 0.566),
        10: (0.0, 0.027, 0.096, 0.181, 0.275, 0.361),
    },
}
ONE_ACTION: dict[str, dict[float, tuple[float, ...]]] = {
    "cycle": {
        1: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        2: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        3: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        4: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        5: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        6: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        7: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        8: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        9: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        10: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    },
    "torus": {
        1: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        2: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        3: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        4: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        5: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        6: (0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        7: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        8: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        9: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        10: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    },
    "ccc": {
        1: (0.0, 0.0, 0.043, 1.0, 1.0, 1.0),
        2: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        3: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        4: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        5: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        6: (0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        7: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        8: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        9: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        10: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    },
    "configuration": {
        1: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        2: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        3: (0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        4: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        5: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        6: (0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        7: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        8: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        9: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        10: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    },
    "bethe": {
        1: (0.0, 0.0, 0.0, 0.077, 1.0, 1.0),
        2: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        3: (0.0, 0.0, 0.0, 0.0, 1.0, 1.0),
        4: (0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        5: (0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        6: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        7: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        8: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        9: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        10: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    },
}
"""The same with one action for all packets of the epoch: thresholds, and own queue for long delays.

Up to delay 5 mostly searched, beyond it the best thresholds by simulation (all zero: own queue)."""
KINDS = {
    "cycle": "cycle",
    "torus": "torus",
    "cube": "ccc",
    "configuration": "configuration",
    "Bethe": "bethe",
}


def table_for(kind: str, delay: float, reading: Reading = "packet") -> np.ndarray:
    """Return the table of a kind of graph; beyond 1 and 10 that of the nearest delay."""
    rows = (TABLES if reading == "packet" else ONE_ACTION)[kind]
    delays = sorted(rows)
    if reading == "epoch":
        return np.array(rows[min(delays, key=lambda d: abs(d - delay))])
    return np.array([np.interp(delay, delays, [rows[d][z] for d in delays]) for z in range(6)])


def kind_of(spec: Spec) -> str:
    """Return the kind of graph by its name, or by the nearest mean degree for graphs from elsewhere."""
    kind = KINDS.get(spec.topology.split()[0].split("-")[0], "")
    if kind in TABLES:
        return kind
    near = {"cycle": 2.0, "configuration": 2.5, "ccc": 3.0, "torus": 4.0}
    mean = float(np.mean(spec.degrees))
    return min((k for k in near if k in TABLES), key=lambda k: abs(near[k] - mean))


def learned(system: System, *, reading: Any = "packet") -> Table:
    """The shipped table for this graph and delay (MF-R); ``reading`` is ``packet`` (default) or ``epoch``.

    Raises:
        InvalidInput: for a buffer other than 5, for which no table is shipped.
    """
    spec, params = cast(Spec, system.kernel.spec), cast(Params, system.params)
    if spec.buffers != (5,) * len(spec.buffers):
        remedy = "search one with best_table, and give it as --policy zeta zeta=..."
        refuse("buffer", list(spec.buffers), "has no shipped table, which are for buffer 5", remedy)
    drawn = reading_of(reading)
    zeta = table_for(kind_of(spec), float(params.delay), drawn)
    return Table(jnp.asarray(zeta, jnp.float32), drawn)
