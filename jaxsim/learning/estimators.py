"""Gradients of an expectation, as interchangeable objects with a stated bias.

Each is called as ``estimator(objective, tuned, key, first)`` and averages over replications ``first``,
``first + 1``, ... of the key, so that a step of a descent uses fresh paths and can be repeated exactly.

    Exact          the objective is deterministic: closed forms, or solved     no bias, no variance
                   through its equations (`jaxsim.relaxations.implicit`)
    Pathwise       d value along each path                                     none if paths are smooth in
                                                                               what is tuned; blind to jumps
    Relaxed        the same through soft or straight-through gates and         soft: O(temperature^2);
                   choices at a traced temperature                             straight-through: open
    Score          d value + (to go - baseline) d log_chance                   none; variance grows with the
                                                                               length of the path
    Conditional    the score with transitions averaged by a critic             none
    CommonNumbers  central differences, the same words on both sides           O(step^2)
    SPSA           one central difference in a random direction of signs       O(step^2); variance grows with
                                                                               the number of parameters
    Annealed       any of these with one of its numbers on a schedule          as theirs, at that number
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxsim.core.random import Key, Stream
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float
from jaxsim.learning.gradient import Bias, Gradient, Number, averaged, numbered, sampled
from jaxsim.learning.objectives import Objective
from jaxsim.relaxations import Kind, Relaxation


@pytree
class Exact:
    """The derivative of a deterministic objective; its standard errors are 0."""

    @property
    def bias(self) -> Bias:
        """None."""
        return Bias("none", "exact to rounding")

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient; the key goes to the objective, which should not need it."""
        del first
        value, slope = jax.value_and_grad(lambda x: sampled(objective(x, key)).value)(tuned)
        return Gradient(value, jnp.zeros_like(value), slope, jax.tree.map(jnp.zeros_like, slope))


@pytree
class Pathwise:
    """The mean of the paths' own derivatives: E[d value].

    Unbiased where the value of a path is absolutely continuous in what is tuned (a reflected diffusion, a
    relaxed gate). A jump that the parameters move contributes nothing, which is a bias: measure it against
    `CommonNumbers`. ``replications`` is static.
    """

    replications: int = static(64)

    @property
    def bias(self) -> Bias:
        """None on smooth paths."""
        return Bias("none", "unbiased where paths are smooth in what is tuned; blind to jumps")

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient over ``replications`` paths."""

        def one(number: Array) -> tuple[Array, Any]:
            return jax.value_and_grad(lambda x: sampled(objective(x, key.replication(number))).value)(tuned)

        return averaged(*jax.vmap(one)(numbered(first, self.replications)))


@pytree
class Relaxed:
    """`Pathwise` through a relaxed path: the objective is called as ``objective(tuned, key, relaxation)``.

    ``relaxation`` is a `jaxsim.relaxations.Relaxation` of this temperature and kind. A soft path is that of a
    smoothed system: its bias is O(temperature^2) where what is compared has a density. A straight-through
    path is the hard one, so that its value has no bias; its derivative has one that is not promised to
    vanish. ``temperature`` is traced (see `Annealed` for schedules); ``kind`` and ``replications`` are
    static.
    """

    temperature: Float[Array, ""] | float = 0.5
    kind: Kind = static("soft")
    replications: int = static(64)

    @property
    def bias(self) -> Bias:
        """A power of the temperature for soft gates; open for straight-through ones."""
        if self.kind == "soft":
            return Bias("order", "O(temperature^2) where what is compared has a density", "temperature", 2)
        return Bias("open", "none in the value; not promised to vanish in the derivative")

    def __call__(self, objective: Any, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient over ``replications`` paths."""
        relaxation = Relaxation(self.temperature, self.kind)

        def soft(x: Any, path: Key) -> Any:
            return objective(x, path, relaxation)

        return Pathwise(self.replications)(soft, tuned, key, first)


@pytree
class CommonNumbers:
    """Central differences [J(x + h e) - J(x - h e)] / 2h under the same random words.

    Bias h^2 / 6 times the third derivative of the mean; the price is 2 paths per number tuned. ``step`` is
    traced: one number, or a pytree like what is tuned.
    """

    step: Any = 1e-2
    replications: int = static(256)

    @property
    def bias(self) -> Bias:
        """The square of the step."""
        return Bias("order", "step^2 / 6 times the third derivative", "step", 2)

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value (the mean over both sides of all differences) and gradient."""
        flat, rebuild = ravel_pytree(tuned)
        widths, _ = ravel_pytree(jax.tree.map(lambda x, h: jnp.zeros_like(x) + h, tuned, self._steps(tuned)))

        def one(number: Array) -> tuple[Array, Array]:
            path = key.replication(number)

            def pair(direction: Array) -> tuple[Array, Array]:
                high = sampled(objective(rebuild(flat + widths * direction), path)).value
                low = sampled(objective(rebuild(flat - widths * direction), path)).value
                return (high + low) / 2, (high - low) / (2 * jnp.sum(widths * direction))

            middles, slopes = jax.lax.map(pair, jnp.eye(flat.size, dtype=flat.dtype))
            return jnp.mean(middles), slopes

        found = averaged(*jax.vmap(one)(numbered(first, self.replications)))
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

    @property
    def bias(self) -> Bias:
        """The square of the step."""
        return Bias("order", "O(step^2)", "step", 2)

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value (the mean over both sides) and gradient."""
        flat, rebuild = ravel_pytree(tuned)

        def one(number: Array) -> tuple[Array, Array]:
            path = key.replication(number)
            signs = 1.0 - 2.0 * (path.words(Stream.GRADIENT, flat.size) >> 31).astype(flat.dtype)
            high = sampled(objective(rebuild(flat + self.step * signs), path)).value
            low = sampled(objective(rebuild(flat - self.step * signs), path)).value
            return (high + low) / 2, (high - low) / (2 * self.step) * signs

        found = averaged(*jax.vmap(one)(numbered(first, self.replications)))
        return found._replace(gradient=rebuild(found.gradient), gradient_error=rebuild(found.gradient_error))


@pytree
class Annealed:
    """Another estimator, one of whose traced numbers moves along the steps of a descent.

        number(n) = start (end / start)^min(1, n / steps)

    A temperature that falls, or the width of a difference; nothing is compiled again along the way, nor for
    other starts and ends.

    Attributes:
        estimator: what is called; its field ``name`` (``temperature`` or ``step``) is replaced.
        start, end: > 0. steps: after which it stays at the end.
    """

    estimator: Any
    start: Float[Array, ""] | float
    end: Float[Array, ""] | float
    steps: Float[Array, ""] | float
    name: str = static("temperature")

    @property
    def bias(self) -> Bias:
        """That of the estimator."""
        return self.estimator.bias

    @property
    def replications(self) -> int:
        """Paths of one call."""
        return self.estimator.replications

    def at(self, step: Number | float) -> Any:
        """Return the estimator of a step of the descent."""
        share = jnp.minimum(1.0, jnp.asarray(step) / self.steps)
        ratio = jnp.asarray(self.end, jnp.float32) / self.start
        return replace(self.estimator, **{self.name: self.start * ratio**share})

    def __call__(self, objective: Any, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient at the end of the schedule."""
        return self.at(self.steps)(objective, tuned, key, first)
