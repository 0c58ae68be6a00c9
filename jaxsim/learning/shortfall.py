"""How far from the optimum a tuned answer can be, given the noise of the gradients.

Near a smooth optimum x* of J, with gradient g and curvature H at the answer x,

    J(x) - J(x*) = g' H^{-1} g / 2,      x* = x - H^{-1} g,

to second order. g is estimated on fresh replications, in groups, with its covariance S; H by central
differences of that estimate under common random numbers. With probability ``level`` g lies where
|L^{-1} (g_hat - g)| <= r for H = L L', r being the quantile for a normal error of covariance S, hence

    J(x) - J(x*) <= (|L^{-1} g_hat| + r)^2 / 2.

Directions v in which J does not curve upwards beyond the noise of H are counted as flat. In free numbers of
a constraint these are mostly those of a bound that is reached only in the limit, J - J_inf falling like e^-u:
then the slope itself is what is left to gain, and |v' g_hat|, with its noise, is added. Where the curvature
of such a tail is seen (the Newton step is long: it is 1) the gain left is g^2 / H, twice the quadratic one.
Directions along which J does not change at all are left out.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxsim.core.random import Key
from jaxsim.core.types import Array
from jaxsim.learning.constraints import Constraint
from jaxsim.learning.descend import FRESH, Make, freed

GROUPS = 16
WIDTH = 0.1
"""Least half-width, in free numbers, of the differences that give the curvature."""
FAR = 0.5
"""Length of a Newton step, in free numbers, beyond which curvature is not trusted to stay as it is."""


@dataclass(frozen=True)
class Shortfall:
    """What the answer may miss.

    mean: estimate of J(x) - J(x*), free of the noise's own part, at least 0. bound: upper confidence bound,
    at
        ``level``. tuned_error: root mean squared distance of each tuned number from the optimum.
    flat: number of directions without curvature beyond noise, which tuned_error does not cover.
    """

    mean: float
    bound: float
    level: float
    tuned_error: Any
    flat: int


@functools.partial(jax.jit, static_argnames=("make", "constraint", "groups"))
def _slopes(
    make: Make,
    constraint: Constraint,
    gradient: Any,
    root: Key,
    case: Any,
    points: Array,
    free: Any,
    groups: int,
) -> Array:
    """Return gradients ``[points, groups, numbers]`` on the same fresh replications at every point."""
    _, rebuild = ravel_pytree(free)
    objective, stride = freed(make(case), constraint), getattr(gradient, "replications", 1)

    def one(pair: tuple[Array, Array]) -> Array:
        first = jnp.uint32(FRESH) + pair[1].astype(jnp.uint32) * jnp.uint32(stride)
        return ravel_pytree(gradient(objective, rebuild(pair[0]), root, first).gradient)[0]

    count = points.shape[0]
    pairs = jnp.repeat(points, groups, axis=0), jnp.tile(jnp.arange(groups), count)
    return jax.lax.map(one, pairs).reshape(count, groups, -1)


def shortfall(
    make: Make,
    constraint: Constraint,
    gradient: Any,
    root: Key,
    case: Any,
    free: Any,
    spread: Any,
    level: float,
    exact: bool,
) -> Shortfall:
    """Return what the answer ``free`` may miss.

    Args:
        gradient: an estimator without a schedule. spread: standard deviation of each free number over the
            late steps of the descent. exact: whether the gradient has no noise.
    """
    flat, rebuild = ravel_pytree(jax.tree.map(jnp.asarray, free))
    widths = jnp.maximum(WIDTH, 3 * ravel_pytree(jax.tree.map(jnp.asarray, spread))[0])
    moves = jnp.diag(widths)
    points = jnp.concatenate([flat[None], flat + moves, flat - moves])
    groups = 1 if exact else GROUPS
    found = _slopes(make, constraint, gradient, root, case, points, free, groups)
    slopes, size = np.asarray(found, np.float64), flat.size
    center = slopes[0].mean(axis=0)
    noise = np.cov(slopes[0].T).reshape(size, size) / groups if groups > 1 else np.zeros((size, size))
    each = (slopes[1 : size + 1] - slopes[size + 1 :]) / (2 * np.asarray(widths, np.float64)[:, None, None])
    each = (np.transpose(each, (1, 0, 2)) + np.transpose(each, (1, 2, 0))) / 2  # [groups, numbers, numbers]
    jacobian = np.asarray(
        jax.jacobian(lambda x: ravel_pytree(constraint.to(rebuild(x)))[0])(flat), np.float64
    )
    mean, bound, error, skipped = _account(center, noise, each, jacobian, level)
    tuned = constraint.to(rebuild(flat))
    _, back = ravel_pytree(jax.tree.map(jnp.asarray, tuned))
    return Shortfall(mean, bound, level, jax.tree.map(np.asarray, back(jnp.asarray(error))), skipped)


def _account(
    center: np.ndarray, noise: np.ndarray, curvatures: np.ndarray, jacobian: np.ndarray, level: float
) -> tuple[float, float, np.ndarray, int]:
    """Return (mean, bound, errors of the tuned numbers, flat directions) from estimates and covariance."""
    groups = len(curvatures)
    values, vectors = np.linalg.eigh(curvatures.mean(axis=0))
    along = np.einsum("ik,gij,jk->gk", vectors, curvatures, vectors)
    doubt = along.std(axis=0, ddof=1) / np.sqrt(groups) if groups > 1 else np.zeros(len(values))
    neutral = np.abs(values) <= 1e-5 * np.abs(values).max()  # J does not depend on it: softmax, for one
    curved = (values > 2 * doubt) & ~neutral
    pull = vectors[:, curved] / np.sqrt(values[curved])  # L^{-1}, transposed
    miss, covariance = pull.T @ center, pull.T @ noise @ pull
    rng = np.random.default_rng(0)  # a quantile of a known law, by 20 000 draws: good to 1 %
    draws = (
        rng.standard_normal((20_000, len(miss)))
        @ np.linalg.cholesky(covariance + 1e-300 * np.eye(len(miss))).T
    )
    radius = float(np.quantile(np.linalg.norm(draws, axis=1), level)) if len(miss) else 0.0
    length = float(np.linalg.norm(miss))
    move = jacobian @ pull  # d tuned / d (L' x)
    error = np.sqrt(np.sum((move @ (covariance + np.outer(miss, miss))) * move, axis=1))
    mean = max(0.0, (length**2 - float(np.trace(covariance))) / 2)
    rest = vectors[:, ~curved & ~neutral]
    slope, doubt = rest.T @ center, np.sqrt(np.einsum("ik,ij,jk->k", rest, noise, rest))
    far = np.abs(miss) / np.sqrt(values[curved]) > FAR
    beyond = float(np.sum(miss[far] ** 2)) / 2
    mean += float(np.sum(np.sqrt(np.maximum(slope**2 - doubt**2, 0)))) + beyond
    tail = beyond + float(np.sum(np.abs(slope) + NormalDist().inv_cdf(level) * doubt))
    return mean, (length + radius) ** 2 / 2 + tail, error, int(np.sum(~curved & ~neutral))
