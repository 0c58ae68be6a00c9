"""Two users in closed form: dual costs, the Pareto point of the queues, prices and rates.

User j has the utility p_j q_j ln c_j (kind ``log``, proportionally fair) or -(p_j q_j)^2 / c_j^2 (kind
``delay``, minimal potential delay). Per unit of its workload x_j = q_j / mu_j the dual cost rises by

    log:   dC_j / dx_j = s_j x_j,     s_j = p_j^2 mu_j / c_j,
    delay: dC_j / dx_j = s_j x_j^2,   s_j = 2 p_j^3 mu_j^2 / c_j^3,

so the cheapest way for two users to hold a workload w together depends on the two slopes s alone.

Two readings of the dual cost. ``paper``: equation (5.1), an integral over the valued queue p_j q_j, used for
the figures. ``literal``: equation (3.22), an integral over the queue; it is 1/p_j times the former and the
one that the simulated queues follow in heavy traffic. In s_j it has one power of p_j less.

Everything is elementwise, in the precision of its arguments, and free of cancellation.

Source: Dai (2024), equations (3.22), (4.1), (5.1), (5.5), (5.7), (5.20), (5.22).
"""

from __future__ import annotations

from typing import Any, Literal

import jax.numpy as jnp

Kind = Literal["log", "delay"]
Reading = Literal["paper", "literal"]
Number = Any
"""A number or an array of them, of JAX or numpy; arrays are taken elementwise and may be broadcast."""


def slope(kind: Kind, price: Number, mu: Number, c: Number, reading: Reading = "paper") -> Number:
    """Return s: the dual cost of a user rises by s x (log) or s x^2 (delay) per unit of workload x.

    Args:
        kind: of the user's utility.
        price, mu, c: p > 0, 1 / mean packet length, and the service rate at which the cost is taken.
        reading: ``paper`` (5.1) or ``literal`` (3.22).
    """
    power = (2 if kind == "log" else 3) - (1 if reading == "literal" else 0)
    valued = price**power
    return valued * mu / c if kind == "log" else 2.0 * valued * (mu / c) * (mu / c) / c


def cost_of(kind: Kind, s: Number, workload: Number) -> Number:
    """Return the dual cost of a user with slope s that holds this workload: s x^2 / 2 or s x^3 / 3."""
    return s * workload**2 / 2.0 if kind == "log" else s * workload**3 / 3.0


def dual_cost(
    kind: Kind, price: Number, queue: Number, mu: Number, c: Number, reading: Reading = "paper"
) -> Number:
    """Return the dual cost C_j of a user.

    log:   p^2 q^2 / (2 mu c),  literally  p q^2 / (2 mu c);
    delay: 2 p^3 q^3 / (3 mu c^3),  literally  2 p^2 q^3 / (3 mu c^3).

    Source: Dai (2024), equation (5.1); the integral (3.22) as printed is the literal one, 1/p_j times (5.1).
    """
    return cost_of(kind, slope(kind, price, mu, c, reading), queue / mu)


def split(kinds: tuple[Kind, Kind], first: Number, second: Number, w: Number) -> tuple[Number, Number]:
    """Return the workloads (x_1, x_2), x_1 + x_2 = w, of least total dual cost.

    log, delay: s_1 x_1 = s_2 x_2^2, so with g = s_1 / s_2
        x_2 = 2 w / (1 + sqrt(1 + 4 w / g)),   x_1 = 2 w^2 / (2 w + g + sqrt(g) sqrt(g + 4 w)),
    log, log: x_1 = w s_2 / (s_1 + s_2);  delay, delay: the same with the square roots of the slopes.

    Args:
        kinds: of the two users.
        first, second: their slopes, positive (see `slope`).
        w: total workload, >= 0.

    Source: Dai (2024), equations (5.5) and (5.20); (5.5) as printed subtracts nearly equal numbers (in
    float32 nine of ten random instances err by more than 1 %), this form does not.
    """
    if kinds == ("log", "delay"):
        g = first / second
        x = 2.0 * w * w / (2.0 * w + g + jnp.sqrt(g) * jnp.sqrt(g + 4.0 * w))
        return x, 2.0 * w / (1.0 + jnp.sqrt(1.0 + 4.0 * w / g))
    if kinds == ("delay", "log"):
        y, x = split(("log", "delay"), second, first, w)
        return x, y
    if kinds == ("delay", "delay"):
        first, second = jnp.sqrt(first), jnp.sqrt(second)
    total = first + second
    return w * (second / total), w * (first / total)


def pareto_pair(
    kinds: tuple[Kind, Kind],
    prices: tuple[Number, Number],
    mu: tuple[Number, Number],
    c: tuple[Number, Number],
    w: Number,
    reading: Reading = "paper",
) -> tuple[Number, Number]:
    """Return the queues (q_1*, q_2*) of least total dual cost under q_1/mu_1 + q_2/mu_2 = w.

    Source: Dai (2024), equation (5.5) for kinds (log, delay), (5.20) for (log, log).
    """
    slopes = [slope(k, p, m, r, reading) for k, p, m, r in zip(kinds, prices, mu, c, strict=True)]
    x, y = split(kinds, slopes[0], slopes[1], w)
    return mu[0] * x, mu[1] * y


def price_ratio(
    kinds: tuple[Kind, Kind], x: Number, y: Number, mu: tuple[Number, Number], c: tuple[Number, Number]
) -> Number:
    """Return kappa, the ratio of price powers at which the workloads (x, y) are the Pareto point.

    log, delay: kappa = (2 c_1 mu_2^2 / (c_2^3 mu_1)) y^2 / x, equal to p_1^2 / p_2^3;
    log, log:   kappa = (c_1 mu_2 / (c_2 mu_1)) y / x, equal to p_1^2 / p_2^2.
    The other two orders are by symmetry; delay, delay is p_1^3 / p_2^3.
    In the literal reading it equals the same with one power of each price less.

    Source: Dai (2024), equations (5.7), (5.22); the bracket of (5.7) is (w - q_1/mu_1)^2 / q_1.
    """
    top = slope(kinds[1], 1.0, mu[1], c[1]) * (y if kinds[1] == "log" else y * y)
    low = slope(kinds[0], 1.0, mu[0], c[0]) * (x if kinds[0] == "log" else x * x)
    return top / low


def share(kinds: tuple[Kind, Kind], first: Number, second: Number, capacity: Number) -> tuple[Number, Number]:
    """Return the rates (c_1, c_2), c_1 + c_2 = capacity, of greatest total utility for valued queues v = p q.

    log, delay: v_1 / c_1 = 2 v_2^2 / c_2^3, a cubic in c_2 with one real root,
        c_2 = 2 sqrt(a/3) sinh(asinh(1.5 sqrt(3) C / sqrt(a)) / 3),  a = 2 v_2^2 / v_1;
    log, log: in proportion to v;  delay, delay: in proportion to v^(2/3).

    Args:
        kinds: of the two users.
        first, second: their valued queues, positive.
        capacity: C > 0.

    Source: Dai (2024), equation (4.1) in the game (4.2) on the face c_1 + c_2 = C.
    """
    if kinds == ("log", "delay"):
        root = second * jnp.sqrt(2.0 / first)
        y = (2.0 / 3.0**0.5) * root * jnp.sinh(jnp.arcsinh(1.5 * 3.0**0.5 * capacity / root) / 3.0)
        # c_1 = v_1 c_2^3 / (2 v_2^2) rather than C - c_2, which may cancel.
        return (y / root) * (y / root) * y, y
    if kinds == ("delay", "log"):
        y, x = share(("log", "delay"), second, first, capacity)
        return x, y
    if kinds == ("delay", "delay"):
        first, second = first ** (2.0 / 3.0), second ** (2.0 / 3.0)
    total = first + second
    return capacity * (first / total), capacity * (second / total)
