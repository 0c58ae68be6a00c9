"""The test classes of chapters 2 to 5 and the dimensions that the theorems state for them.

Each function returns a `TestClass` at one point; `table` computes all of them beside the theorems' numbers.
The classes with a discrete outcome (ordering, matching) have their crossing condition checked on pairs of
environments.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array, Whole
from jaxsim.core.validation import integer, require
from jaxsim.models.mechanisms.framework import (
    Mechanism,
    TestClass,
    dimensions,
    uniqueness_holds,
)
from jaxsim.models.mechanisms.matching import best_value


def separable(divisions: int, kinds: int, *, level: bool = False) -> TestClass:
    """Chapter 2: u_j(y) = sum_i 2 alpha_i^j sqrt(y_i), message (p, y) in R^{K(N+1)}.

    Whole class: (alpha^1, ..., alpha^N, b), of dimension K(N+1). Level set of the equal allocation: all
    alpha^j equal and b = N, of dimension K.
    """
    n, k = divisions, kinds

    def division(j: int) -> Any:
        def verify(m: Array, alpha: Array) -> Array:
            return alpha / jnp.sqrt(m[k * (1 + j) : k * (2 + j)]) - m[:k]

        return verify

    resources = lambda m, b: jnp.sum(m[k:].reshape(n, k), axis=0) - b  # noqa: E731
    mechanism = Mechanism((*(division(j) for j in range(n)), resources), lambda m: m[k:])
    if level:
        alpha = 1 + 0.3 * np.arange(k)
        return TestClass(
            mechanism, lambda t: (*(t for _ in range(n)), jnp.full(k, float(n))), alpha,
            np.concatenate([alpha, np.ones(n * k)]),
        )  # fmt: skip
    alpha = 1 + 0.1 * np.arange(n * k).reshape(n, k)
    supplies = 1 + 0.2 * np.arange(k)
    prices = np.sqrt(np.sum(alpha**2, axis=0) / supplies)
    return TestClass(
        mechanism, lambda t: (*t[: n * k].reshape(n, k), t[n * k :]),
        np.concatenate([alpha.ravel(), supplies]),
        np.concatenate([prices, ((alpha / prices) ** 2).ravel()]),
    )  # fmt: skip


def exchange(consumers: int, kinds: int) -> TestClass:
    """Section 2.2.2: no trade between equal consumers, u = sum_k sqrt(x_k) + y; class z in R^K of endowments.

    Message (p, trades of goods); the numeraire paid follows from the budget.
    """
    n, k = consumers, kinds

    def consumer(j: int) -> Any:
        return lambda m, z: 0.5 / jnp.sqrt(z + m[k * (1 + j) : k * (2 + j)]) - m[:k]

    balance = lambda m, _: jnp.sum(m[k:].reshape(n, k), axis=0)  # noqa: E731  anybody can check it
    mechanism = Mechanism((*(consumer(j) for j in range(n)), balance), lambda m: m[k:])
    z = 1 + 0.3 * np.arange(k)
    return TestClass(
        mechanism, lambda t: (*(t for _ in range(n)), jnp.zeros(0)), z,
        np.concatenate([0.5 / np.sqrt(z), np.zeros(n * k)]),
    )  # fmt: skip


def convex(divisions: int, kinds: int) -> TestClass:
    """Section 3.1.3: profits 2 sqrt(x), consumption A^j x; the class (A, b) around groups that share one
    unit each.

    Corrected from the printed Lemma 3.1.2: a group of s divisions has the multiplier sqrt(s), not 1/sqrt(s).
    """
    n, k = divisions, kinds
    sizes = np.array([n // k + (i < n % k) for i in range(k)])
    uses = np.repeat(np.eye(k), sizes, axis=0)

    def division(j: int) -> Any:
        def verify(m: Array, uses: Array) -> Array:
            return m[k * (1 + j) : k * (2 + j)] - uses / (m[:k] @ uses) ** 2

        return verify

    resources = lambda m, b: jnp.sum(m[k:].reshape(n, k), axis=0) - b  # noqa: E731
    mechanism = Mechanism((*(division(j) for j in range(n)), resources), lambda m: m[k:])
    allocation = uses / np.repeat(sizes, sizes)[:, None]
    return TestClass(
        mechanism, lambda t: (*t[: n * k].reshape(n, k), t[n * k :]),
        np.concatenate([uses.ravel(), np.ones(k)]),
        np.concatenate([np.sqrt(sizes), allocation.ravel()]),
    )  # fmt: skip


def linear(kinds: int, *, level: bool = False) -> TestClass:
    """Section 3.2: K divisions with one activity each, rewards 1, around A = I, b = 1; message (p, K
    bundles).

    Whole class (A, b) of dimension K(K+1). Level set of x = 1: A = diag(a), b = a, of dimension K. The
    indicator is constant near the point.
    """
    k = kinds

    def division(j: int) -> Any:
        def verify(m: Array, uses: Array) -> Array:
            bundle, level = m[k * (1 + j) : k * (2 + j)], m[k * (1 + k) + j]
            return jnp.append(bundle - uses * level, m[:k] @ uses - 1)

        return verify

    # the goal is activity levels; a division derives its own from its bundle, so they need not be announced
    resources = lambda m, b: jnp.sum(m[k : k * (1 + k)].reshape(k, k), axis=0) - b  # noqa: E731
    mechanism = Mechanism((*(division(j) for j in range(k)), resources), lambda m: m[k * (1 + k) :])
    if level:
        start = 1 + 0.1 * np.arange(k)
        message = np.concatenate([1 / start, np.diag(start).ravel(), np.ones(k)])
        return TestClass(mechanism, lambda t: (*jnp.diag(t), t), start, message, announced=k * (k + 1))
    uses = np.eye(k) + 0.05 / (1 + np.arange(k)[:, None] + np.arange(k))
    supplies = np.ones(k)
    x = np.linalg.solve(uses.T, supplies)
    prices = np.linalg.solve(uses, np.ones(k))
    return TestClass(
        mechanism, lambda t: (*t[: k * k].reshape(k, k), t[k * k :]),
        np.concatenate([uses.ravel(), supplies]),
        np.concatenate([prices, (uses * x[:, None]).ravel(), x]), announced=k * (k + 1),
    )  # fmt: skip


def joint_cost(*, level: bool = False) -> TestClass:
    """Section 3.3: two divisions with a joint cost; class (z_1, z_2, w, b), of dimension 4, and level set
    (z, w) of 2.

    The message announces lambda, both parts k_1, k_2 of the social cost, and x_1, x_2: five numbers, since
    nobody can verify the sum k_1 + k_2 alone. Four is the lower bound of the theorem and the rank found on
    its class. The level set needs z >= 3^{1/4} w^2 for a nonnegative price (the printed class omits that).
    """

    def division(j: int) -> Any:
        def verify(m: Array, own: Array) -> Array:
            z, w = own
            return jnp.stack([z / jnp.sqrt(m[3 + j]) - m[0] - w * (m[1] + m[2]), m[1 + j] - w * m[3 + j]])

        return verify

    resources = lambda m, b: m[3] + m[4] - b  # noqa: E731
    mechanism = Mechanism((division(0), division(1), resources), lambda m: m[3:])
    if level:
        z, w = 2.0, 0.6
        x = np.array([1, 2]) / np.sqrt(3)
        price = z / np.sqrt(x[0]) - w * w * np.sqrt(3)
        environments: Any = lambda t: (t, jnp.stack([jnp.sqrt(2.0) * t[0], t[1]]), jnp.sqrt(3.0))  # noqa: E731
        return TestClass(mechanism, environments, np.array([z, w]), np.array([price, *(w * x), *x]))
    z, w, b = np.array([1.2, 1.6]), 0.5, 0.4
    x = b * z**2 / np.sum(z**2)
    price = z[0] / np.sqrt(x[0]) - w * w * b
    environments = lambda t: (t[jnp.array([0, 2])], t[jnp.array([1, 2])], t[3])  # noqa: E731
    return TestClass(mechanism, environments, np.array([*z, w, b]), np.array([price, *(w * x), *x]))


def spot(consumers: int) -> TestClass:
    """Section 4.3.2, one contingency: logarithmic utilities with weights w_j, supply S; message (lambda,
    z).
    """
    n = consumers
    one = lambda j: lambda m, w: w / (1 + m[1 + j]) - m[0]  # noqa: E731
    mechanism = Mechanism((*(one(j) for j in range(n)), lambda m, s: jnp.sum(m[1:]) - s), lambda m: m[1:])
    weights, supply = 2 + 0.1 * np.arange(n), float(n)
    price = np.sum(weights) / (supply + n)
    return TestClass(
        mechanism, lambda t: tuple(t), np.array([*weights, supply]), np.array([price, *(weights / price - 1)])
    )


def forecast(contingencies: int, consumers: int = 2) -> TestClass:
    """Section 4.4.3: the level set of (x*, z*), parameters (a, q): message (q_1..q_{K-1}, p) in R^{2K-1}.

    At the common solution u'(s_k) = a_k, l'(z_k) = q_k for k < K and l'(z_K) = -sum_{i<K} q_i^2 / q_K,
    where the consumer's q is part of her own loss function, so lambda_k = a_k + q_k (the printed a_k + a_k
    is a misprint).
    """
    k = contingencies

    def consumer(m: Array, own: Array) -> Array:
        a, q = own[:k], own[k:]
        last = 1 - jnp.sum(q)
        loss = jnp.concatenate([q, -jnp.sum(q**2)[None] / last])
        announced = jnp.concatenate([m[: k - 1], 1 - jnp.sum(m[: k - 1])[None]])
        return jnp.concatenate([a + loss - m[k - 1 :], (announced @ loss)[None]])

    supplier = lambda m, q: m[: k - 1] - q  # noqa: E731
    # the plan (x*, z*) is the same for all messages of the level set
    mechanism = Mechanism((*(consumer for _ in range(consumers)), supplier), lambda m: 0 * m[:1])
    q = np.arange(k, 0, -1) / (k * (k + 1) / 2)
    a = 1.5 / q[-1] + 0.1 * np.arange(k, 0, -1)
    prices = a + np.append(q[:-1], -np.sum(q[:-1] ** 2) / q[-1])
    return TestClass(
        mechanism, lambda t: (*(t for _ in range(consumers)), t[k:]), np.concatenate([a, q[:-1]]),
        np.concatenate([q[:-1], prices]),
    )  # fmt: skip


def ordering(people: int) -> TestClass:
    """Section 5.2.3: ordering N numbers; the class z_1, z_1, z_2, z_2, ... and the message of floor(N/2)
    bids.

    The second of each pair states the bid (equality); the first only compares, which adds no equation on
    this class.
    """
    half = people // 2
    one = lambda i: lambda m, e: m[i // 2] - e if i % 2 else 0 * e  # noqa: E731
    last: Any = (lambda m, e: 0 * e,) if people % 2 else ()
    mechanism = Mechanism((*(one(i) for i in range(2 * half)), *last), lambda m: 0 * m[:1])
    start = 1 + np.arange(half, dtype=float)
    environments: Any = lambda t: (*jnp.repeat(t, 2), *((jnp.asarray(100.0),) if people % 2 else ()))  # noqa: E731
    return TestClass(mechanism, environments, start, start)


def matching(frames: int) -> TestClass:
    """Section 5.3.3: matching with N = T + 1 users of equal values v; every frame's price is v(t).

    The assigned user t and the unassigned user pin lambda(t) from both sides: v(t) - lambda(t) >= 0 >= v(t)
    - lambda(t).
    """
    assigned = lambda t: lambda m, v: v[t] - m[t]  # noqa: E731
    mechanism = Mechanism((*(assigned(t) for t in range(frames)), lambda m, v: v - m), lambda m: 0 * m[:1])
    start = 1 + np.arange(frames, dtype=float)
    return TestClass(mechanism, lambda t: tuple(t for _ in range(frames + 1)), start, start)


def ordering_is_unique(people: int, rng: np.random.Generator) -> bool:
    """Check the crossing condition of Lemma 5.2.1 on a random pair of environments (order = the identity)."""
    pair = [np.repeat(np.sort(rng.random(people // 2)), 2) for _ in range(2)]
    pair = [np.append(e, 2.0) if people % 2 else e for e in pair]
    return uniqueness_holds(pair[0], pair[1], lambda e: bool(np.all(np.diff(e) >= 0)))


def matching_is_unique(frames: int, rng: np.random.Generator) -> bool:
    """Check the crossing condition of Proposition 5.3.1 on a random pair (user t sends in frame t)."""

    def optimal(values: np.ndarray) -> bool:
        return float(np.trace(values[:frames])) >= best_value(values) - 1e-9

    pair = [np.tile(rng.random(frames), (frames + 1, 1)) for _ in range(2)]
    return uniqueness_holds(pair[0], pair[1], optimal)


class Row(NamedTuple):
    """One theorem: its number beside the rank of the test class (message and crossing)."""

    case: str
    theorem: int
    size: int
    message: int
    unique: bool
    announced: int


def table(*, divisions: Whole = 4, kinds: Whole = 2, contingencies: Whole = 3) -> list[Row]:
    """Return every theorem of chapters 2 to 5 with the dimensions computed on its test class.

    ``theorem`` is the stated minimum, ``size`` the dimension of the class, ``message`` the rank of the
    equilibrium messages on it, ``unique`` whether its crossing condition holds (for the discrete outcomes:
    on 10 random pairs), ``announced`` how many numbers the mechanism at hand announces.
    """
    n, k = integer("divisions", divisions, low=1), integer("kinds", kinds, low=1)
    c = integer("contingencies", contingencies, low=2)
    require(n >= k, "divisions", n, "is below kinds", "give at least as many divisions as resources")
    cases = (
        ("separable concave program, K(N+1)", k * (n + 1), separable(n, k)),
        ("separable concave program, level set, K", k, separable(n, k, level=True)),
        ("pure exchange, level set, K", k, exchange(n, k)),
        ("linear consumption, K(N+1)", k * (n + 1), convex(n, k)),
        ("linear program, K(K+1)", k * (k + 1), linear(k)),
        ("linear program, level set, K", k, linear(k, level=True)),
        ("non-separable example, 4", 4, joint_cost()),
        ("non-separable example, level set, 2", 2, joint_cost(level=True)),
        ("spot pricing, N+1 per contingency", n + 1, spot(n)),
        ("price forecast, level set, 2K-1", 2 * c - 1, forecast(c)),
        ("ordering of N numbers, level set, floor(N/2)", n // 2, ordering(n)),
        ("matching, level set, T", n, matching(n)),
    )
    rows, rng = [], np.random.default_rng(0)
    for case, theorem, family in cases:
        found = dimensions(family)
        unique = found.unique
        if case.startswith("ordering"):
            unique = all(ordering_is_unique(n, rng) for _ in range(10))
        if case.startswith("matching"):
            unique = all(matching_is_unique(min(n, 3), rng) for _ in range(10))
        rows.append(
            Row(case, theorem, found.size, found.message, unique, family.announced or len(family.message))
        )
    return rows
