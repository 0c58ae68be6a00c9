"""Policies of the diffusion: which pair is served, which queues hold the workload, and at which prices.

The order inside a step: with the prices P of the step before and the workload W, the pair of least minimal
dual cost is selected (ties to the first); its queues are the Pareto point Q = q*(P, W); then prices follow,
P' = p(Q, W), kept within the market's bounds. At the Pareto point kappa(Q, W) of (5.7) equals the ratio of
the price powers that made it (p_1^2 / p_2^3) identically, so prices move only through the bounds and when
the system empties, where kappa is 0/0: then they go to the lower bounds (``reset``) or stay (``hold``).
The lagged orders, in which kappa is taken at the queues of the step before, do move them; they are for
markets with upper bounds.

Source: Dai (2024), equations (5.8), (5.10), (5.12), (5.19) to (5.23).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np

from jaxsim.core import samplers
from jaxsim.core.tree import pytree, static
from jaxsim.core.types import Array, Float, Int
from jaxsim.models.pricing import closed_form
from jaxsim.models.pricing.closed_form import Kind, Reading
from jaxsim.models.pricing.market import Action, AtEmpty, Observation, Order, Terms, Vector, where

ROUNDING = 4e-6


def slopes(terms: Terms, prices: Vector) -> list[Any]:
    """Return the slope of every user's dual cost."""
    m = terms.market
    return [
        closed_form.slope(*args, m.reading)
        for args in zip(m.kinds, prices, terms.mu, terms.rate, strict=True)
    ]


def pair_queues(terms: Terms, slope: list[Any], pair: tuple[int, int], w: Array) -> tuple[Vector, Any]:
    """Return the queues at the Pareto point of a pair, 0 for the others, and the pair's cost."""
    k, l = pair  # noqa: E741
    kinds = terms.market.kinds
    x, y = closed_form.split((kinds[k], kinds[l]), slope[k], slope[l], w)
    cost = closed_form.cost_of(kinds[k], slope[k], x) + closed_form.cost_of(kinds[l], slope[l], y)
    held = {k: terms.mu[k] * x, l: terms.mu[l] * y}
    zero = jnp.zeros_like(x)
    return tuple(held.get(j, zero) for j in range(len(kinds))), cost


def cheapest(terms: Terms, prices: Vector, w: Array) -> tuple[Vector, Int[Array, ""] | int]:
    """Return the queues of the pair of least minimal dual cost and its number (Stage 0: (5.13), (5.19)).

    Ties go to the first pair, costs within rounding being a tie: {1, 2} and {2, 3} tie where p_1 = p_3. The
    saddle point of (5.13) as printed is unbounded below; selecting the least minimal cost, as (5.19)
    does, is what it is meant to define.
    """
    slope = slopes(terms, prices)
    pairs = terms.market.coalitions
    queues, least = pair_queues(terms, slope, pairs[0], w)
    chosen: Any = 0
    for number, pair in enumerate(pairs[1:], start=1):
        other, cost = pair_queues(terms, slope, pair, w)
        better = cost < least * (1.0 - ROUNDING)
        queues, least = where(better, other, queues), jnp.where(better, cost, least)
        chosen = jnp.where(better, number, chosen)
    return queues, chosen


def ratio_of_powers(kinds: tuple[Kind, Kind], p: Array, q: Array, reading: Reading) -> Array:
    """Return kappa as the prices have it: p_k^2 / p_l^3 for (log, delay); literally one power less."""
    less = 1 if reading == "literal" else 0
    first, second = ((2 if kind == "log" else 3) - less for kind in kinds)
    return p**first / q**second


def prices_of(kinds: tuple[Kind, Kind], kappa: Array, varpi: Any, reading: Reading) -> tuple[Array, Array]:
    """Return the pair's prices for a kappa; `ratio_of_powers` of them is kappa again where varpi = 1.

    (log, delay): kappa^2 and kappa, (5.8); (log, log): varpi kappa and varpi sqrt(kappa), (5.21). In the
    literal reading kappa^3 and kappa; varpi kappa^2 and varpi kappa.
    """
    literal = reading == "literal"
    if kinds == ("delay", "log"):
        p, q = prices_of(("log", "delay"), 1.0 / kappa, varpi, reading)
        return q, p
    if kinds == ("log", "delay"):
        return (kappa**3 if literal else kappa**2), kappa
    if kinds == ("log", "log"):
        return (varpi * kappa * kappa, varpi * kappa) if literal else (varpi * kappa, varpi * jnp.sqrt(kappa))
    root = jnp.sqrt(kappa) if literal else jnp.cbrt(kappa)
    return varpi * root * root, varpi * root


def clipped(terms: Terms, prices: Vector) -> Vector:
    """Return prices within the market's bounds."""
    bounds = zip(prices, terms.lower, terms.upper, strict=True)
    return tuple(jnp.minimum(jnp.maximum(p, low), high) for p, low, high in bounds)


def settled(before: Vector, after: Vector) -> Vector:
    """Return the new prices, but the old ones where they differ by rounding only.

    Where kappa is an identity prices would otherwise wander, and ties between pairs break by accident.
    """
    pairs = zip(before, after, strict=True)
    return tuple(jnp.where(jnp.abs(new - old) <= ROUNDING * old, old, new) for old, new in pairs)


def follow(terms: Terms, prices: Vector, chosen: Any, varpi: Any, queues: Vector | None, w: Any) -> Vector:
    """Return p(Q, W) of (5.21) for the selected pair; the other users' prices stay.

    Args:
        prices: P of the step before. chosen: number of the pair.
        queues, w: the queue of the pair's first user and the workload at which kappa is taken; queues None
            takes kappa at the Pareto point, where it is a ratio of powers of the prices.
    """
    m = terms.market
    result = prices
    for number, (k, l) in enumerate(m.coalitions):  # noqa: E741
        kinds = (m.kinds[k], m.kinds[l])
        if queues is None:
            kappa = ratio_of_powers(kinds, prices[k], prices[l], m.reading)
        else:
            x = queues[k] / terms.mu[k]
            held = x > 0
            safe = jnp.where(held, x, 1.0)
            mu, c = (terms.mu[k], terms.mu[l]), (terms.rate[k], terms.rate[l])
            kappa = closed_form.price_ratio(kinds, safe, w - safe, mu, c)
            good = held & (kappa > 0)
            before = ratio_of_powers(kinds, prices[k], prices[l], m.reading)
            kappa = jnp.where(good, kappa, before)
        first, second = prices_of(kinds, kappa, varpi, m.reading)
        moved = tuple(first if j == k else second if j == l else prices[j] for j in range(m.users))
        moved = settled(prices, clipped(terms, moved))
        result = moved if len(m.coalitions) == 1 else where(chosen == number, moved, result)
    return result


class Rules:
    """What the kernel must know of a policy before it runs; derive your own policies from it.

    dimension: ``workload``, or ``queues`` for a policy with a reflection ``matrix`` of its own.
    random: whether it reads random words. keeps_prices, keeps_queues: what it must see again next step.
    """

    dimension: ClassVar[str] = "workload"
    random: ClassVar[bool] = False
    keeps_prices: ClassVar[bool] = True

    @property
    def keeps_queues(self) -> bool:
        """Whether the queues at the end of the last step are needed."""
        return self.dimension == "queues"


@pytree
class Game(Rules):
    """The paper's policy: Stage 0 selects a pair, its queues are the Pareto point, prices follow the queues.

    varpi: the factor of (5.21) for two users of kind ``log``.
    at_empty: ``reset`` sends prices to the lower bounds whenever the system empties, ``hold`` leaves them.
    order: ``same`` (Q from the old prices, then prices from Q); ``prices_first`` (prices from the old queues
        and the new workload, then queues from them); ``queues_first`` (queues from the old prices; prices
        from the old queues and the new workload).
    """

    varpi: Float[Array, ""]
    at_empty: AtEmpty = static("reset")
    order: Order = static("same")

    @property
    def keeps_queues(self) -> bool:
        """Whether kappa is taken at the queues of the step before."""
        return self.order != "same"

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return queues and prices at the end of a step."""
        prices = o.prices
        if self.at_empty == "reset":
            prices = where(o.emptied, o.terms.lower, prices)
        if self.order == "prices_first":
            _, before = cheapest(o.terms, prices, o.workload)
            prices = follow(o.terms, prices, before, self.varpi, o.queues, o.workload)
        queues, chosen = cheapest(o.terms, prices, o.workload)
        if self.order == "prices_first":
            after = prices
        else:
            old = o.queues if self.order == "queues_first" else None
            after = follow(o.terms, prices, chosen, self.varpi, old, o.workload)
        if self.order == "queues_first" and self.at_empty == "reset":
            after = where(o.emptied, o.terms.lower, after)
        return Action(queues, after, after, chosen)


@pytree
class Constant(Rules):
    """Prices that never move; the pair and its queues are those of least cost (the comparison of (5.11))."""

    prices: Float[Array, " users"]
    keeps_prices: ClassVar[bool] = False

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return the Pareto point at the constant prices."""
        prices = tuple(self.prices)
        queues, chosen = cheapest(o.terms, prices, o.workload)
        return Action(queues, prices, (), chosen)


@pytree
class Arbitrary(Rules):
    """The arbitrary pricing (5.12): P_j = lower_j + a_j / (b_j + sqrt(Q_j)), Q being the game's queues.

    game: whose queues are priced. gain, offset: a_j and b_j; for two users (20, 30) and (0.05, 0.1).
    """

    game: Game
    gain: Float[Array, " users"]
    offset: Float[Array, " users"]

    @property
    def keeps_queues(self) -> bool:
        """Whether the game needs the queues of the last step."""
        return self.game.keeps_queues

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return the game's queues at these prices."""
        action = self.game(words, o)
        charged = []
        for j, queue in enumerate(action.queues):
            # The square root has no derivative at 0; an empty queue is charged the limit.
            held = queue > 0
            root = jnp.where(held, jnp.sqrt(jnp.where(held, queue, 1.0)), 0.0)
            charged.append(o.terms.lower[j] + self.gain[j] / (self.offset[j] + root))
        return Action(action.queues, tuple(charged), action.memory, action.coalition)


@pytree
class StochasticPooling(Rules):
    """A pair drawn afresh at every step (5.23); its queues are its Pareto point.

    pricing: ``dynamic`` moves the pair's prices as the game does; ``constant`` leaves them at the first ones.
    """

    game: Game
    pricing: Literal["dynamic", "constant"] = static("dynamic")
    random: ClassVar[bool] = True

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return the Pareto point of a random pair."""
        terms, pairs = o.terms, o.terms.market.coalitions
        prices = o.prices
        if self.pricing == "dynamic" and self.game.at_empty == "reset":
            prices = where(o.emptied, terms.lower, prices)
        chosen: Any = samplers.index(words[0], len(pairs))
        slope = slopes(terms, prices)
        queues, _ = pair_queues(terms, slope, pairs[0], o.workload)
        for number, pair in enumerate(pairs[1:], start=1):
            queues = where(chosen == number, pair_queues(terms, slope, pair, o.workload)[0], queues)
        if self.pricing == "dynamic":
            prices = follow(terms, prices, chosen, self.game.varpi, None, o.workload)
        return Action(queues, prices, prices, chosen)


@pytree
class TwoDimensional(Rules):
    """The 2D-queue: constant prices, and queues that are an obliquely reflected diffusion of their own.

    matrix: R in the units of queues. With one-user capacities c_1^2 = c_2^1 = 1500 and rho = (1000, 1000) an
    empty queue 2 leaves user 1 a rate of 1500: R = [[1, -1], [-1/4, 1]] for mu = (1/10, 1/20).
    """

    prices: Float[Array, " users"]
    matrix: Float[Array, "users users"]
    dimension: ClassVar[str] = "queues"
    keeps_prices: ClassVar[bool] = False

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return the reflected queues at the constant prices."""
        return Action(o.queues, tuple(self.prices), (), 0)


def one_user_reflection(mu: np.ndarray, rate: np.ndarray, alone: np.ndarray) -> np.ndarray:
    """Return R of two queues: while user k is idle user j is served at ``alone[j]`` instead of ``rate[j]``.

    A unit of push on queue k is mu_k / rate_k of idle time per unit of rate, in which queue j loses
    mu_j (alone_j - rate_j) packets more: R_jk = -(mu_j / mu_k) (alone_j - rate_j) / rate_k.
    """
    gain = (alone - rate)[:, None] / rate[None, :] * mu[:, None] / mu[None, :]
    return np.where(np.eye(2) > 0, 1.0, -gain)
