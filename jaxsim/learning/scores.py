"""Gradients by the score function, with named baselines, and smoothed by conditional expectations.

Both need an objective that returns a `Sample` with ``log_chance``; what else it offers (``to_go``, which cuts
what a choice can influence down to later costs or to its cone on a graph; a path baseline; an exogenous
quantity; a critic) lowers the variance and leaves the mean.
"""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp

from jaxsim.core.random import Key
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array
from jaxsim.core.validation import choice, require
from jaxsim.learning.gradient import Bias, Gradient, Number, averaged, numbered, sampled
from jaxsim.learning.objectives import Objective
from jaxsim.relaxations import Sample, leave_one_out, leave_one_out_line

Baseline = Literal["none", "path", "leave_one_out", "exogenous"]
BASELINES = ("none", "path", "leave_one_out", "exogenous")


def _differentiated(objective: Objective, tuned: Any, key: Key, numbers: Array) -> tuple[Sample, Any]:
    """Return the samples of all replications, and their pull-backs of (value, log_chance, smooth)."""

    def one(number: Array) -> tuple[Sample, Any]:
        def parts(x: Any) -> tuple[tuple[Array, Array, Array], Sample]:
            found = sampled(objective(x, key.replication(number)))
            value = jnp.asarray(found.value)
            smooth = jnp.zeros_like(value) if found.smooth is None else jnp.asarray(found.smooth)
            return (value, jnp.asarray(found.log_chance), smooth), found

        _, pull, found = jax.vjp(parts, tuned, has_aux=True)
        return found._replace(log_chance=jnp.asarray(found.log_chance)), pull

    return jax.vmap(one)(numbers)


def _like(x: Any, choices: Array) -> Array:
    """Return one number for each choice: x has them, or is one number for each replication."""
    x = jnp.asarray(x)
    spread = x.reshape(x.shape + (1,) * (choices.ndim - x.ndim)) if x.ndim < choices.ndim else x
    return jnp.broadcast_to(spread, choices.shape)


def _to_go(samples: Sample) -> Array:
    choices = jnp.asarray(samples.log_chance)
    return _like(samples.value if samples.to_go is None else samples.to_go, choices)


def _pulled(samples: Sample, pull: Any, weights: Array, smoothed: bool = False) -> Gradient:
    """Return d value + sum of weights x d log_chance, and d smooth if asked, averaged."""
    one = jnp.ones_like(samples.value)
    parts = (one, weights.astype(jnp.asarray(samples.log_chance).dtype), one * smoothed)
    return averaged(samples.value, jax.vmap(lambda p, *weight: p(weight)[0])(pull, *parts))


@pytree
class Score:
    """The score function: the mean of d value + sum_c (to_go_c - b_c) d log p_c.

    Unbiased for every objective whose choices are all in ``log_chance``, and for every baseline here:

        none           b = 0
        path           b_c = the sample's own ``baseline`` and the mean remainder of the other replications
        leave_one_out  b_c = mean of to_go_c over the other replications
        exogenous      b_c = forecast of to_go_c by the other replications' regression on ``exogenous``

    The standard errors treat the replications' terms as independent, which a shared baseline makes true to
    order 1 / replications. ``replications`` (at least 2, or 3 with ``exogenous``) and ``baseline`` are
    static.

    Source: Williams (1992); leave-one-out: Kool, van Hoof, Welling (2019), "Buy 4 REINFORCE samples, get a
    baseline for free".
    """

    replications: int = static(256)
    baseline: Baseline = static("leave_one_out")

    @property
    def bias(self) -> Bias:
        """None."""
        return Bias("none", "unbiased where all choices are in log_chance")

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient over ``replications`` paths.

        Raises:
            InvalidInput: for an unknown baseline, or one that the objective does not offer.
        """
        choice("baseline", self.baseline, BASELINES)
        samples, pull = _differentiated(objective, tuned, key, numbered(first, self.replications))
        to_go = _to_go(samples)
        return _pulled(samples, pull, to_go - self._baseline(samples, to_go))

    def _baseline(self, samples: Sample, to_go: Array) -> Array:
        if self.baseline == "none":
            return jnp.zeros_like(to_go)
        if self.baseline == "leave_one_out":
            return leave_one_out(to_go)
        offered = samples.baseline if self.baseline == "path" else samples.exogenous
        remedy = "use baseline leave_one_out"
        require(offered is not None, "baseline", self.baseline, "is not offered by this objective", remedy)
        offered = _like(offered, to_go)
        if self.baseline == "exogenous":
            return leave_one_out_line(to_go, offered)
        return offered + leave_one_out(to_go - offered)


@pytree
class Conditional:
    """Rao-Blackwellized transitions: each choice's part is averaged over its outcomes, not sampled.

    With a critic Q(c, o), a forecast of the costs to go after outcome o of choice c,

        d E[value] = E[ d value + sum_c sum_o d p_c(o) Q(c, o)
                        + sum_c (to_go_c - Q(c, o_c) - b_c) d log p_c ],

    o_c being what happened and b_c the mean remainder of the other replications. Unbiased whatever the
    critic; an exact one leaves the noise of the visited states only. The objective gives ``critic`` (at the
    outcomes that happened) and ``smooth`` (sum_c sum_o p_c(o) Q(c, o), differentiable).

    Source: conditional Monte Carlo, Asmussen and Glynn (2007), "Stochastic simulation", V.4; applied to the
    score as in Ciosek and Whiteson (2018), "Expected policy gradients".
    """

    replications: int = static(256)

    @property
    def bias(self) -> Bias:
        """None."""
        return Bias("none", "unbiased where all choices are in log_chance, for any critic")

    def __call__(self, objective: Objective, tuned: Any, key: Key, first: Number = 0) -> Gradient:
        """Return value and gradient over ``replications`` paths (at least 2).

        Raises:
            InvalidInput: if the objective offers no critic.
        """
        samples, pull = _differentiated(objective, tuned, key, numbered(first, self.replications))
        offered = samples.critic is not None and samples.smooth is not None
        require(offered, "gradient", "conditional", "needs a critic", "use the score function")
        to_go = _to_go(samples)
        rest = to_go - _like(samples.critic, to_go)
        return _pulled(samples, pull, rest - leave_one_out(rest), smoothed=True)
