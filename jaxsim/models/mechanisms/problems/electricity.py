"""Electric power under uncertainty by name: chapter 4."""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real
from jaxsim.core.validation import distribution, non_negative, numbers, positive, require, scalar
from jaxsim.models.mechanisms import power
from jaxsim.models.mechanisms.problems.answers import Answer, plain


def _market(
    weights: Real, scales: Real, losses: Real, supplies: Real, probabilities: Real, csv: str
) -> power.Market:
    if csv:
        supplies, probabilities = power.read_supplies(csv)
    non_negative("losses", losses)
    return power.make_market(weights, scales, losses, supplies, probabilities)


def _sizes(market: power.Market) -> dict[str, int]:
    """Return the message size of every scheme; consumers without loss count as flexible."""
    kappa = np.asarray(market.loss.curvature)
    return power.message_sizes(len(market.supplies), kappa.size, int(np.sum(kappa == 0)))


def _outcome(found: power.Outcome) -> Answer:
    return {
        "welfare": float(found.welfare),
        "revenue": float(found.revenue),
        "consumer_surplus": float(found.surplus),
        "prices": plain(found.prices),
        "deliveries": plain(found.deliveries),
    }


def spot(
    *,
    weights: Real = (10, 8, 6, 4),
    scales: Real = (1, 2, 3, 0.5),
    supplies: Real = (4, 7, 12),
    probabilities: Real = (0.2, 0.3, 0.5),
    csv: str = "",
) -> Answer:
    """Return spot prices, deliveries and expected revenue with flexible consumers (section 4.3.2).

    Args:
        weights: w and scales: d of u_j(y) = w_j ln(1 + y/d_j). supplies: S, ascending. probabilities: q.
        csv: a file with the columns supply and probability, instead of the last two.
    """
    flexible = np.zeros(np.size(numbers("weights", weights)))
    market = _market(weights, scales, flexible, supplies, probabilities, csv)
    found = power.solve_scheme(market, "perfect_foresight")
    return _outcome(found) | {"message_size_per_contingency": flexible.size + 1}


def priority(
    *,
    weights: Real = (10, 8, 6, 4),
    scales: Real = (1, 2, 3, 0.5),
    losses: Real = (0, 0, 0, 0),
    supplies: Real = (4, 7, 12),
    probabilities: Real = (0.2, 0.3, 0.5),
    payback: Real = 0,
    csv: str = "",
) -> Answer:
    """Return the priority service menu: reliabilities (4.4), prices (4.5) and what is bought.

    Args:
        weights, scales, supplies, probabilities, csv: as for spot. losses: kappa of kappa z^2/2, one per
        consumer. payback: cash c_k per unit of contract k that is not served (one number for all, or K); it
            raises the price of the contract by c_k (1 - r_k).
    """
    market = _market(weights, scales, losses, supplies, probabilities, csv)
    q = np.asarray(market.probabilities)
    given = non_negative("payback", payback)
    require(given.shape in ((), q.shape), "payback", given, "has the wrong length", f"give {q.size} numbers")
    sold = power.solve_priority(market, np.broadcast_to(given, q.shape))
    return _outcome(sold.outcome) | {
        "reliabilities": plain(np.cumsum(q[::-1])[::-1]),
        "menu_prices": plain(sold.outcome.prices),
        "contracts": plain(sold.bought),
        "revenue_by_contingency": plain(sold.kept),
        "message_size": _sizes(market)["priority_service"],
    }


def forecast(
    *,
    weights: Real = (10, 8, 6, 4),
    scales: Real = (1, 2, 3, 0.5),
    losses: Real = (0, 0, 0.8, 3),
    supplies: Real = (4, 7, 12),
    probabilities: Real = (0.2, 0.3, 0.5),
    csv: str = "",
) -> Answer:
    """Return the price forecast that attains the two-stage optimum: prices, commitments, deliveries
    (section 4.4.3).

    Commitments of consumers without loss mean nothing and are given as null.

    Args:
        weights, scales, supplies, probabilities, csv: as for spot. losses: kappa of kappa z^2/2, one per
        consumer.
    """
    market = _market(weights, scales, losses, supplies, probabilities, csv)
    found = power.solve_scheme(market, "price_forecast")
    kappa = np.asarray(market.loss.curvature)
    plans = [float(x) if c > 0 else None for x, c in zip(found.commitments, kappa, strict=True)]
    return _outcome(found) | {"commitments": plans, "message_size": _sizes(market)["price_forecast"]}


def compare(
    *,
    weights: Real = (10, 8, 6, 4),
    scales: Real = (1, 2, 3, 0.5),
    losses: Real = (0, 0, 0.8, 3),
    supplies: Real = (4, 7, 12),
    probabilities: Real = (0.2, 0.3, 0.5),
    csv: str = "",
) -> Answer:
    """Return welfare, revenue, consumers' surplus and message size of every scheme, best welfare first
    (section 4.5).

    Args:
        weights, scales, supplies, probabilities, csv: as for spot. losses: kappa of kappa z^2/2, one per
        consumer.
    """
    market = _market(weights, scales, losses, supplies, probabilities, csv)
    found = power.compare(market)
    sizes = _sizes(market)
    order = sorted(power.SCHEMES, key=lambda name: -round(float(found[name].welfare), 9))
    return {
        "schemes": list(order),
        "welfare": [float(found[n].welfare) for n in order],
        "revenue": [float(found[n].revenue) for n in order],
        "consumer_surplus": [float(found[n].surplus) for n in order],
        "message_size": [sizes[n] for n in order],
    }


def brown_johnson(
    *,
    intercepts: Real = ((10, 14), (7, 9)),
    sensitivities: Real = (0.5, 0.5),
    losses: Real = 0,
    probabilities: Real = (0.5, 0.5),
    capacity: Real = 9,
    cost: Real = 2,
    cost_slope: Real = 0,
    output: str = "demand",
) -> Answer:
    """Return the single price announced before random demand is known, with both ways of rationing (section
    4.2).

    Args:
        intercepts: a, one row of N numbers per contingency: demand is d_j (a_kj - p).
        sensitivities: d, one per consumer.
        losses: kappa of kappa z^2/2 for z rationed away, one number or one per consumer.
        probabilities: q, one per contingency. capacity: the most that can be supplied.
        cost, cost_slope: marginal cost cost + cost_slope z.
        output: demand (all demand is served up to capacity) or price (what is offered at the price).
    """
    rows, slopes = np.atleast_2d(positive("intercepts", intercepts)), positive("sensitivities", sensitivities)
    odds = np.atleast_1d(distribution("probabilities", probabilities))
    shape = (odds.size, slopes.size)
    require(rows.shape == shape, "intercepts", rows.shape, "has the wrong shape", f"give {shape}")
    kappa = non_negative("losses", losses)
    require(
        kappa.shape in ((), slopes.shape), "losses", kappa, "has the wrong length", "give one per consumer"
    )
    kappa = np.broadcast_to(kappa, slopes.shape)
    most = np.full(odds.shape, scalar("capacity", capacity, positive))
    market = power.make_market(rows, slopes, kappa, most, odds, utility="quadratic")
    level, rise = (scalar(k, v, non_negative) for k, v in (("cost", cost), ("cost_slope", cost_slope)))
    found = power.solve_one_price(market, power.SupplyCurve(level, rise), output)
    answer: Answer = {
        "expected_demand_price": float(found.expected),
        "contingent_prices": plain(found.contingent.prices),
        "contingent_welfare": float(found.contingent.welfare),
    }
    for rationing in ("efficient", "proportional"):
        meeting, best = getattr(found, rationing)
        answer |= {
            f"welfare_at_expected_demand_price_{rationing}": float(meeting.welfare),
            f"best_price_{rationing}": float(best.prices),
            f"best_welfare_{rationing}": float(best.welfare),
        }
    return answer
