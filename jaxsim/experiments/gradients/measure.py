"""Bias, standard error and cost of each estimator of a case, and which of them to use."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random
from jaxsim.experiments.gradients.case import Case, Method
from jaxsim.learning import Bias

SIGMAS = 4.0
"""Standard errors within which a bias is taken for noise: false alarms in 6e-5 of the components."""
ROUNDING = 1e-3
"""What 32 bits may add to a bias, as a share of the exact gradient's length."""
ACCURACY = 0.01


class Row(NamedTuple):
    """What came out for one estimator; vectors are flat.

    value, gradient, error: estimates and the gradient's standard errors. bias: gradient minus the exact one.
    seconds: CPU time of one call, compiled. stated: what it says of its bias. within: whether the bias is no
        larger than that: "yes", "no", or "no promise".
    """

    name: str
    value: float
    gradient: np.ndarray
    error: np.ndarray
    bias: np.ndarray
    seconds: float
    replications: int
    stated: Bias
    within: str

    @property
    def significant(self) -> float:
        """Length of the bias that is not explained by noise."""
        clear = np.maximum(np.abs(self.bias) - SIGMAS * self.error, 0.0)
        return float(np.linalg.norm(clear))

    def cost(self, length: float) -> float:
        """CPU seconds for a root mean squared error of 1 % of the exact gradient's ``length``.

        By the law of large numbers from one call; infinite where the bias alone exceeds that.
        """
        wanted, noise = ACCURACY * length, float(np.linalg.norm(self.error))
        if np.all(self.error == 0):
            return self.seconds if np.linalg.norm(self.bias) <= wanted else math.inf
        left = wanted**2 - self.significant**2
        return self.seconds * noise**2 / left if left > 0 else math.inf


class Comparison(NamedTuple):
    """A case with its exact answer, a row for each estimator, and the name of the one to use."""

    case: Case
    value: float
    gradient: np.ndarray
    rows: tuple[Row, ...]
    use: str

    @property
    def length(self) -> float:
        """Euclidean length of the exact gradient."""
        return float(np.linalg.norm(self.gradient))


def compare(case: Case, seed: int = 0) -> Comparison:
    """Call every estimator of the case at its point, and hold it against the exact derivative."""
    value, exact = case.exact()
    exact = np.ravel(np.asarray(exact, np.float64))
    rows = tuple(_measured(name, method, case, exact, seed) for name, method in case.methods.items())
    length = float(np.linalg.norm(exact))
    sampled = [row for row in rows if np.any(row.error > 0)]  # an exact derivative needs no recommendation
    best = min(sampled, key=lambda row: row.cost(length))
    return Comparison(case, float(value), exact, rows, best.name)


def _called(
    method: Method, at: Any, seed: int, repeats: int = 2
) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Return value, gradient, its errors, and the CPU seconds of the fastest compiled call."""
    root = random.key(seed)
    call = jax.jit(lambda x, estimator: estimator(method.objective, x, root))
    found, seconds = jax.block_until_ready(call(at, method.estimator)), math.inf
    for _ in range(repeats):
        clock = time.process_time()
        found = jax.block_until_ready(call(at, method.estimator))
        seconds = min(seconds, time.process_time() - clock)
    flat = [np.ravel(np.asarray(x, np.float64)) for x in (found.gradient, found.gradient_error)]
    return float(found.value), flat[0], flat[1], seconds


def _measured(name: str, method: Method, case: Case, exact: np.ndarray, seed: int) -> Row:
    at = jnp.asarray(case.at, jnp.float32)
    value, gradient, error, seconds = _called(method, at, seed)
    count = getattr(method.estimator, "replications", 1)
    bias, stated = gradient - exact, method.estimator.bias
    row = Row(name, value, gradient, error, bias, seconds, count, stated, "yes")
    if stated.kind == "open":
        return row._replace(within="no promise")
    slack = SIGMAS * error + ROUNDING * float(np.linalg.norm(exact))
    within = bool(np.all(np.abs(bias) <= slack))
    if not within and stated.kind == "order":
        within = _falls(method, at, seed, bias, exact, slack)
    return row._replace(within="yes" if within else "no")


def _falls(
    method: Method, at: Any, seed: int, bias: np.ndarray, exact: np.ndarray, slack: np.ndarray
) -> bool:
    """Return whether halving the knob divides the bias by 2 at least (by 2^power in the limit)."""
    knob = method.estimator.bias.knob
    half: Any = dataclasses.replace(
        method.estimator,  # type: ignore[type-var]
        **{knob: getattr(method.estimator, knob) / 2},
    )
    _, gradient, _, _ = _called(Method(half, method.objective), at, seed, 1)
    return bool(np.all(np.abs(gradient - exact) <= np.abs(bias) / 2 + slack))
