"""Gradients of an expectation, as interchangeable objects with a stated bias.

Each is called as ``estimator(objective, tuned, key, first)`` and averages over replications ``first``,
``first + 1``, ... of the key, so that a step of a descent uses fresh paths and can be repeated exactly.

    Exact          the objective is deterministic                           no bias, no variance
    Pathwise       d value along each path                                  unbiased if the path is smooth in
                                                                            what is tuned; blind to jumps
    Score          d value + (value - baseline) d log_chance                unbiased; variance grows with the
                                                                            length of the path
    CommonNumbers  central differences, the same words on both sides        O(step^2), plus nothing
    SPSA           one central difference in a random direction of signs    O(step^2); variance grows with
                                                                            the number of parameters
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxsim.core.random import Key, Stream
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float, Int, UInt32
from jaxsim.learning.objectives import Objective, Sample
from jaxsim.relaxations.score import leave_one_out, with_score

Number = Int[Array, ""] | UInt32[Array, ""] | int


class Gradient(NamedTuple):
    """An estimate: value and gradient (shaped like what is tuned), each with its standard error."""

    value: Float[Array, ""]
    value_error: Float[Array, ""]
    gradient: Any
    gradient_error: Any


def _sample(objective: Objective, tuned: Any, key: Key) -> Sample:
    found = objective(tuned, key)
    return found if isinstance(found, Sample) else Sample(jnp.asarray(found))


def _numbers(first: Number, count: int) -> Array:
    return jnp.asarray(first).astype(jnp.uint32) + jnp.arange(count, dtype=jnp.uint32)


def _gradient(values: Float[Array, " n"], slopes: Any) -> Gradient:
    """Average over the leading axis, with standard errors (NaN from a single replication)."""
    n = values.shape[0]

    def error(x: Array) -> Array:
        return jnp.std(x, axis=0, ddof=1) / n**0.5 if n > 1 else jnp.full(x.shape[1:], jnp.nan, x.dtype)

    def mean(x: Array) -> Array:
        return jnp.mean(x, axis=0)

    return Gradient(mean(values), error(values), jax.tree.map(mean, slopes), jax.tree.map(error, slopes))


@pytree
class Exact:
    """The derivative of a deterministic objective; its standard errors are 0."""

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient; the key goes to the objective, which should not need it."""
        del first
        value, slope = jax.value_and_grad(lambda x: _sample(objective, x, key).value)(tuned)
        return Gradient(value, jnp.zeros_like(value), slope, jax.tree.map(jnp.zeros_like, slope))


@pytree
class Pathwise:
    """The mean of the paths' own derivatives: E[d value].

    Unbiased where the value of a path is absolutely continuous in what is tuned (a reflected diffusion, a
    relaxed gate). A jump that the parameters move contributes nothing, which is a bias: measure it against
    `CommonNumbers`. ``replications`` is static.
    """

    replications: int = static(64)

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient over ``replications`` paths."""

        def one(number: Array) -> tuple[Array, Any]:
            return jax.value_and_grad(lambda x: _sample(objective, x, key.replication(number)).value)(tuned)

        return _gradient(*jax.vmap(one)(_numbers(first, self.replications)))


@pytree
class Score:
    """The score function with the mean of the other replications as baseline; needs `Sample.log_chance`.

    Unbiased for every objective whose choices are all in ``log_chance``. The standard errors treat the
    replications' terms as independent, which the shared baseline makes true to order 1 / replications.
    """

    replications: int = static(256)

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient over ``replications`` paths (at least 2)."""
        numbers = _numbers(first, self.replications)

        def sample(x: Any, number: Array) -> Sample:
            return _sample(objective, x, key.replication(number))

        values = jax.vmap(lambda n: sample(tuned, n).value)(numbers)
        baselines = leave_one_out(values)

        def surrogate(x: Any, number: Array, baseline: Array) -> Array:
            found = sample(x, number)
            return with_score(found.value, jnp.asarray(found.log_chance), baseline)

        slopes = jax.vmap(lambda n, b: jax.grad(surrogate)(tuned, n, b))(numbers, baselines)
        return _gradient(values, slopes)


@pytree
class CommonNumbers:
    """Central differences [J(x + h e) - J(x - h e)] / 2h under the same random words.

    Bias h^2 / 6 times the third derivative of the mean; the price is 2 paths per number tuned. ``step`` is
    traced: one number, or a pytree like what is tuned.
    """

    step: Any = 1e-2
    replications: int = static(256)

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value (the mean over both sides of all differences) and gradient."""
        flat, rebuild = ravel_pytree(tuned)
        widths, _ = ravel_pytree(jax.tree.map(lambda x, h: jnp.zeros_like(x) + h, tuned, self._steps(tuned)))

        def one(number: Array) -> tuple[Array, Array]:
            path = key.replication(number)

            def pair(direction: Array) -> tuple[Array, Array]:
                high = _sample(objective, rebuild(flat + widths * direction), path).value
                low = _sample(objective, rebuild(flat - widths * direction), path).value
                return (high + low) / 2, (high - low) / (2 * jnp.sum(widths * direction))

            middles, slopes = jax.lax.map(pair, jnp.eye(flat.size, dtype=flat.dtype))
            return jnp.mean(middles), slopes

        found = _gradient(*jax.vmap(one)(_numbers(first, self.replications)))
        return found._replace(gradient=rebuild(found.gradient), gradient_error=rebuild(found.gradient_error))

    def _steps(self, tuned: Any) -> Any:
        same = jax.tree.structure(self.step) == jax.tree.structure(tuned)
        return self.step if same else jax.tree.map(lambda _: self.step, tuned)


@pytree
class SPSA:
    """Simultaneous perturbation: a central difference along random signs d, times d.

    2 paths per replication whatever the number of parameters; bias O(step^2), variance of the order of the
    squared length of the gradient for each component.

    Source: Spall (1992), "Multivariate stochastic approximation using a simultaneous perturbation gradient
    approximation".
    """

    step: Float[Array, ""] | float = 1e-2
    replications: int = static(256)

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value (the mean over both sides) and gradient."""
        flat, rebuild = ravel_pytree(tuned)

        def one(number: Array) -> tuple[Array, Array]:
            path = key.replication(number)
            signs = 1.0 - 2.0 * (path.words(Stream.GRADIENT, flat.size) >> 31).astype(flat.dtype)
            high = _sample(objective, rebuild(flat + self.step * signs), path).value
            low = _sample(objective, rebuild(flat - self.step * signs), path).value
            return (high + low) / 2, (high - low) / (2 * self.step) * signs

        found = _gradient(*jax.vmap(one)(_numbers(first, self.replications)))
        return found._replace(gradient=rebuild(found.gradient), gradient_error=rebuild(found.gradient_error))
