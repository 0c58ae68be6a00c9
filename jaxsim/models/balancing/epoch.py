"""One epoch of one queue, exactly: the joint law of its last state and its drops, and how it is sampled.

While the allocation is frozen a queue is M/M/1/B. Given that n packets arrive and m services are offered,
their order is uniform among the C(n+m, n) interleavings, so the law A of (drops, last state) obeys

    A(n, m) = [ n Up A(n-1, m) + m Down A(n, m-1) ] / (n + m),    A(0, 0) = start,

(the last event is an arrival with probability n / (n+m)), where Up adds a packet or, at z = B, a drop, and
Down takes one from a nonempty queue. Offered services are Poisson with mean mu * delay, arrivals with mean
x * delay, hence

    M(n) = sum_m Poisson(m; mu delay) A(n, m),    P(x) = sum_n Poisson(n; x delay) M(n).

Only positive terms are added, so 32 bits suffice (relative error of a few 1e-6). The sums are cut where the
Poisson tails are below 2**-26 for the rates that the Spec was sized for; `cut_mass` says what was really cut.

Source: the Kolmogorov equations of Tahir, Cui, Koeppl (2023), Appendix A, whose printed exponential lacks the
delay and has births and deaths transposed; the interleaving recursion is ours.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.types import Array, Float, Int, UInt32

TAIL = 2.0**-26


def poisson_cut(mean: float, tail: float = TAIL) -> int:
    """Return the least k with P(Poisson(mean) > k) <= tail."""
    k, term = 0, math.exp(-mean) if mean < 700 else 0.0
    if mean >= 700:
        return math.ceil(mean + 6.0 * math.sqrt(mean) + 20)
    total = term
    while 1.0 - total > tail and k < 10000:
        k += 1
        term *= mean / k
        total += term
        if term < 1e-17 and k > mean:
            break
    return k


def poisson(mean: Float[Array, "*n"], most: int) -> Float[Array, "*n counts"]:
    """Return P(Poisson(mean) = 0 .. most) by Loader's deviance form, accurate in 32 bits for any mean.

    p(n) = exp(-stirling(n) - n [-log(1 - y) - y]) / sqrt(2 pi n) with y = (n - mean) / n; p(0) = exp(-mean).
    Source: Loader (2000), "Fast and accurate computation of binomial probabilities".
    """
    n = np.arange(1, most + 1)
    stirling = np.array([math.lgamma(k + 1) - k * math.log(k) + k for k in n])
    mean = jnp.asarray(mean)[..., None]
    mean_or_tiny = jnp.maximum(mean, 1e-20)
    y = (n - mean_or_tiny) / n
    # Near the mean the logarithm is that of 1 - y, far below n it is taken of the ratio itself.
    log_ratio = jnp.where(y > 0.5, jnp.log(mean_or_tiny / n), jnp.log1p(-jnp.minimum(y, 0.5)))
    log_p = n * (log_ratio + y) - stirling
    return jnp.concatenate([jnp.exp(-mean), jnp.exp(log_p)], axis=-1)


def arrival_laws(
    services: Float[Array, ""], buffer: int, states: int, arrivals: int, offered: int, drops: int
) -> Float[Array, "counts states losses states"]:
    """Return M[n, start, d, end]: the law of drops and last state given n arrivals during an epoch.

    Args:
        services: mean number of services offered, mu * delay (traced).
        buffer: B of this queue; states above it are unreachable (their rows stay where they are).
        states: number of states of the table, at least B + 1.
        arrivals, offered, drops: where n, m and d are cut (static).
    """
    # Axes (end, start, arrivals, drops): the long ones innermost, where loops are vectorized.
    full = (np.arange(states) >= buffer)[:, None, None, None]
    weight = poisson(services, offered)
    n = jnp.arange(arrivals + 1, dtype=weight.dtype)[:, None]

    def up(law: Float[Array, "end start n d"]) -> Array:
        lost = jnp.where(full, law, 0.0)
        moved = _later(law - lost, 0)
        return moved + _later(lost, 3)

    def down(law: Float[Array, "end start n d"]) -> Array:
        return jnp.concatenate([law[:1] + law[1:2], law[2:], jnp.zeros_like(law[:1])])

    def total(k: Int[Array, ""], carry: tuple[Array, Array]) -> tuple[Array, Array]:
        law, mixed = carry  # law[..., n, :] = A(n, k - n), zero where k < n
        k = k.astype(weight.dtype)
        law = (n * _later(up(law), 2) + jnp.maximum(k - n, 0.0) * down(law)) / k
        m = k - n
        chance = jnp.where((m >= 0) & (m <= offered), weight[jnp.clip(m, 0, offered).astype(jnp.int32)], 0.0)
        return law, mixed + chance * law

    start = jnp.zeros((states, states, arrivals + 1, drops + 1), weight.dtype)
    start = start.at[:, :, 0, 0].set(jnp.eye(states, dtype=weight.dtype))
    mixed = lax.fori_loop(1, arrivals + offered + 1, total, (start, start * weight[0]))[1]
    return jnp.transpose(mixed, (2, 1, 3, 0))


def _later(law: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    """Return the law moved on by one along an axis, zero first."""
    first = lax.slice_in_dim(law, 0, 1, axis=axis)
    rest = lax.slice_in_dim(law, 0, law.shape[axis] - 1, axis=axis)
    return jnp.concatenate([jnp.zeros_like(first), rest], axis=axis)


def largest_drops(mean_arrivals: float, mean_services: float, arrivals: int) -> int:
    """Return the number of drops that an epoch exceeds with probability at most `TAIL`, for sizing tables.

    Drops of a full queue are close to the largest excess of arrivals over services so far, whose law is that
    of the excess at the end up to a factor 2 (reflection). That is a guide, not a bound: what is really
    cut is measured by `cut_mass`.
    """
    offered = poisson_cut(mean_services)
    services = np.asarray(_poisson_float64(mean_services, offered))
    below = np.cumsum(services)
    chance = np.asarray(_poisson_float64(mean_arrivals, arrivals))
    for d in range(arrivals + 1):
        n = np.arange(d + 1, arrivals + 1)
        spare = np.minimum(n - d - 1, offered)
        if float(np.sum(chance[n] * below[spare])) * 2.0 <= TAIL:
            return max(d, 1)
    return max(arrivals, 1)


def _poisson_float64(mean: float, most: int) -> list[float]:
    if mean == 0:
        return [1.0] + [0.0] * most
    return [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(most + 1)]


def mix(
    rates: Float[Array, "*rows states"], laws: Float[Array, "n states drops states"]
) -> Float[Array, "*rows states outcomes"]:
    """Return P(x) for each row's mean number of arrivals, by start state; outcomes are d * states + end."""
    arrivals, states, drops, _ = laws.shape
    chance = poisson(rates, arrivals - 1)
    flat = laws.reshape(arrivals, states, drops * states)
    return jnp.einsum("...sn,nso->...so", chance, flat, precision=lax.Precision.HIGHEST)


def cut_mass(law: Float[Array, "*rows outcomes"]) -> Float[Array, ""]:
    """Return the largest probability that the cut sums have lost in any row."""
    return jnp.max(1.0 - jnp.sum(law, axis=-1))


def inverse_poisson(mean: Float[Array, "*n"], most: int, word: UInt32[Array, "*n"]) -> Int[Array, "*n"]:
    """Sample Poisson variables cut at ``most`` by inversion of the word's upper 24 bits (mean below 80)."""
    u = (word >> np.uint32(8)).astype(jnp.float32) * np.float32(2.0**-24)

    def more(k: Int[Array, ""], carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        term, total, count = carry
        term = term * (mean / (k + 1).astype(jnp.float32))
        count = count + (u >= total).astype(jnp.int32)
        return term, total + term, count

    first = jnp.exp(-mean)
    start = (first, first, jnp.zeros(mean.shape, jnp.int32))
    return lax.fori_loop(0, most, more, start)[2]
