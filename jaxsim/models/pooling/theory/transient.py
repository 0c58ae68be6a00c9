"""What one server holds on average over its first events: the oracle of finite-horizon gradients.

The chain of `chain` at event times: each of its events (a job with probability lambda / (lambda + mu), else a
unit of capacity) moves the law of (queue, tokens) by flows between neighbours.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array, Float, Real
from jaxsim.models.pooling.theory.chain import threshold_rules
from jaxsim.models.pooling.theory.fluid import on_piece

ROWS = 120


def start_law(arrival: Real, token_cap: int) -> Float[Array, "queues tokens"]:
    """Return the initial law of `kernel.init` (mu = 1), cut at queue ROWS - 1."""
    broke = 1 / (1 + token_cap * (1 - arrival))
    queue = (1 - arrival) * arrival ** jnp.arange(ROWS) * broke
    some = jnp.zeros((ROWS, token_cap)).at[0].set((1 - broke) / token_cap)
    return jnp.concatenate([queue[:, None], some], axis=1)


def mean_queue(arrival: Real, phi: Real, start: Float[Array, "queues tokens"], k: int, steps: int) -> Array:
    """Return the mean over the first ``steps`` events of E q, with the policy of piece k >= 1 of phi.

    Differentiable in arrival and phi (mu = 1). Longer queues than the table's are lost: their mass is of
    order lambda^ROWS.
    """
    rows, columns = start.shape
    rules = threshold_rules(*on_piece(arrival, phi, k), columns - 1, rows)
    queue, tokens = jnp.arange(rows)[:, None], jnp.arange(columns)[None, :]
    total = 1 + arrival
    sends = arrival * rules.request * (tokens > 0) / total
    keeps = arrival / total - sends
    serves = rules.serve * (queue > 0) / total
    earns = phi * rules.offer * (tokens < columns - 1) / total

    def one(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        law, held = carry
        sent, kept, served, earned = (law * rate for rate in (sends, keeps, serves, earns))
        law = law - sent - kept - served - earned
        law = law.at[:, :-1].add(sent[:, 1:]).at[:, 1:].add(earned[:, :-1])
        law = law.at[1:].add(kept[:-1]).at[:-1].add(served[1:])
        return law, held + jnp.sum(law * queue)

    return lax.fori_loop(0, steps, one, (start, jnp.zeros((), start.dtype)))[1] / steps


@functools.partial(jax.jit, static_argnames=("k", "steps"))
def slope(arrival: Real, phi: Real, start: Float[Array, "queues tokens"], k: int, steps: int) -> tuple:
    """Return `mean_queue` and its derivative in phi."""
    return jax.jvp(lambda x: mean_queue(arrival, x, start, k, steps), (phi,), (jnp.ones_like(phi),))
