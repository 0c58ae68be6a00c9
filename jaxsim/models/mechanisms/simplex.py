"""The simplex method on a dense tableau: basic optimal solutions, dual prices, and certificates.

    maximize c'x  subject to  A x <= b,  x >= 0.

A basic solution is what the linear-programming variant of the price mechanism announces: at most K columns
are positive, so at most K participants receive a bundle. An interior-point method would return the centre
of the optimal face instead.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxsim.core.types import Array, Float, Int
from jaxsim.models.mechanisms.status import INFEASIBLE, NOT_CONVERGED, SOLVED, UNBOUNDED


class LinearSolution(NamedTuple):
    """Activities [M], dual prices [K], value, status code and pivots; numbers are NaN unless SOLVED."""

    activities: Array
    prices: Array
    value: Array
    status: Array
    pivots: Array


class _Tableau(NamedTuple):
    rows: Array  # [K + 1, M + K + 2]: constraints, then reduced costs; x, slacks, artificial, right side
    basis: Array  # [K] the column that is basic in each row
    pivots: Array
    state: Array  # 0 running, 1 optimal, 2 unbounded ray


def _pivot(rows: Array, basis: Array, row: Array, column: Array) -> tuple[Array, Array]:
    """Make ``column`` basic in ``row``."""
    chosen = rows[row] / rows[row, column]
    reduced = rows - rows[:, column][:, None] * chosen[None, :]
    return reduced.at[row].set(chosen), basis.at[row].set(column.astype(basis.dtype))


def _iterate(tableau: _Tableau, allowed: Array, limit: int, tolerance: float) -> _Tableau:
    """Pivot until optimal, unbounded or at the limit: the largest reduced cost first, Bland's rule when it
    drags.

    Bland's rule (lowest column, lowest basic variable among ties) cannot cycle; the switch comes after half
    of the pivots allowed.
    """

    def body(tableau: _Tableau) -> _Tableau:
        costs = jnp.where(allowed, tableau.rows[-1, :-1], 0)
        bland = tableau.pivots * 2 > limit
        column = jnp.where(bland, jnp.argmax(costs > tolerance), jnp.argmax(costs))
        entry, right = tableau.rows[:-1, column], tableau.rows[:-1, -1]
        ratio = jnp.where(entry > tolerance, right / jnp.where(entry > tolerance, entry, 1), jnp.inf)
        tied = ratio <= jnp.min(ratio) * (1 + 1e-12)
        # ties: the lowest basic index under Bland's rule, the largest pivot element (stable) otherwise
        rank = jnp.where(bland, -tableau.basis.astype(entry.dtype), entry)
        row = jnp.argmax(jnp.where(tied, rank, -jnp.inf))
        optimal, ray = jnp.max(costs) <= tolerance, jnp.all(jnp.isinf(ratio))
        rows, basis = _pivot(tableau.rows, tableau.basis, row, column)
        stop = optimal | ray
        state = jnp.where(optimal, 1, jnp.where(ray, 2, 0)).astype(jnp.int32)
        return _Tableau(
            jnp.where(stop, tableau.rows, rows), jnp.where(stop, tableau.basis, basis),
            tableau.pivots + (~stop).astype(jnp.int32), state,
        )  # fmt: skip

    return lax.while_loop(lambda t: (t.state == 0) & (t.pivots < limit), body, tableau)


def simplex(
    objective: Float[Array, " M"],
    consumption: Float[Array, "K M"],
    supplies: Float[Array, " K"],
    *,
    tolerance: float | None = None,
    limit: int | None = None,
) -> LinearSolution:
    """Solve max c'x, A x <= b, x >= 0 by the two-phase simplex method.

    Phase one (only where some supply is negative) minimizes one artificial column that relaxes every row.
    Returns a basic solution with the prices of the same basis: A'p >= c, p >= 0, and complementary
    slackness hold to rounding. Degenerate and repeated optima give one of them. Pure: may be vmapped and
    jitted. Reports INFEASIBLE, UNBOUNDED, or NOT_CONVERGED at the limit of pivots (default 50 (K + M)),
    with NaN for the numbers.
    """
    rows_n, columns = consumption.shape
    kind = jnp.result_type(objective, consumption, supplies)
    tolerance = tolerance or 100.0 * float(jnp.finfo(kind).eps)
    limit = limit or 50 * (rows_n + columns)
    total = columns + rows_n
    body = jnp.concatenate(
        [consumption, jnp.eye(rows_n, dtype=kind), -jnp.ones((rows_n, 1), kind), supplies[:, None]], axis=1
    )
    basis = jnp.arange(columns, total, dtype=jnp.int32)
    worst = jnp.argmin(supplies)
    lack = supplies[worst] < 0
    # phase one: maximize -artificial; its reduced costs start at -1 on the artificial column
    one = jnp.concatenate([body, jnp.zeros((1, total + 2), kind).at[0, total].set(-1)])
    entered, entered_basis = _pivot(one, basis, worst, jnp.asarray(total))
    one, basis = jnp.where(lack, entered, one), jnp.where(lack, entered_basis, basis)
    zero = jnp.zeros((), jnp.int32)
    first = _iterate(_Tableau(one, basis, zero, zero), jnp.ones(total + 1, bool), limit, tolerance)
    rows, basis, left_over = _drop_artificial(first.rows, first.basis, total)
    feasible = left_over <= 1e3 * tolerance * (1 + jnp.max(jnp.abs(supplies)))
    costs = jnp.concatenate([objective.astype(kind), jnp.zeros(rows_n + 2, kind)])
    costs = costs - costs[basis] @ rows[:-1]
    allowed = jnp.arange(total + 1) < total
    start = _Tableau(
        rows.at[-1].set(costs), basis, zero, jnp.where(feasible & (first.state == 1), 0, 1).astype(jnp.int32)
    )
    last = _iterate(start, allowed, limit, tolerance)
    return _read(last, first.state == 1, feasible, columns)


def _drop_artificial(rows: Array, basis: Array, artificial: int) -> tuple[Array, Array, Array]:
    """Return the tableau with the artificial column out of the basis (a degenerate pivot), and its last
    value.
    """
    at = jnp.argmax(basis == artificial)
    inside = jnp.any(basis == artificial)
    value = jnp.where(inside, rows[at, -1], 0)
    column = jnp.argmax(jnp.abs(rows[at, :artificial]))
    out_rows, out_basis = _pivot(rows, basis, at, column)
    return jnp.where(inside, out_rows, rows), jnp.where(inside, out_basis, basis), value


def _read(last: _Tableau, finished: Array, feasible: Array, columns: int) -> LinearSolution:
    """Read activities, prices and status off the final tableau."""
    width = last.rows.shape[1]
    right = last.rows[:-1, -1]
    everything = jnp.zeros(width - 1, right.dtype).at[last.basis].set(right)
    ended = jnp.where(last.state == 1, SOLVED, jnp.where(last.state == 2, UNBOUNDED, NOT_CONVERGED))
    status = jnp.where(finished, jnp.where(feasible, ended, INFEASIBLE), NOT_CONVERGED).astype(jnp.int32)
    hide = lambda x: jnp.where(status == SOLVED, x, jnp.nan)  # noqa: E731
    prices = 0 - last.rows[-1, columns : width - 2]
    return LinearSolution(
        hide(everything[:columns]), hide(prices), hide(-last.rows[-1, -1]), status, last.pivots
    )


def basic_columns(solution: LinearSolution, tolerance: float = 0.0) -> Int[Array, " K"]:
    """Return the indices of the (at most K) positive activities, padded with -1."""
    count = solution.prices.shape[0]
    return jnp.nonzero(solution.activities > tolerance, size=count, fill_value=-1)[0]
