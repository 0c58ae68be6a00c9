"""A tuning as a `Result`: saved, loaded, compared and drawn like every other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxsim.learning.verdict import Tuning
from jaxsim.results import Result
from jaxsim.statistics import Estimate


def recorded(
    found: Tuning,
    *,
    family: str,
    name: str,
    inputs: dict[str, Any],
    seed: int,
    labels: Sequence[str],
    unit: str = "",
) -> Result:
    """Return the Result of a tuning.

    Args:
        found: what the descent found. family, name: what was tuned. inputs: the keys it was asked for with.
        labels: of the tuned numbers, flat. unit: of the objective.

    Returns:
        Estimates ``objective`` (at the answer), ``gain`` over the start, ``shortfall`` (upper end: what the
        noise allows), and each tuned number with 1.96 root mean squared distances from the optimum as its
        half-width; the whole trace as series against ``step``; the objective on each fresh replication as
        samples, so that two tunings of one seed compare in pairs.
    """
    estimates = {"objective": found.value, "start": found.start_value, "gain": found.gain}
    missing = found.shortfall
    flat = np.concatenate([np.ravel(x) for x in jax.tree.leaves(found.tuned)])
    error = np.full(flat.shape, np.inf)
    if missing is not None:
        width = missing.bound - missing.mean
        estimates["shortfall"] = Estimate(
            missing.mean, width, missing.level, found.value.replications, "upper"
        )
        error = 1.96 * np.concatenate([np.ravel(x) for x in jax.tree.leaves(missing.tuned_error)])
    pairs = zip(labels, flat, error, strict=True)
    estimates |= {
        n: Estimate(float(x), float(e), 0.95, found.value.replications, "tuned") for n, x, e in pairs
    }
    leaves = jax.tree.leaves(found.points)
    trace = np.concatenate([np.reshape(x, (found.steps, -1)) for x in leaves], axis=1)
    ones = np.ones(len(found.judged))
    return Result(
        family=family,
        spec={"tuning": name, **inputs},
        params=dict(zip(labels, flat.tolist(), strict=True)),
        policy=name,
        seed=seed,
        replications=len(found.judged),
        horizon=float(found.steps),
        warmup=0.0,
        steps=found.steps,
        estimates=estimates,
        units={"objective": unit, "start": unit, "gain": unit}
        | ({"shortfall": unit} if missing is not None else {})
        | dict.fromkeys(labels, ""),
        samples={"objective.numerator": found.judged, "objective.denominator": ones},
        series={"step": np.arange(found.steps, dtype=np.float64), "objective": found.values}
        | dict(zip(labels, trace.T, strict=True)),
        arrays={"value_errors": found.value_errors},
        timing={"wall": found.seconds, "run": found.seconds, "compile": 0.0},
        device=str(jax.devices()[0]),
    )
