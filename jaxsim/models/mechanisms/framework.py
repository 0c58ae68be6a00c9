"""Mechanisms in verification form: who may see what, which messages are agreed, how many dimensions that
takes.

    message m in M;   participant j agrees iff  g_j(m, e_j) = 0;   outcome h(m).

Privacy holds by construction: `Mechanism.residuals` hands participant j nothing but the message and e_j
(equation (2.1): the equilibrium correspondence is an intersection of private ones). Dimensions are those of
smooth test classes theta -> (e_1, e_2, ...), computed from the Jacobians of the verification functions at
an equilibrium.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array

Verify = Callable[[Array, Any], Array]
Outcome = Callable[[Array], Array]


@dataclass(frozen=True)
class Mechanism:
    """A message space R^n (continuous part), one verification function per participant, and an outcome
    function.
    """

    verify: tuple[Verify, ...]
    outcome: Outcome

    def residuals(self, message: Array, environments: Sequence[Any]) -> tuple[Array, ...]:
        """Return g_j(m, e_j) for every participant; each function receives its own environment only."""
        pairs = zip(self.verify, environments, strict=True)
        return tuple(jnp.atleast_1d(verify(message, own)) for verify, own in pairs)

    def agreed(self, message: Array, environments: Sequence[Any], tolerance: float = 1e-9) -> bool:
        """Return whether every participant agrees to the message, up to a tolerance on the residuals."""
        return all(bool(jnp.all(jnp.abs(r) <= tolerance)) for r in self.residuals(message, environments))


@dataclass(frozen=True)
class TestClass:
    """A smooth family of environments around one point: theta [d], its environments, and an equilibrium
    there.
    """

    __test__ = False  # not a test, whatever its name says

    mechanism: Mechanism
    environments: Callable[[Array], Sequence[Any]]
    theta: np.ndarray
    message: np.ndarray
    announced: int | None = None
    """How many numbers are announced where the message also holds what participants could derive
    themselves.
    """


class Dimensions(NamedTuple):
    """Ranks at one point of a test class.

    size: dimension of the test class. message: rank of dm/dtheta, the dimension of the set of equilibrium
    messages. crossing: rank of the crossing condition to first order. unique: the uniqueness property, so
    that every mechanism with the same goal needs at least ``size`` dimensions: either ``crossing`` equals
    ``size``, or every direction that first order leaves undecided was refuted by a crossed environment at a
    finite distance. outcome: rank of dh/dtheta; 0 on a level set. agreement: the largest verification
    residual at the point.
    """

    size: int
    message: int
    crossing: int
    unique: bool
    outcome: int
    agreement: float


@float64
def dimensions(family: TestClass, *, tolerance: float = 1e-9) -> Dimensions:
    """Compute the dimensions that a test class forces on messages.

        g(m, e(theta)) = 0   =>   dm/dtheta = -(dg/dm)^+ dg/dtheta;

    crossing condition to first order: a direction delta leaves the outcome a optimal in all crossed
    environments (only e_j moves) iff for every j some dm with dh/dm dm = 0 has dg/dm dm + dg_j/dtheta delta
    = 0. The rank returned is that of the map from delta to the parts outside that range; full rank implies
    the uniqueness property (2.4). Where it is not full (the proofs for the joint cost and the forecast are
    of second order), finite steps are tested. Ranks count singular values above ``tolerance`` times the
    largest one (of at least 1). Source: Ishikida (1992), Lemma 2.1.1, Corollary 2.2.1, Proposition 2.1.1.
    """
    theta, message = jnp.asarray(family.theta), jnp.asarray(family.message)

    def parts(m: Array, t: Array) -> tuple[Array, ...]:
        return family.mechanism.residuals(m, family.environments(t))

    @jax.jit
    def slopes(m: Array, t: Array) -> tuple[Any, Any, Any, Any]:
        return (
            parts(m, t),
            jax.jacfwd(parts)(m, t),
            jax.jacfwd(parts, 1)(m, t),
            jax.jacfwd(family.mechanism.outcome)(m),
        )

    value, by_message, by_theta, outcome = jax.device_get(slopes(message, theta))
    jacobian = np.concatenate(by_message)
    moved = -np.linalg.pinv(jacobian, rcond=tolerance) @ np.concatenate(by_theta)
    outcome = np.reshape(outcome, (-1, len(message)))
    keep = _null(outcome, tolerance)
    reach = jacobian @ keep
    outside = np.eye(len(jacobian)) - reach @ np.linalg.pinv(reach, rcond=tolerance)
    starts = np.cumsum([0] + [len(block) for block in by_theta])
    crossed = []
    for start, block in zip(starts, by_theta, strict=False):
        alone = np.zeros((len(jacobian), len(theta)))
        alone[start : start + len(block)] = block
        crossed.append(outside @ alone)
    worst = max(float(np.max(np.abs(block))) for block in value)
    rank = lambda a: _rank(a, tolerance)  # noqa: E731
    undecided = _null(np.concatenate(crossed), tolerance)
    unique = _refuted(family, undecided, keep)
    return Dimensions(
        len(theta), rank(moved), len(theta) - undecided.shape[1], unique, rank(outcome @ moved), worst
    )


def _refuted(family: TestClass, directions: np.ndarray, keep: np.ndarray) -> bool:
    """Return whether crossed environments reject the outcome along every undecided direction, at finite
    distances.

    For 40 steps theta' = theta + h (direction), |h| = 0.05 and 0.2, both ways of crossing, the best message
    with the same outcome is found by Gauss-Newton; the step is refuted when some crossing leaves a residual
    above 1e-7.
    """
    if directions.shape[1] == 0:
        return True
    people = len(family.mechanism.verify)
    free = jnp.asarray(keep)

    @jax.jit
    def leftover(theta: Array, other: Array, own: Array) -> Array:
        pairs = zip(family.environments(theta), family.environments(other), strict=True)
        mixed = [jnp.where(own[j], b, a) for j, (a, b) in enumerate(pairs)]
        gap = lambda s: jnp.concatenate(family.mechanism.residuals(family.message + free @ s, mixed))  # noqa: E731
        closer = lambda _, s: s - jnp.linalg.pinv(jax.jacfwd(gap)(s), rtol=1e-9) @ gap(s)  # noqa: E731
        return jnp.max(jnp.abs(gap(lax.fori_loop(0, 8, closer, jnp.zeros(free.shape[1])))))

    rng = np.random.default_rng(0)
    start = jnp.asarray(family.theta)
    for number in range(40):
        way = directions @ rng.normal(size=directions.shape[1])
        other = start + (0.05 if number % 2 else 0.2) * jnp.asarray(way / np.linalg.norm(way))
        mask = np.eye(people, dtype=bool)
        ways = [leftover(start, other, jnp.asarray(m)) for one in mask for m in (one, ~one)]
        if max(float(w) for w in ways) <= 1e-7:
            return False
    return True


def _rank(matrix: np.ndarray, tolerance: float) -> int:
    values = np.linalg.svd(matrix, compute_uv=False)
    return int(np.sum(values > tolerance * max(1.0, float(np.max(values, initial=0.0)))))


def _null(matrix: np.ndarray, tolerance: float) -> np.ndarray:
    """Return an orthonormal basis of the null space, as columns."""
    _, values, right = np.linalg.svd(matrix)
    rank = int(np.sum(values > tolerance * max(1.0, float(np.max(values, initial=0.0)))))
    return right[rank:].T


def crossed(first: np.ndarray, second: np.ndarray, participant: int) -> np.ndarray:
    """Return the environments (one row per participant) of ``first`` with one participant's row from
    ``second``.
    """
    mixed = np.array(first, copy=True)
    mixed[participant] = second[participant]
    return mixed


def uniqueness_holds(
    first: np.ndarray, second: np.ndarray, optimal: Callable[[np.ndarray], bool], *, tolerance: float = 1e-12
) -> bool:
    """Check the uniqueness property on one pair of environments of a level set with a discrete outcome.

    True unless the outcome is optimal in ``first``, ``second`` and in every environment crossed from the
    two while they differ. Uses the strong form (crossings both ways), as section 5.3.3 does.
    """
    if np.max(np.abs(first - second)) <= tolerance:
        return True
    people = range(len(first))
    mixed = [crossed(a, b, j) for a, b in ((first, second), (second, first)) for j in people]
    return not all(optimal(e) for e in (first, second, *mixed))
