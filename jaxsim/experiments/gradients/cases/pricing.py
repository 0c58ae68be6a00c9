"""Pricing: mean cost of constant prices along the reflected diffusion, in a price and in a load."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.random import Key
from jaxsim.core.types import Array
from jaxsim.engine import rollout
from jaxsim.experiments.gradients.case import Case, Method, known
from jaxsim.learning import SPSA, CommonNumbers, Exact, Pathwise, Sample, Score
from jaxsim.models.pricing.coefficients import pair_coefficients
from jaxsim.models.pricing.gaussian import parts_of
from jaxsim.models.pricing.market import effective_rates, terms_of
from jaxsim.models.pricing.policies import Constant
from jaxsim.models.pricing.system import system
from jaxsim.models.pricing.theory import brownian
from jaxsim.models.pricing.theory.comparison import cost_function

STEP, STEPS, START = 20.0, 10, 1573.5
AT = np.array([1.0, -1.0])
"""Price of user 2, and theta_1, the distance of user 1's load from capacity."""
FIRST = 2.0


def _system() -> Any:
    return system(reference="none", time_step=STEP, initial_workload=START)


def _users(here: Any, theta: Any) -> Any:
    return replace(
        here.params.users, theta=here.params.users.theta.at[0, 0].set(jnp.asarray(theta, jnp.float32))
    )


def _mean_cost(here: Any, point: Array) -> Array:
    """Return the mean over the ends of the steps of E C(P Q), by quadrature against the law of W."""
    spec, users = here.kernel.spec, _users(here, point[1])
    drift, deviation = (x[0, 0] for x in pair_coefficients(spec.market, spec.covariance, users))
    terms = terms_of(spec.market, users, effective_rates(spec.market, users.rate), 0)
    cost = cost_function(terms, (jnp.asarray(FIRST), point[0]))

    def at(time: float) -> Array:
        return brownian.mean_of(cost, time, drift, deviation**2, START)

    return jnp.mean(jnp.stack([at(STEP * n) for n in range(1, STEPS + 1)]))


@float64
def _exact() -> tuple[float, np.ndarray]:
    here = _system()
    value, slope = jax.jit(jax.value_and_grad(lambda x: _mean_cost(here, x)))(jnp.asarray(AT))
    return float(value), np.asarray(slope)


def case(scale: int = 1) -> Case:
    """Return the case: users of figure 11, [0, 200] in ten exact steps from the stationary mean."""
    here = _system()
    spec = here.kernel.spec

    def path(point: Any, key: Key) -> Any:
        params = replace(here.params, users=_users(here, point[1]))
        policy = Constant(jnp.stack([jnp.asarray(FIRST), point[0]]))
        return rollout(here.kernel, policy, params, key, steps=STEPS)[1]["cost"]

    def weighted(point: Any, key: Key) -> Sample:
        """Return the path as it is, with the likelihood of its increments as a function of the drift.

        Given a step's increment its running minimum does not depend on the drift (a Brownian bridge).
        """
        value = path(jnp.stack([point[0], lax.stop_gradient(point[1])]), key)
        drift, deviation = (
            x[0, 0] for x in pair_coefficients(spec.market, spec.covariance, _users(here, point[1]))
        )
        policy = Constant(jnp.ones(2))
        shocks = jax.vmap(lambda n: here.kernel.draw(key.at(n), spec, policy).pieces[0].workload)(
            jnp.arange(STEPS)
        )
        spread = deviation * STEP**0.5
        increments = lax.stop_gradient(drift * STEP + spread * parts_of(shocks)[0])
        return Sample(value, jnp.sum(-(((increments - drift * STEP) / spread) ** 2) / 2))

    n = 4000 * scale
    methods = {
        "exact law of the workload": Method(Exact(), known(lambda point: _mean_cost(here, point))),
        "pathwise": Method(Pathwise(n), path),
        "common random numbers": Method(CommonNumbers(jnp.array([0.05, 0.05]), n), path),
        "SPSA": Method(SPSA(0.05, 2 * n), path),
        "score of the increments, no baseline": Method(Score(n, "none"), weighted),
        "score of the increments, leave-one-out": Method(Score(n), weighted),
    }
    title = "mean cost over [0, 200] at constant prices (2, P_2), in P_2 = 1 and theta_1 = -1"
    return Case(title, AT, _exact, methods, "Dai (2024), equation (5.11)")
