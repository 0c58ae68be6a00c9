"""Firing laws r_s(Γ): the rate at which a set Γ of actors makes one action fire.

Every law takes speeds ``[actors, ...]`` and memberships ``[actors, actions, ...]`` (1 where the actor is
assigned to the action) and returns one rate per action ``[actions, ...]``; the trailing axes are the states,
or nothing. An action to which nobody is assigned does not fire: r(∅) = 0. The leaves of a law carry the
states in front when they are stored in a model (see `jaxsim.models.actors.model`) and at the back when they
are used (`trailing`).
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array
from jaxsim.core.validation import non_negative, require


@runtime_checkable
class FiringLaw(Protocol):
    """What every law offers; laws are pytrees, so their numbers can be differentiated and vmapped."""

    def rates(self, speeds: Array, members: Array) -> Array:
        """Rate multiplier r(Γ_k) of every action k, ``[actions, ...]``."""
        ...

    def bound(self, speeds: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """An upper bound of Σ_k r(Γ_k) ν_k over all assignments, ``[states]``, from ``[states, ...]``."""
        ...

    def broadcast(self, states: int, actors: int, actions: int) -> FiringLaw:
        """The same law with its numbers checked and repeated for every state."""
        ...


def _spread(field: str, value: Any, states: int, shape: tuple[int, ...]) -> np.ndarray:
    array = non_negative(field, value)
    if array.ndim == len(shape):
        array = array[None]
    fits = array.ndim == len(shape) + 1 and array.shape[0] in (1, states) and array.shape[1:] == shape
    require(fits, field, array.shape, "has the wrong shape", f"give {shape} or (states, *{shape})")
    return np.array(np.broadcast_to(array, (states, *shape)))


@pytree
class Additive:
    """r(Γ) = Σ_{i in Γ} μ_i, the multiplicative rates of section 2 (Ahn, Righter 2005)."""

    def rates(self, speeds: Array, members: Array) -> Array:
        """Summed speeds."""
        return jnp.sum(speeds[:, None] * members, axis=0)

    def bound(self, speeds: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Σ_i μ_i max_k ν_k."""
        return speeds.sum(1) * rates.max(1)

    def broadcast(self, states: int, actors: int, actions: int) -> Additive:
        """Nothing to repeat."""
        return self


@pytree
class PowerSpeed:
    """r(Γ) = ρ(Σ_{i in Γ} μ_i) with ρ(x) = x^p, p > 0: convex for p >= 1 (Corollary 3.4), concave for p <=
    1.
    """

    exponent: Any

    def rates(self, speeds: Array, members: Array) -> Array:
        """Power of the summed speed; 0 (with zero derivative) for the empty set."""
        total = jnp.sum(speeds[:, None] * members, axis=0)
        some = total > 0
        return jnp.where(some, jnp.where(some, total, 1.0) ** self.exponent, 0.0)

    def bound(self, speeds: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """ρ(Σ μ) where ρ is superadditive (p >= 1), Σ ρ(μ_i) where it is subadditive."""
        power = np.reshape(np.asarray(self.exponent), (-1,))
        together = speeds.sum(1) ** power
        apart = np.sum(np.where(speeds > 0, np.maximum(speeds, 1e-300) ** power[:, None], 0.0), axis=1)
        return np.maximum(together, apart) * rates.max(1)

    def broadcast(self, states: int, actors: int, actions: int) -> PowerSpeed:
        """One exponent per state."""
        exponent = _spread("exponent", self.exponent, states, ())
        require(bool(np.all(exponent > 0)), "exponent", exponent, "must be positive", "give a number above 0")
        return PowerSpeed(exponent)


@pytree
class HeadCount:
    """r(Γ) = ρ(|Γ|) from a table ρ(0) = 0, ρ(1), ..., ρ(actors), increasing (Corollary 3.5 when concave).

    ρ acts on the head count here and on the summed speed in `PowerSpeed` (Corollary 3.4).
    """

    table: Any

    def rates(self, speeds: Array, members: Array) -> Array:
        """Σ_n ρ(n) 1{|Γ_k| = n}; actors without speed do not count."""
        heads = jnp.sum(jnp.where(speeds[:, None] > 0, members, 0), axis=0)
        table = jnp.asarray(self.table)
        out = jnp.zeros_like(heads)
        for n in range(1, table.shape[0]):
            out = out + jnp.where(heads == n, table[n], 0.0)
        return out

    def bound(self, speeds: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """N max_n ρ(n)/n max_k ν_k."""
        table = np.asarray(self.table)
        n = np.arange(1, table.shape[1])
        return speeds.shape[1] * np.max(table[:, 1:] / n, axis=1) * rates.max(1)

    def broadcast(self, states: int, actors: int, actions: int) -> HeadCount:
        """One table per state."""
        table = _spread("table", self.table, states, (actors + 1,))
        require(
            bool(np.all(table[:, 0] == 0)), "table", table[0], "rho(0) must be 0", "start the table with 0"
        )
        rising = bool(np.all(np.diff(table, axis=1) >= 0))
        require(rising, "table", table[0], "is not increasing", "give rates that grow with the head count")
        return HeadCount(table)


@pytree
class Affinity:
    """r_k(Γ) = Σ_{i in Γ} w_ik: the speed depends on actor and action, so the rates are not multiplicative.

    The case of Andradottir, Ayhan and Down (2001) in which the key assumption of section 4 fails; no
    corollary applies and solvers maximize over all joint assignments.
    """

    weights: Any

    def rates(self, speeds: Array, members: Array) -> Array:
        """Summed weights of the working actors; ``speeds`` multiply them (1 when they are plain rates)."""
        return jnp.sum(speeds[:, None] * members * jnp.asarray(self.weights), axis=0)

    def bound(self, speeds: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Σ_i μ_i max_k w_ik ν_k."""
        weights = np.asarray(self.weights)
        return np.sum(speeds * np.max(weights * rates[:, None, :], axis=2), axis=1)

    def broadcast(self, states: int, actors: int, actions: int) -> Affinity:
        """One matrix per state."""
        return Affinity(_spread("weights", self.weights, states, (actors, actions)))


@pytree
class Subsets:
    """r(Γ) from a table over subsets: entry Σ_{i in Γ} 2^i; entry 0, the empty set, is 0 (section 3.3)."""

    table: Any

    def rates(self, speeds: Array, members: Array) -> Array:
        """Look up every action's set of actors (actors without speed do not count)."""
        present = jnp.where(speeds[:, None] > 0, members, 0)
        weights = 2 ** jnp.arange(present.shape[0])
        code = jnp.sum(present * weights.reshape(-1, *([1] * (present.ndim - 1))), axis=0)
        table = jnp.asarray(self.table)
        out = jnp.zeros(code.shape, table.dtype)
        for gamma in range(1, table.shape[0]):
            out = out + jnp.where(code == gamma, table[gamma], 0.0)
        return out

    def bound(self, speeds: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """min(actors, actions) max_Γ r(Γ) max_k ν_k."""
        blocks = min(speeds.shape[1], rates.shape[1])
        return blocks * np.max(np.asarray(self.table), axis=1) * rates.max(1)

    def broadcast(self, states: int, actors: int, actions: int) -> Subsets:
        """One table per state."""
        table = _spread("table", self.table, states, (2**actors,))
        require(
            bool(np.all(table[:, 0] == 0)), "table", table[0], "r of the empty set must be 0", "start with 0"
        )
        return Subsets(table)


def trailing(tree: Any) -> Any:
    """Move the states of every leaf from the first axis to the last: vectors over states in the inner
    loops.
    """
    return jax.tree.map(lambda leaf: jnp.moveaxis(jnp.asarray(leaf), 0, -1), tree)
