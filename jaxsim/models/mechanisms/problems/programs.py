"""Programs without uncertainty by name: chapters 2, 3 and 5."""

from __future__ import annotations

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, numbers, positive, require
from jaxsim.models.mechanisms.dimensions import table
from jaxsim.models.mechanisms.exchange import exchange_equilibrium
from jaxsim.models.mechanisms.linear import linear_equilibrium
from jaxsim.models.mechanisms.matching import first_frame_losses, match_users, matching_program
from jaxsim.models.mechanisms.nonseparable import joint_cost_equilibrium
from jaxsim.models.mechanisms.preferences import CES, CobbDouglas
from jaxsim.models.mechanisms.price import price_equilibrium
from jaxsim.models.mechanisms.problems.answers import Answer, plain, solved
from jaxsim.models.mechanisms.tatonnement import tatonnement_equilibrium
from jaxsim.models.mechanisms.utilities import Logarithmic, Quadratic, SquareRoot
from jaxsim.models.mechanisms.walras import walrasian_equilibrium


def price(
    *,
    utility: str = "logarithmic",
    weights: Real = (10, 8, 6, 4),
    scales: Real = (1, 2, 3, 0.5),
    consumption: Real | None = None,
    supplies: Real = (7,),
    method: str = "newton",
) -> Answer:
    """Return equilibrium prices, activities and residuals of the price mechanism (section 3.1).

    Args:
        utility: logarithmic w ln(1 + x/d), square_root 2 w sqrt(x), or quadratic w x - x^2/(2 d).
        weights: w, one per division. scales: d, one per division.
        consumption: a, one row of K numbers per division (may be negative); by default 1 of every resource.
        supplies: b, K numbers.
        method: newton (on the dual) or tatonnement (nonnegative consumption only).
    """
    choice("utility", utility, ("logarithmic", "square_root", "quadratic"))
    choice("method", method, ("newton", "tatonnement"))
    w, d, b = (
        positive("weights", weights),
        positive("scales", scales),
        np.atleast_1d(numbers("supplies", supplies)),
    )
    require(
        w.ndim == 1 and w.shape == d.shape,
        "scales",
        d,
        "has another length than weights",
        "give one per division",
    )
    a = np.ones((w.size, b.size)) if consumption is None else numbers("consumption", consumption)
    require(
        a.shape == (w.size, b.size), "consumption", a.shape, "has the wrong shape", f"give {(w.size, b.size)}"
    )
    one, two = w[:, None], d[:, None]
    kinds = {
        "logarithmic": Logarithmic(one, two),
        "square_root": SquareRoot(one),
        "quadratic": Quadratic(one, 1 / two),
    }
    if method == "newton":
        found = solved("supplies", b, lambda: price_equilibrium(kinds[utility], a, b))
    else:
        found = tatonnement_equilibrium(kinds[utility], a, b)
        require(int(found.status) == 0, "method", method, "did not converge", "use method=newton")
    return {
        "prices": plain(found.prices),
        "activities": plain(found.activities[:, 0]),
        "allocation": plain(found.allocation),
        "welfare": float(found.welfare),
        "residual": float(found.residual),
        "rounds": int(found.rounds),
        "message_size": int(b.size * (w.size + 1)),
    }


def lp(
    *,
    rewards: Real = (3, 2, 4),
    consumption: Real = ((1, 2), (1, 1), (3, 1)),
    supplies: Real = (6, 5),
) -> Answer:
    """Return prices, the allocation indicator and the K bundles of the linear-programming variant (section
    3.2).

    Args:
        rewards: c, one per division. consumption: one row of K numbers per division. supplies: b, K numbers.
    """
    found = solved("supplies", supplies, lambda: linear_equilibrium(rewards, consumption, supplies))
    k = int(np.size(found.prices))
    return {
        "prices": plain(found.prices),
        "indicator": [int(i) + 1 for i in found.indicator],
        "bundles": plain(found.bundles),
        "activities": plain(found.activities[:, 0]),
        "value": float(found.value),
        "residual": float(found.residual),
        "message_size": k * (k + 1),
    }


def nonseparable(*, appeal: Real = (1.2, 1.6), burden: Real = (0.5, 0.5), supply: Real = 0.4) -> Answer:
    """Return prices and activities of two divisions with a joint cost, with and without its price (section
    3.3).

    Args:
        appeal: z, two numbers. burden: w, two numbers. supply: b.
    """
    best = solved("supply", supply, lambda: joint_cost_equilibrium(appeal, burden, supply))
    alone = solved("supply", supply, lambda: joint_cost_equilibrium(appeal, burden, supply, priced=False))
    return {
        "activities": plain(best.activities),
        "price": float(best.price),
        "externality_price": float(best.externality),
        "welfare": float(best.welfare),
        "activities_without_externality_price": plain(alone.activities),
        "price_without_externality_price": float(alone.price),
        "welfare_without_externality_price": float(alone.welfare),
    }


def exchange(
    *,
    weights: Real = ((1, 2), (2, 1), (1, 1)),
    endowments: Real = ((1, 0.5), (0.5, 2), (2, 1)),
    money: Real = (5, 5, 5),
) -> Answer:
    """Return prices and trades of a pure exchange economy with utilities sum_k w_jk sqrt(x_jk) + y_j (2.2.2).

    Args:
        weights: w, one row of K numbers per consumer. endowments: likewise. money: numeraire held, one per
        consumer.
    """
    w = positive("weights", weights)
    shape = numbers("endowments", endowments).shape
    require(w.shape == shape, "weights", w.shape, "has another shape than endowments", f"give {shape}")
    found = solved(
        "endowments", endowments, lambda: exchange_equilibrium(SquareRoot(w / 2), endowments, money)
    )
    return {
        "prices": plain(found.prices),
        "trades": plain(found.goods),
        "paid": plain(-found.numeraire),
        "gains": plain(found.gains),
        "residual": float(found.residual),
    }


def walras(
    *,
    utility: str = "ces",
    weights: Real = ((4, 1), (1, 4)),
    elasticity: Real = 0.2,
    endowments: Real = ((12, 1), (1, 12)),
    first_prices: Real = 1,
) -> Answer:
    """Return an equilibrium of a pure exchange economy without a numeraire (2.2.2).

    The default economy (Kehoe 1998) has three: first_prices=0.1,1 and first_prices=9,1 lead to the others.

    Args:
        utility: ces, or cobb_douglas (elasticity 1).
        weights: a, one row of K numbers per consumer: shares of income at prices 1.
        elasticity: of substitution, above 0 and not 1 (ces only), one number or one per consumer.
        endowments: one row of K numbers per consumer.
        first_prices: where the search begins, one number or K.
    """
    choice("utility", utility, ("ces", "cobb_douglas"))
    a, s = positive("weights", weights), positive("elasticity", elasticity)
    shape = numbers("endowments", endowments).shape
    require(a.ndim == 2 and a.shape == shape, "weights", a.shape, "has another shape than endowments",
            f"give {shape}")  # fmt: skip
    require(s.shape in ((), shape[:1]), "elasticity", s, "has the wrong length", "give one per consumer")
    require(utility != "ces" or bool(np.all(s != 1)), "elasticity", s, "is 1", "use utility=cobb_douglas")
    share = a / np.sum(a, axis=1, keepdims=True)
    tastes = CobbDouglas(share) if utility == "cobb_douglas" else CES(share, np.broadcast_to(s, shape[:1]))
    found = solved(
        "endowments", endowments, lambda: walrasian_equilibrium(tastes, endowments, first_prices=first_prices)
    )
    return {
        "prices": plain(found.prices),
        "bundles": plain(found.bundles),
        "trades": plain(found.trades),
        "utility_before": plain(found.before),
        "utility_after": plain(found.after),
        "unique": int(found.unique),
        "index": int(found.index),
        "residual": float(found.residual),
        "rounds": int(found.rounds),
    }


def matching(*, values: Real = ((8, 6, 2), (7, 6, 4), (5, 5, 1), (3, 1, 3))) -> Answer:
    """Return the best assignment of time frames to users, its rents, and the dual program's value (section
    5.3).

    Args:
        values: v_j(t), one row of T numbers per user.
    """
    found = solved("values", values, lambda: match_users(values))
    program = solved("values", values, lambda: matching_program(values))
    t = len(found.rents)
    return {
        "frames": [int(f) + 1 for f in found.frames],
        "rents": plain(found.rents),
        "value": float(found.value),
        "dual_value": program[0],
        "residual": float(found.residual),
        "bids": int(found.bids),
        "message_size": t,
        "loss_of_deciding_frame_1_early": plain(first_frame_losses(min(t, 4))),
    }


def dimensions(*, divisions: Whole = 4, kinds: Whole = 2, contingencies: Whole = 3) -> Answer:
    """Return the dimensions of messages that the theorems state beside the ranks computed on their test
    classes.

    Args:
        divisions: N (also users and numbers to order). kinds: K resources, at most N. contingencies: for
        the forecast.
    """
    rows = table(divisions=divisions, kinds=kinds, contingencies=contingencies)
    return {
        "case": [r.case for r in rows],
        "theorem": [r.theorem for r in rows],
        "test_class": [r.size for r in rows],
        "message_rank": [r.message for r in rows],
        "uniqueness_holds": [int(r.unique) for r in rows],
        "announced": [r.announced for r in rows],
    }
