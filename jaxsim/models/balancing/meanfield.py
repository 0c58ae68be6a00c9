"""Mean-field laws of a node on an infinite cycle under a table policy: independence and pairs.

Given the regime path, let p(b, c) be the law of two adjacent queues. One epoch of a middle pair of four nodes
a, b, c, d, whose outer ones depend on the pair through their neighbour only (pair approximation),

    p'(b', c') = sum p(a|b) p(b, c) p(d|c) P[x(a, b, c)](b, b') P[x(b, c, d)](c, c'),
    x(a, b, c) = lambda delay (1 - zeta(b) + (zeta(a) + zeta(c)) / 2),

and drops sum p(a|b) p(b, c) D[x(a, b, c)](b). Under independence p(b, c) = q(b) q(c) after every
epoch. Drops of the first two epochs are exact in both; later ones err by correlations over more than one edge
(pairs: 0.1 to 0.3 % of the drops at the best tables, delays 5 to 10; measured in the tests).

Source: Gast (2015) for pair approximation; Tahir, Cui, Koeppl (2023), section 1.3 for the model.
"""

from __future__ import annotations

import itertools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float, Int
from jaxsim.core.validation import (
    choice,
    distribution,
    integer,
    non_negative,
    positive,
    probability,
    require,
    scalar,
)
from jaxsim.models.balancing.theory import RATES, SWITCH, epoch_law, epochs_of

MOST_EPOCHS = 12
"""Up to so many epochs all regime paths are enumerated; beyond, paths are sampled."""
SAMPLED_PATHS = 4000


def regime_paths(
    moves: np.ndarray, start: np.ndarray, epochs: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return regime paths (paths, epochs) and their chances: all of them, or a sample if they are many."""
    regimes = len(start)
    if regimes**epochs <= 2**MOST_EPOCHS:
        paths = np.array(list(itertools.product(range(regimes), repeat=epochs)))
        chance = start[paths[:, 0]] * np.prod(moves[paths[:, :-1], paths[:, 1:]], axis=1)
        return paths, chance
    generator = np.random.default_rng(seed)
    paths = np.zeros((SAMPLED_PATHS, epochs), int)
    paths[:, 0] = generator.choice(regimes, SAMPLED_PATHS, p=start)
    for t in range(1, epochs):
        u = generator.random(SAMPLED_PATHS)
        paths[:, t] = np.sum(u[:, None] >= np.cumsum(moves[paths[:, t - 1]], axis=1)[:, :-1], axis=1)
    return paths, np.full(SAMPLED_PATHS, 1.0 / SAMPLED_PATHS)


def _advance(
    pair: Float[Array, "states states"], law: Array, drops: Array, independent: bool
) -> tuple[Float[Array, "states states"], Float[Array, ""]]:
    """Return the pair's law after one epoch of a regime, and the expected drops of a node."""
    single = jnp.sum(pair, axis=1)
    given = pair / jnp.maximum(single, 1e-300)[None, :]  # p(a | b) = pair[a, b] / single[b]
    moved = jnp.einsum("ab,abce->bce", given, law)
    lost = jnp.einsum("ab,bc,abc->", given, pair, drops)
    after = jnp.einsum("bc,bcx,cby->xy", pair, moved, moved)
    if independent:
        alone = jnp.sum(after, axis=1)
        after = alone[:, None] * alone[None, :]
    return after, lost


@float64
def cycle_law(
    *,
    zeta: Any,
    delay: float = 5.0,
    method: Literal["pair", "independent"] = "pair",
    service_rate: float = 1.0,
    arrival_rates: Any = RATES,
    switch: Any = SWITCH,
    horizon: float = 50.0,
    seed: int = 0,
) -> dict[str, float]:
    """Return approximate drops per node on a large cycle under the table ``zeta`` (0 .. B), from empty.

    Over all regime paths if there are at most 2**12 (``standard_error`` is then 0), else over 4000 of them.

    Raises:
        InvalidInput: naming the field.
    """
    table = np.atleast_1d(probability("zeta", zeta))
    require(table.ndim == 1 and table.size >= 2, "zeta", zeta, "is not a table", "give B + 1 probabilities")
    independent = choice("method", method, ("pair", "independent")) == "independent"
    rates = np.atleast_1d(non_negative("arrival_rates", arrival_rates))
    moves = distribution("switch", switch) if rates.size > 1 else np.ones((1, 1))
    delay, mu = scalar("delay", delay, positive), scalar("service_rate", service_rate, positive)
    epochs, scale = epochs_of(scalar("horizon", horizon, positive), delay)
    start = np.full(rates.size, 1.0 / rates.size)
    paths, chance = regime_paths(moves, start, epochs, integer("seed", seed, low=0))
    relative = 1.0 - table[None, :, None] + (table[:, None, None] + table[None, None, :]) / 2
    arrival = jnp.asarray(rates[:, None, None, None] * relative)
    whole, losses = epoch_law(arrival, jnp.full(arrival.shape, mu), table.size - 1, delay)
    own = np.arange(table.size)
    law = jnp.moveaxis(whole, 2, 0)[own, :, :, :, own]  # from each b its own row: (b, r, a, c, end)
    law = jnp.moveaxis(law, 0, 2)
    drops = jnp.moveaxis(jnp.moveaxis(losses, 2, 0)[own, :, :, :, own], 0, 2)

    def one(path: Int[Array, " epochs"]) -> Float[Array, ""]:
        empty = jnp.zeros((table.size, table.size)).at[0, 0].set(1.0)
        step = lambda pair, r: _advance(pair, law[r], drops[r], independent)  # noqa: E731
        return jnp.sum(lax.scan(step, empty, path)[1])

    lost = np.asarray(jax.jit(jax.vmap(one))(jnp.asarray(paths))) * scale
    mean = float(chance @ lost)
    sampled = len(paths) == SAMPLED_PATHS
    error = float(np.std(lost, ddof=1) / np.sqrt(len(lost))) if sampled else 0.0
    return {"drops_per_node": mean, "standard_error": error}
