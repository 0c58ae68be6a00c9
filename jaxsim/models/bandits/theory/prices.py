"""What capacity is worth at each time: rents, the Lagrange multiplier, and the value they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxsim.core import validation
from jaxsim.core.types import Float
from jaxsim.models.bandits.theory.continuous import continuous_envelope, reward_curve
from jaxsim.models.bandits.theory.deterministic import deterministic_index
from jaxsim.models.bandits.theory.inputs import Numbers


class Prices(NamedTuple):
    """Times, the rent max Z-bar then, the multiplier then, and the optimal value of the whole horizon."""

    times: Float[np.ndarray, " times"]
    rents: Float[np.ndarray, " times"]
    multipliers: Float[np.ndarray, " times"]
    value: float


def capacity_prices(sequences: Sequence[Numbers], discount: Numbers) -> Prices:
    """Rent and Lagrange multiplier of one pipe in discrete time, t = 1, ..., T = number of packets.

    The index rule sends packets in the order of their envelopes; the rent at t is nu*(t), the t-th largest
    of all Z-bar >= 0. The multiplier of sum_i dx^i(t) <= 1 is what one more slot at t is worth: every later
    packet moves up, so

        lambda(t) = sum_{s >= t} (beta^s - beta^{s+1}) nu*(s),     value = sum_t beta^t nu*(t).

    The rent itself is not the multiplier (the text identifies the two). Packets with a negative envelope
    are not sent: the pipe may stay idle.
    Source: Ishikida (1992), section 6.2.4, corrected as above.
    """
    beta = float(validation.probability("discount", discount))
    rents = np.sort(np.concatenate([deterministic_index(z, beta).envelope for z in sequences]))[::-1]
    rents = np.maximum(rents, 0)
    times = np.arange(1, len(rents) + 1, dtype=float)
    weight = beta**times
    multipliers = np.cumsum(((1 - beta) * weight * rents)[::-1])[::-1]
    return Prices(times, rents, multipliers, float(weight @ rents))


def continuous_prices(
    loads: Numbers, rewards: Sequence[Numbers], *,
    discount_rate: float, capacity: float = 1.0, cells: int = 2000,
) -> Prices:  # fmt: skip
    """Rent and Lagrange multiplier of the capacity in continuous time, and the optimal value.

    The index rule serves load in the order of the envelopes, so with all users' load cut in cells and the
    cells sorted by Z-bar, the rent over time is read off, and

        lambda(t) = alpha int_t^inf e^{-alpha (s - t)} rent(s) ds
        value = M int_0^inf e^{-alpha t} rent(t) dt.

    The text states lambda(t) = rent(t); that is the rent which a user pays, not the multiplier in (6.14):
    one more unit of capacity at t also brings all later service forward, whence the average of later rents.

    loads (knots,) common to all users, rewards: one vector per user (`continuous_index`); rewards stay
    constant after the last knot, and nobody whose envelope is below the largest last one is served any more.
    ``cells`` per user; the envelope is taken in the middle of each, an error of second order in their width.
    Source: Ishikida (1992), equations (6.14) to (6.16), corrected as above.
    """
    alpha = float(validation.positive("discount_rate", discount_rate))
    pace = float(validation.positive("capacity", capacity))
    last_load = float(reward_curve(loads, rewards[0]).loads[-1])
    validation.require(
        last_load > 0, "loads", loads, "hold nothing but 0", "give a load up to which Z varies"
    )
    grid = np.linspace(0, last_load, validation.integer("cells", cells, low=1) + 1)
    points = np.append((grid[1:] + grid[:-1]) / 2, last_load)
    curves = np.stack(
        [continuous_envelope(loads, r, discount_rate=alpha, capacity=pace, at=points) for r in rewards]
    )
    last = curves[:, -1].max()
    levels = np.sort(curves[:, :-1][curves[:, :-1] > last])[::-1]
    times = np.arange(len(levels) + 1) * (grid[1] / pace)
    decay = np.append(np.exp(-alpha * times), 0.0)
    rents = np.append(levels, last)
    # alpha int e^{-alpha s} rent(s) ds over each cell, the last of which never ends
    mass = rents * -np.diff(decay)
    tail = np.cumsum(mass[::-1])[::-1]
    return Prices(times, rents, tail / decay[:-1], float(pace / alpha * tail[0]))
