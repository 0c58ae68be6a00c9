"""Join the shortest queue with fresh information: the limit of short delays, exactly on small cycles.

As the delay tends to 0 every packet sees the queues of its moment, and the arrival regime, which changes once
an epoch, averages out: packets come at rate lambda = sum_r pi_r lambda_r with pi the regimes' stationary law.
What is left is one Markov chain on all queue lengths, (B + 1)^N states. Uniformized at rate
Lambda = N (lambda + mu), with p(k) its law after k events from empty and l(k) the chance that an event is a
lost packet under p(k), the expected drops in [0, T] are

    sum over k of l(k) P(Poisson(Lambda T) > k).

Source: Winston (1977) for JSQ; Jensen (1953) for uniformization; Tahir, Cui, Koeppl (2023), section 2.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jaxsim.core.validation import distribution, integer, non_negative, positive, require
from jaxsim.models.balancing.theory import RATES, SWITCH

MOST_STATES = 1 << 16


def stationary(switch: np.ndarray) -> np.ndarray:
    """Return the stationary law of the regimes."""
    count = switch.shape[0]
    system = np.vstack([switch.T - np.eye(count), np.ones(count)])
    return np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0]


def fresh_jsq(
    *, nodes: Any = 4, buffer: Any = 5, service_rate: Any = 1.0, arrival_rates: Any = RATES,
    switch: Any = SWITCH, horizon: Any = 50.0,
) -> dict[str, float]:  # fmt: skip
    """Return the drops per queue of JSQ on a cycle over the horizon, from empty, as the delay tends to 0.

    Args:
        nodes: N >= 3 queues; buffer: B places each; (B + 1)^N is at most 65 536.
        service_rate: of each server; arrival_rates: per scheduler, one per regime; switch: between epochs.
        horizon: T.

    Raises:
        InvalidInput: naming the field.
    """
    n, places = integer("nodes", nodes, low=3, high=16), integer("buffer", buffer, low=1)
    states = (places + 1) ** n
    remedy = "take fewer nodes or smaller buffers"
    require(states <= MOST_STATES, "nodes", n, f"makes {states} states of all queues", remedy)
    rates = np.atleast_1d(non_negative("arrival_rates", arrival_rates))
    moves = distribution("switch", switch) if rates.size > 1 else np.ones((1, 1))
    rate, mu = float(stationary(moves) @ rates), float(positive("service_rate", service_rate))
    every = n * (rate + mu)
    source, target, chance, lost = _events(n, places, rate / every, mu / every)
    law, drops = np.zeros(states), 0.0
    law[0] = 1.0
    for reached in _later_than(every * float(positive("horizon", horizon))):
        drops += reached * float(lost @ law)
        law = np.bincount(target, chance * law[source], minlength=states)
    return {"drops_per_node": drops / n, "arrival_rate": rate}


def _events(n: int, places: int, arrive: float, leave: float) -> tuple[np.ndarray, ...]:
    """Return the moves (source, target, chance) of an event, and the chance of a loss in each state."""
    number = np.arange((places + 1) ** n)
    stride = (places + 1) ** np.arange(n)
    queues = number[:, None] // stride % (places + 1)
    moves, lost = [], np.zeros(number.size)
    for i in range(n):
        around = np.array([i, (i - 1) % n, (i + 1) % n])
        shortest = queues[:, around] == queues[:, around].min(axis=1, keepdims=True)
        for slot, j in enumerate(around):
            share = arrive * shortest[:, slot] / shortest.sum(axis=1)
            full = queues[:, j] == places
            lost += np.where(full, share, 0.0)
            moves.append((number, np.where(full, number, number + stride[j]), share))
        busy = queues[:, i] > 0
        moves.append((number, np.where(busy, number - stride[i], number), np.full(number.size, leave)))
    source, target, chance = (np.concatenate(part) for part in zip(*moves, strict=True))
    return source, target, chance, lost


def _later_than(mean: float) -> list[float]:
    """Return P(Poisson(mean) > k) for k = 0, 1, .. beyond which it is below 1e-12."""
    counts = range(math.ceil(mean + 9.0 * math.sqrt(mean) + 30.0))
    chance = np.exp([k * math.log(mean) - mean - math.lgamma(k + 1) for k in counts])
    return (np.cumsum(chance[::-1])[::-1] - chance).tolist()
