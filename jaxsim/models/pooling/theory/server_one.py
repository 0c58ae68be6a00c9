"""The best answer of one fully informed server to N - 1 servers that pool completely (fluid problem).

State (q1, q0): server one's own queue and the pool. One period is one event of the N servers, phi = lambda:

    p1 = (N-1) lambda / (N (1+lambda))   a job joins the pool
    p2 = (N-1) / (N (1+lambda))          a unit serves the pool; server one may then send a queued job
    p3 = lambda / (N (1+lambda))         a job comes to server one, which keeps it or sends it to the pool
    p4 = 1 / (N (1+lambda))              a unit comes to server one: serve its own queue, offer it, or idle.

A job sent to the pool is charged (q0 + 1)/N, a lower bound of its wait. Tokens must balance in the long run:
requests = phi offers. With a multiplier nu on that balance the problem is an average-cost Markov decision
problem; its value is concave and piecewise linear in nu, and its maximum over nu is the optimum.

The pool moves by one at a time, so the equations of a policy are block tridiagonal in q0 and their
off-diagonal blocks are diagonal: one small inverse per level of q0 solves them.

Source: Chen, Chen, Qian (2023), section 6.3 and Appendix D, program (76), corrected from print: it is a
minimization, p2(0, q0) = 0 stands twice, and q0 is the pool *before* the event, also for a request made
right after another server's unit served a job. That reading gives the printed gaps. The pool is then one
shorter, so the charge is not the lower bound that it is said to be; reading ``"honest"`` charges q0/N there.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Bool, Float, Int, Real, Whole
from jaxsim.core.validation import choice, integer, non_negative, numbers, require

IDLE, SERVE, OFFER = 0, 1, 2
_CLOSE = 1e-10
_Pair = tuple[Array, Array]


@pytree
class Actions:
    """A stationary policy: what to do in (q0, q1) at each kind of event.

    after_service: send a job after a unit of another server has served the pool. arrival: send the job that
    comes. unit: ``IDLE``, ``SERVE`` or ``OFFER``.
    """

    after_service: Bool[Array, "pool queue"]
    arrival: Bool[Array, "pool queue"]
    unit: Int[Array, "pool queue"]


class Evaluation(NamedTuple):
    """A policy's cost and token balance (requests - phi offers) per unit of time, and its bias values."""

    cost: Float[Array, ""]
    balance: Float[Array, ""]
    bias: Float[Array, "pool queue"]


class Game(NamedTuple):
    """The numbers of an instance: lambda, N (a float, so that instances batch), c, and the honest reading."""

    arrival: Float[Array, ""]
    servers: Float[Array, ""]
    processing_cost: Float[Array, ""]
    honest: Float[Array, ""]


def _probabilities(game: Game) -> tuple[Array, Array, Array, Array]:
    total = game.servers * (1 + game.arrival)
    others = game.servers - 1
    return others * game.arrival / total, others / total, game.arrival / total, 1 / total


def _charges(game: Game, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Return the charge of a request after a service and at an arrival, by (q0, q1)."""
    pool = jnp.broadcast_to(jnp.arange(shape[0])[:, None], shape)
    return (pool + 1 - game.honest) / game.servers, (pool + 1) / game.servers


def _local(actions: Actions, game: Game) -> tuple[Array, Array, Array]:
    """Return I - A (moves that keep q0), the moves up and the moves down, of a policy."""
    levels, width = actions.unit.shape
    p1, p2, p3, p4 = _probabilities(game)
    pool = jnp.arange(levels)[:, None]
    top, bottom = pool == levels - 1, pool == 0
    up = p1 + p3 * actions.arrival
    stay = (up * top + p2 * bottom) * jnp.ones((levels, width))
    up = up * ~top
    offer = actions.unit == OFFER
    down = (p2 * ~actions.after_service + p4 * offer) * ~bottom
    left = p2 * actions.after_service * ~bottom + p4 * (actions.unit == SERVE)
    right = p3 * ~actions.arrival
    stay = stay + p4 * (actions.unit == IDLE) + p4 * (offer & bottom)
    eye = jnp.eye(width)
    inside = (
        (1 - stay)[:, :, None] * eye
        - left[:, :, None] * jnp.eye(width, k=-1)
        - right[:, :, None] * jnp.eye(width, k=1)
    )
    return inside, up, down


def _inverse(a: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Return the inverse by Gauss-Jordan without pivots: stable for M-matrices, and it batches well."""
    n = a.shape[0]

    def one(i: Int[Array, ""], a: Array) -> Array:
        # In place: after step i, columns 0..i hold the inverse built so far.
        pivot = 1 / a[i, i]
        row = a[i].at[i].set(1.0) * pivot
        column = a[:, i].at[i].set(0.0)
        a = a.at[:, i].set(0.0).at[i].set(0.0)
        return a.at[i].set(row) - column[:, None] * row[None, :] * (jnp.arange(n) != i)[:, None]

    return lax.fori_loop(0, n, one, a, unroll=3)


def _solve(actions: Actions, game: Game, right: Float[Array, "pool queue k"]) -> Float[Array, "pool queue k"]:
    """Solve (I - P') x = right, where P' is the policy's transition matrix without moves into (0, 0)."""
    inside, up, down = _local(actions, game)
    inside = inside.at[0, :, 0].set(jnp.where(jnp.arange(inside.shape[1]) == 0, 1.0, 0.0))
    inside = inside.at[0, 1, 0].set(0.0)
    down = down.at[1, 0].set(0.0)

    def eliminate(above: _Pair, level: tuple[Array, ...]) -> tuple[_Pair, _Pair]:
        gain, offset = above
        block, up_here, down_here, r = level
        inverse = _inverse(block - up_here[:, None] * gain)
        here = inverse * down_here[None, :]
        constant = inverse @ (r + up_here[:, None] * offset)
        return (here, constant), (here, constant)

    width = right.shape[1]
    start = (jnp.zeros((width, width)), jnp.zeros((width, right.shape[2])))
    _, (gains, offsets) = lax.scan(eliminate, start, (inside, up, down, right), reverse=True)

    def substitute(x: Array, level: tuple[Array, Array]) -> tuple[Array, Array]:
        x = level[1] + level[0] @ x
        return x, x

    _, x = lax.scan(substitute, jnp.zeros_like(offsets[0]), (gains, offsets))
    return x


def evaluate(actions: Actions, game: Game, multiplier: Float[Array, ""]) -> Evaluation:
    """Return a policy's cost, balance and bias; pure and differentiable in the game's numbers."""
    levels, width = actions.unit.shape
    _, p2, p3, p4 = _probabilities(game)
    after, at = _charges(game, (levels, width))
    pool = jnp.arange(levels)[:, None]
    asks_after = p2 * actions.after_service * (pool > 0)
    asks, offers = asks_after + p3 * actions.arrival, p4 * (actions.unit == OFFER)
    total = game.servers * (1 + game.arrival)
    works = p4 * (actions.unit == SERVE) + offers * (pool > 0)
    cost = jnp.arange(width) / total + asks_after * after + p3 * actions.arrival * at
    cost = cost + game.processing_cost * works
    balance = asks - game.arrival * offers
    right = jnp.stack([cost, balance, jnp.ones_like(cost)], axis=-1)
    x = _solve(actions, game, right)
    # Expected sums until the next visit of (0, 0), divided by the expected time between visits.
    averages = x[0, 0, :2] / x[0, 0, 2]
    lagrangian = x[..., 0] + multiplier * x[..., 1]
    bias = lagrangian - (averages[0] + multiplier * averages[1]) * x[..., 2]
    return Evaluation(total * averages[0], total * averages[1], bias.at[0, 0].set(0.0))


def improve(actions: Actions, game: Game, nu: Float[Array, ""], h: Float[Array, "pool queue"]) -> Actions:
    """Return the policy that is greedy for bias values h, changing an action only for a real gain."""
    levels, width = h.shape
    pool, queue = jnp.arange(levels)[:, None], jnp.arange(width)[None, :]
    after, at = _charges(game, (levels, width))
    c, inf = game.processing_cost, jnp.inf
    lower = jnp.concatenate([h[:1], h[:-1]])
    upper = jnp.concatenate([h[1:], h[-1:]])
    shorter = jnp.concatenate([h[:, :1], h[:, :-1]], axis=1)
    longer = jnp.concatenate([h[:, 1:], h[:, -1:]], axis=1)
    ask_after = jnp.where((queue > 0) & (pool > 0), shorter + after + nu, inf)
    ask = upper + at + nu
    keep = jnp.where(queue < width - 1, longer, inf)
    serve = jnp.where(queue > 0, shorter + c, inf)
    offer = lower + c * (pool > 0) - game.arrival * nu
    uses = jnp.stack([h, serve, offer])
    current = jnp.take_along_axis(uses, actions.unit[None], axis=0)[0]
    best = jnp.argmin(uses, axis=0).astype(jnp.int32)
    margin = jnp.where(actions.after_service, lower - ask_after, ask_after - lower)
    margin_arrival = jnp.where(actions.arrival, keep - ask, ask - keep)
    return Actions(
        after_service=actions.after_service ^ (margin < -_CLOSE),
        arrival=actions.arrival ^ (margin_arrival < -_CLOSE),
        unit=jnp.where(jnp.min(uses, axis=0) < current - _CLOSE, best, actions.unit),
    )


def complete_pooling(levels: int, width: int) -> Actions:
    """Return the equilibrium policy: send every job, serve the own queue if there is one, else offer."""
    queue = jnp.broadcast_to(jnp.arange(width), (levels, width))
    sends = jnp.ones((levels, width), bool)
    return Actions(~sends, sends, jnp.where(queue > 0, SERVE, OFFER).astype(jnp.int32))


class Lagrangian(NamedTuple):
    """The problem at one multiplier: the optimal policy, its evaluation, and whether it settled."""

    actions: Actions
    evaluation: Evaluation
    settled: Bool[Array, ""]


def best_policy(game: Game, nu: Float[Array, ""], start: Actions, limit: int = 40) -> Lagrangian:
    """Return the best policy for a multiplier by policy iteration (Howard 1960) from ``start``."""

    def more(carry: tuple[Lagrangian, Actions, Int[Array, ""]]) -> Bool[Array, ""]:
        return ~carry[0].settled & (carry[2] < limit)

    def one(carry: tuple[Lagrangian, Actions, Int[Array, ""]]) -> tuple[Lagrangian, Actions, Int[Array, ""]]:
        _, actions, count = carry
        evaluation = evaluate(actions, game, nu)
        better = improve(actions, game, nu, evaluation.bias)
        same = jax.tree.map(lambda a, b: jnp.all(a == b), better, actions)
        return Lagrangian(actions, evaluation, jax.tree.reduce(jnp.logical_and, same)), better, count + 1

    zero = nu * 0
    nothing = Evaluation(zero, zero, jnp.zeros(start.unit.shape, zero.dtype))
    unsettled = Lagrangian(start, nothing, jnp.zeros((), bool))
    return lax.while_loop(more, one, (unsettled, start, jnp.int32(0)))[0]


class Optimum(NamedTuple):
    """The solution of an instance.

    value: V_OPT, cost per unit of time. multiplier: nu. below, above: the optimal policies that ask for too
    many and too few tokens; they are mixed with weight ``share`` on ``below`` so that tokens balance.
    """

    value: Float[Array, ""]
    multiplier: Float[Array, ""]
    below: Actions
    above: Actions
    share: Float[Array, ""]
    converged: Bool[Array, ""]


class _Line(NamedTuple):
    """A policy as a line in nu: cost + nu balance."""

    cost: Float[Array, ""]
    balance: Float[Array, ""]
    actions: Actions


class _Search(NamedTuple):
    below: _Line
    above: _Line
    nu: Float[Array, ""]
    step: Float[Array, ""]
    found: Bool[Array, ""]
    tries: Int[Array, ""]
    settled: Bool[Array, ""]


def _next(search: _Search, game: Game) -> _Search:
    """Evaluate the current multiplier and choose the next: where the two lines cross, or a step further."""
    start = jax.tree.map(
        lambda a, b: jnp.where(jnp.isfinite(search.below.cost), a, b),
        search.below.actions,
        search.above.actions,
    )
    best = best_policy(game, search.nu, start)
    line = _Line(best.evaluation.cost, best.evaluation.balance, best.actions)
    value = line.cost + search.nu * line.balance
    both = jnp.isfinite(search.below.cost) & jnp.isfinite(search.above.cost)
    bound = search.below.cost + search.nu * search.below.balance
    # At the crossing of two lines whose value is attained, the maximum of the concave value is found.
    found = (both & (value >= bound - 1e-12 * (1 + jnp.abs(bound)))) | (jnp.abs(line.balance) < 1e-13)
    is_below = line.balance > 0
    below = jax.tree.map(lambda a, b: jnp.where(is_below & ~found, a, b), line, search.below)
    above = jax.tree.map(lambda a, b: jnp.where(~is_below & ~found, a, b), line, search.above)
    both = jnp.isfinite(below.cost) & jnp.isfinite(above.cost)
    gap = jnp.where(both, below.balance - above.balance, 1.0)
    crossing = (above.cost - below.cost) / gap
    walk = search.nu + jnp.where(is_below, search.step, -search.step)
    nu = jnp.where(found, search.nu, jnp.where(both, crossing, walk))
    return _Search(below, above, nu, search.step * 2, found, search.tries + 1, search.settled & best.settled)


def optimum(game: Game, levels: int = 151, width: int = 15, limit: int = 60) -> Optimum:
    """Solve one instance: maximize the concave value over the multiplier by the crossing of its pieces.

    Pure: batch it with ``vmap``, run it in float64. The value's derivatives in lambda, N and c follow by
    the envelope theorem: policies, mixture and multiplier are held fixed, the mixture's cost is derived.

    Args:
        game: the instance. levels, width: states q0 = 0 .. levels - 1, q1 = 0 .. width - 1; a full own queue
            sends its job, a full pool loses arrivals. (8, 60) is too small at lambda = 0.9.
    """
    start = complete_pooling(levels, width)
    blank = _Line(jnp.asarray(jnp.nan, game.arrival.dtype), jnp.zeros_like(game.arrival), start)
    begin = game.processing_cost * 0 + 1.0
    search = _Search(blank, blank, begin, begin * 0.25, jnp.zeros((), bool), jnp.int32(0), jnp.ones((), bool))
    frozen = lax.stop_gradient(game)
    search = lax.while_loop(lambda s: ~s.found & (s.tries < limit), lambda s: _next(s, frozen), search)
    pair = jax.tree.map(lambda a, b: jnp.stack([a, b]), search.below.actions, search.above.actions)
    ends = jax.vmap(lambda actions: evaluate(actions, game, search.nu))(pair)
    gap = ends.balance[0] - ends.balance[1]
    share = lax.stop_gradient(-ends.balance[1] / jnp.where(gap > 0, gap, 1.0))
    nu = lax.stop_gradient(search.nu)
    pieces = ends.cost + nu * ends.balance
    value = share * pieces[0] + (1 - share) * pieces[1]
    converged = search.found & search.settled
    value = jnp.where(converged, value, jnp.nan)
    return Optimum(value, nu, search.below.actions, search.above.actions, share, converged)


class Solution(NamedTuple):
    """Instances solved together, each field of shape (instances,), policies with a leading instances axis."""

    optimum: Optimum
    complete_pooling: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """Return (V_CRP - V_OPT) / V_OPT."""
        value = np.asarray(self.optimum.value)
        return (self.complete_pooling - value) / value


@functools.partial(jax.jit, static_argnames=("levels", "width"))
def _optima(games: Game, levels: int, width: int) -> Optimum:
    # Nine at a time: their equations stay in cache, and a group does not wait for the slowest of all.
    return lax.map(lambda game: optimum(game, levels, width), games, batch_size=9)


@float64
def best_response_value(
    arrival_rates: Real,
    servers: Real,
    *,
    processing_cost: Real = 1.0,
    reading: str = "paper",
    longest_pool: Whole = 150,
    longest_queue: Whole = 14,
) -> Solution:
    """Solve server one's problem for pairs (lambda, N): its best cost, its policy, and the gap.

    Args:
        arrival_rates: lambda in (0, 1), of shape (instances,) or a scalar. servers: N >= 2, likewise.
        processing_cost: c >= 0.
        reading: ``"paper"`` charges (q0 + 1)/N always; ``"honest"`` charges q0/N after a service.
        longest_pool, longest_queue: where the state is truncated.

    Returns:
        The optimum per instance; NaN with ``converged`` False where an iteration limit was met.

    Raises:
        InvalidInput: if a number is out of range.
    """
    rates, counts = np.broadcast_arrays(np.atleast_1d(numbers("arrival_rates", arrival_rates)), servers)
    ok = bool(np.all((rates > 0) & (rates < 1)))
    require(ok, "arrival_rates", arrival_rates, "is out of range", "give numbers above 0 and below 1")
    counts = np.asarray([integer("servers", n, low=2) for n in counts], np.float64)
    cost = np.full(rates.shape, non_negative("processing_cost", processing_cost), np.float64)
    honest = np.full(rates.shape, float(choice("reading", reading, ("paper", "honest")) == "honest"))
    levels = integer("longest_pool", longest_pool, low=2) + 1
    width = integer("longest_queue", longest_queue, low=1) + 1
    found = _optima(Game(*map(jnp.asarray, (rates, counts, cost, honest))), levels, width)
    return Solution(found, rates * (cost + 1 / (counts * (1 - rates))))
