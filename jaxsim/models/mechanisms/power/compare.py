"""All schemes on the same market: welfare, revenue, consumers' surplus, message size; one market or
thousands.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array, Real, Whole
from jaxsim.core.validation import choice, distribution, integer, non_negative, positive, require
from jaxsim.models.mechanisms.power import schemes
from jaxsim.models.mechanisms.power.market import Market, QuadraticLoss
from jaxsim.models.mechanisms.power.private import contracts, menu_prices, menu_revenue
from jaxsim.models.mechanisms.power.schemes import Outcome
from jaxsim.models.mechanisms.utilities import Logarithmic, Quadratic, SquareRoot

_SCHEMES: dict[str, Callable[[Market, Outcome], Outcome]] = {
    "perfect_foresight": lambda market, _: schemes.perfect_foresight(market),
    "two_stage": lambda _, best: best,
    "price_forecast": lambda market, best: schemes.price_forecast(market, best.prices),
    "priority_service": lambda market, best: schemes.priority_service(
        market, menu_prices(market.probabilities, best.prices)
    ),
    "mean_price_then_spot": lambda market, best: schemes.mean_price_then_spot(market, best.prices),
    "predetermined_plus_spot": lambda market, _: schemes.predetermined_plus_spot(market),
    "single_price_efficient": lambda market, _: schemes.single_price(market),
    "single_price_proportional": lambda market, _: schemes.single_price(market, rationing="proportional"),
    "no_commitment": lambda market, _: schemes.no_commitment(market),
    "safe_price": lambda market, _: schemes.safe_price(market),
}

SCHEMES = tuple(_SCHEMES)
"""Every scheme, in the order in which they rank on the worked example."""


def every_scheme(market: Market) -> dict[str, Outcome]:
    """Return the outcome of every scheme on one market with deterministic demand; pure, may be vmapped."""
    best = schemes.two_stage(market)
    return {name: scheme(market, best) for name, scheme in _SCHEMES.items()}


def message_sizes(contingencies: int, consumers: int, flexible: int) -> dict[str, int]:
    """Return how many real numbers each scheme's message holds (prices, probabilities, plans and deliveries).

    K contingencies, N consumers, of whom ``flexible`` trade at spot prices in the predetermined-price
    scheme. Spot pricing needs N + 1 in each contingency; a forecast or a menu also carries the
    distribution, K - 1 numbers (4.3.3, 4.4.3). Efficient rationing at a single price also announces K N
    deliveries that the message does not determine: it presupposes every demand curve, which is the
    objection of section 4.2.
    """
    k, n = contingencies, consumers
    spot, distribution_too = k * (n + 1), k * (n + 1) + k - 1
    return {
        "perfect_foresight": spot,
        "two_stage": distribution_too,
        "price_forecast": distribution_too,
        "priority_service": distribution_too,
        "mean_price_then_spot": 1 + spot,
        "predetermined_plus_spot": 1 + (n - flexible) + k * (1 + n),
        "single_price_efficient": 1 + n + k * n,
        "single_price_proportional": 1 + n,
        "no_commitment": spot,
        "safe_price": 1 + n,
    }


def make_market(
    weights: Real,
    scales: Real,
    curvatures: Real,
    supplies: Real,
    probabilities: Real,
    *,
    utility: str = "logarithmic",
) -> Market:
    """Return a validated market with losses kappa z^2/2.

    utility: logarithmic w ln(1 + y/d), square_root 2 w sqrt(y), or quadratic w y - y^2/(2 d), whose demand
    d (w - p) is linear. weights w [N] or [K, N] (random demand), scales d likewise (ignored by the square
    root), curvatures kappa [N] >= 0, supplies S [K] > 0, probabilities q [K] > 0. Where demand is not
    random, supplies must ascend strictly, as contracts are numbered by them.
    """
    s, q = positive("supplies", supplies), distribution("probabilities", probabilities)
    require(s.ndim == 1, "supplies", s.shape, "is not a list", "give one supply per contingency")
    require(q.shape == s.shape, "probabilities", q, "has the wrong length", f"give {s.size} probabilities")
    require(
        bool(np.all(q > 0)), "probabilities", q, "has a zero", "leave out contingencies that cannot occur"
    )
    kappa, w, d = (
        non_negative("curvatures", curvatures),
        positive("weights", weights),
        positive("scales", scales),
    )
    ascending = bool(np.all(np.diff(s) > 0))
    require(
        ascending or w.ndim == 2 or d.ndim == 2,
        "supplies", s, "is not ascending", "sort and merge the contingencies",
    )  # fmt: skip
    require(kappa.ndim == 1, "curvatures", kappa.shape, "is not a list", "give one number per consumer")
    shape = (s.size, kappa.size)
    for field, value in (("weights", w), ("scales", d)):
        fits = value.shape in ((kappa.size,), shape)
        require(fits, field, value.shape, "has the wrong shape", f"give {kappa.size} numbers, or {shape}")
    w, d = np.broadcast_to(w, shape), np.broadcast_to(d, shape)
    kinds = {"logarithmic": Logarithmic(w, d), "square_root": SquareRoot(w), "quadratic": Quadratic(w, 1 / d)}
    return Market(kinds[choice("utility", utility, kinds)], QuadraticLoss(kappa), s, q)


def on_device(market: Market) -> Market:
    """Return the market with JAX arrays in the current precision."""
    return jax.tree.map(jnp.asarray, market)


@jax.jit
def _one(market: Market) -> dict[str, Outcome]:
    return every_scheme(market)


@float64
def compare(market: Market) -> dict[str, Outcome]:
    """Return the outcome of every scheme on one market, in float64 and as numpy arrays.

    Raises `InvalidInput` where utilities depend on the contingency (priority service has no consumer model
    then).
    """
    _check_deterministic(market)
    return jax.device_get(_one(on_device(market)))


def _check_deterministic(market: Market) -> None:
    for leaf in jax.tree.leaves(market.utility):
        same = bool(np.all(np.asarray(leaf) == np.asarray(leaf)[:1]))
        require(
            same, "utility", leaf, "depends on the contingency", "use schemes for deterministic demand only"
        )


_ALONE = {
    name: jax.jit(getattr(schemes, name)) for name in ("perfect_foresight", "two_stage", "price_forecast")
}


@float64
def solve_scheme(market: Market, scheme: str) -> Outcome:
    """Return the outcome of one of the schemes that attain their optimum, in float64 (compiles that one
    only).
    """
    return jax.device_get(_ALONE[choice("scheme", scheme, _ALONE)](on_device(market)))


class Sold(NamedTuple):
    """Priority service: its outcome, contracts bought [K, N], and what the supplier keeps in each
    contingency [K].
    """

    outcome: Outcome
    bought: Array
    kept: Array


@jax.jit
def _priority(market: Market, payback: Array) -> Sold:
    found = schemes.priority_service(market, payback=payback)
    bought = contracts(found.deliveries)
    return Sold(found, bought, menu_revenue(found.prices, payback, jnp.sum(bought, axis=1)))


@float64
def solve_priority(market: Market, payback: Real = 0.0) -> Sold:
    """Return `priority_service` at its default menu with a payback c_k (one number, or [K]), in float64.

    Raises `InvalidInput` where utilities depend on the contingency: contracts have no consumer model then.
    """
    _check_deterministic(market)
    back = jnp.broadcast_to(jnp.asarray(non_negative("payback", payback)), market.supplies.shape)
    return jax.device_get(_priority(on_device(market), back))


@jax.jit
def _many(markets: Market) -> dict[str, tuple[Array, Array, Array, Array]]:
    def numbers(market: Market) -> dict[str, tuple[Array, Array, Array, Array]]:
        return {k: (o.welfare, o.revenue, o.surplus, o.excess) for k, o in every_scheme(market).items()}

    return lax.map(numbers, markets, batch_size=64)


@float64
def compare_many(markets: Market) -> dict[str, dict[str, np.ndarray]]:
    """Return welfare, revenue, surplus and excess of every scheme on many markets (a leading axis
    everywhere).
    """
    found = jax.device_get(_many(on_device(markets)))
    names = ("welfare", "revenue", "surplus", "excess")
    return {scheme: dict(zip(names, values, strict=True)) for scheme, values in found.items()}


def random_markets(
    count: Whole,
    *,
    consumers: Whole = 4,
    contingencies: Whole = 3,
    flexible: Whole | None = None,
    seed: Whole = 0,
) -> Market:
    """Return random markets with deterministic demand, for Monte Carlo over economies.

    Weights uniform on [2, 10], scales on [0.5, 3], curvatures on [0.3, 3] (0 for the first ``flexible``
    consumers, half of them by default), supplies consumers times sorted uniforms on [0.5, 3] (at least 0.05
    apart each), and probabilities from the uniform distribution on the simplex, mixed with equal ones (10 %).
    """
    r, n = integer("count", count, low=1), integer("consumers", consumers, low=1)
    k = integer("contingencies", contingencies, low=1)
    free = n // 2 if flexible is None else integer("flexible", flexible, low=0, high=n)
    rng = np.random.default_rng(integer("seed", seed, low=0))
    repeat = lambda a: np.broadcast_to(a[:, None, :], (r, k, n))  # noqa: E731
    utility = Logarithmic(repeat(rng.uniform(2, 10, (r, n))), repeat(rng.uniform(0.5, 3, (r, n))))
    curvature = np.where(np.arange(n) < free, 0.0, rng.uniform(0.3, 3, (r, n)))
    supplies = n * (np.sort(rng.uniform(0.5, 3, (r, k)), axis=1) + 0.05 * np.arange(k))
    q = 0.9 * rng.dirichlet(np.ones(k), r) + 0.1 / k
    return Market(utility, QuadraticLoss(curvature), supplies, q)


def read_supplies(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a supply distribution from a CSV file with the columns ``supply`` and, optionally,
    ``probability``.

    Without probabilities every row counts the same (a sample). Returns supplies, ascending, and
    probabilities; equal supplies are merged. Raises `InvalidInput` that names the file for a missing file,
    column or number.
    """
    require(Path(path).is_file(), "csv", path, "is not a file", "give the path of a CSV file")
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    require(bool(rows) and "supply" in rows[0], "csv", path, "has no column supply", "name a column supply")
    supplies = positive("csv column supply", [row["supply"] for row in rows])
    weighted = "probability" in rows[0]
    each: Any = [row["probability"] for row in rows] if weighted else np.full(len(rows), 1 / len(rows))
    weights = distribution("csv column probability", each, tolerance=1e-6)
    levels, place = np.unique(supplies, return_inverse=True)
    merged = np.bincount(place, weights=weights)
    return levels[merged > 0], merged[merged > 0] / np.sum(merged)
