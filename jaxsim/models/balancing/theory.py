"""What is known exactly, or to a stated approximation: constant rates, limits, and mean-field laws.

Everything runs in 64 bits. Time is cut in epochs; drops are per queue over ``horizon``, from empty queues,
for ceil(horizon / delay) whole epochs scaled by horizon / (epochs * delay), as the simulator reports them.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Float
from jaxsim.core.validation import distribution, integer, non_negative, positive, require, scalar

SWITCH = ((0.8, 0.2), (0.5, 0.5))
RATES = (0.9, 0.6)

MOST_EPOCHS, LARGEST_BUFFER = 1 << 24, 1000


def generator(
    arrival: Float[Array, "*n"], service: Float[Array, "*n"], buffer: int
) -> Float[Array, "*n states states"]:
    """Return the generator of M/M/1/B with a last row and column that count expected drops.

    Q[z, z+1] = arrival for z < B, Q[z, z-1] = service for z > 0, and Q[B, B+1] = arrival as a reward; the
    last column of exp(Q t) holds the expected number of drops in [0, t] from each state.

    Source: Tahir, Cui, Koeppl (2023), Appendix A; corrected: births and deaths are transposed there, and the
    exponential lacks the delay.
    """
    states = buffer + 1
    up, down = np.eye(states + 1, k=1), np.eye(states + 1, k=-1)
    up[buffer, states] = 0.0
    down[states, buffer] = 0.0
    lost = np.zeros((states + 1, states + 1))
    lost[buffer, states] = 1.0
    move = arrival[..., None, None] * up + service[..., None, None] * down
    return move - jnp.sum(move, axis=-1)[..., None] * np.eye(states + 1) + arrival[..., None, None] * lost


def epoch_law(
    arrival: Float[Array, "*n"], service: Float[Array, "*n"], buffer: int, delay: Float[Array, ""] | float
) -> tuple[Float[Array, "*n states states"], Float[Array, "*n states"]]:
    """Return P[start, end] and the expected drops from each start of one epoch at constant rates."""
    whole = jax.scipy.linalg.expm(generator(arrival, service, buffer) * delay)
    return whole[..., :-1, :-1], whole[..., :-1, -1]


def epochs_of(horizon: float, delay: float) -> tuple[int, float]:
    """Return the number of whole epochs that cover the horizon, and the factor that scales to it."""
    count = max(1, math.ceil(horizon / delay - 1e-9))
    require(
        count <= MOST_EPOCHS, "horizon", horizon, f"takes {count} epochs", "shorten it, or lengthen delay"
    )
    return count, horizon / (count * delay)


@float64
def constant_rates(
    *,
    relative: Any = (1.0,),
    weights: Any = None,
    delay: float = 5.0,
    buffer: int = 5,
    service_rate: float = 1.0,
    arrival_rates: Any = RATES,
    switch: Any = SWITCH,
    start: Any = None,
    horizon: float = 50.0,
) -> dict[str, float]:
    """Return exact expected drops of queues whose relative arrival rates never change.

    That is the own-queue policy (relative rate 1), and random routing with the relative rates of
    `jaxsim.models.balancing.model.fair_rates` weighted by how many nodes have them. With V_r(z) the chance
    of regime r and state z at an epoch's start, V'_s = sum_r V_r P_r switch[r, s] and the epoch's expected
    drops are sum V_r(z) D_r(z).

    Raises:
        InvalidInput: naming the field.
    """
    rates = np.atleast_1d(non_negative("arrival_rates", arrival_rates))
    one = rates.ndim == 1 and rates.size > 0
    require(one, "arrival_rates", arrival_rates, "is not a list of rates", "give 0.9,0.6")
    shares = np.atleast_1d(non_negative("relative", relative))
    weight = np.ones(shares.size) / shares.size if weights is None else distribution("weights", weights)
    moves = distribution("switch", switch) if rates.size > 1 else np.ones((1, 1))
    first = np.full(rates.size, 1 / rates.size) if start is None else distribution("start", start)
    buffer, delay = integer("buffer", buffer, low=1, high=LARGEST_BUFFER), scalar("delay", delay, positive)
    count, scale = epochs_of(scalar("horizon", horizon, positive), delay)
    mu = scalar("service_rate", service_rate, positive)
    arrival = shares[:, None] * rates
    law, drops = epoch_law(jnp.asarray(arrival), jnp.full(arrival.shape, mu), buffer, delay)

    def epoch(mass: Array, _: None) -> tuple[Array, Array]:
        lost = jnp.sum(mass * drops, axis=(1, 2))
        return jnp.einsum("krz,krze,rs->kse", mass, law, jnp.asarray(moves)), lost

    begin = jnp.zeros((shares.size, rates.size, buffer + 1)).at[:, :, 0].set(jnp.asarray(first))
    end, lost = lax.scan(epoch, begin, None, length=count)
    per_class = np.asarray(jnp.sum(lost, axis=0)) * scale
    queue = np.asarray(jnp.einsum("krz,z->k", end, jnp.arange(buffer + 1.0)))
    return {"drops_per_node": float(weight @ per_class), "last_queue": float(weight @ queue)}


def loss_probability(load: float, buffer: int) -> float:
    """Return the chance that a stationary M/M/1/B loses a packet: r^B / (1 + r + .. + r^B)."""
    powers = [load**k for k in range(buffer + 1)]
    return powers[-1] / sum(powers)


@float64
def stationary_drops(
    *, delay: float = 5.0, buffer: int = 5, service_rate: float = 1.0, arrival_rates: Any = RATES,
    switch: Any = SWITCH,
) -> dict[str, float]:  # fmt: skip
    """Return the long-run drops per queue and unit of time at relative rate 1, and its limit for long delays.

    As the delay grows every epoch forgets its start, so drops tend to sum_r pi_r lambda_r loss(lambda_r / mu)
    with pi the stationary law of the regimes.
    """
    rates = np.atleast_1d(non_negative("arrival_rates", arrival_rates))
    moves = distribution("switch", switch) if rates.size > 1 else np.ones((1, 1))
    mu, delay = scalar("service_rate", service_rate, positive), scalar("delay", delay, positive)
    buffer = integer("buffer", buffer, low=1)
    law, drops = epoch_law(jnp.asarray(rates), jnp.full(rates.shape, mu), buffer, delay)
    chain = np.einsum("rze,rs->rzse", np.asarray(law), moves).reshape(rates.size * (buffer + 1), -1)
    system = np.vstack([chain.T - np.eye(chain.shape[0]), np.ones(chain.shape[0])])
    mass = np.linalg.lstsq(system, np.append(np.zeros(chain.shape[0]), 1.0), rcond=None)[0]
    regimes = mass.reshape(rates.size, -1).sum(axis=1)
    limit = sum(p * r * loss_probability(r / mu, buffer) for p, r in zip(regimes, rates, strict=True))
    return {"drops_per_time": float(mass @ np.asarray(drops).ravel()) / delay, "limit": float(limit)}
