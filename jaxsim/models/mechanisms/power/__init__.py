"""Electric power under uncertainty: pricing schemes on one two-stage model.

K contingencies with probabilities q_k and supplies S_k; consumer j commits to x_j before the contingency is
known, receives y_jk after it, and values the outcome at u_j(y_jk) - l_j(x_j - y_jk). Welfare is the
expected sum. Supply costs nothing (except in ``brown_johnson``); utilities are concave, losses convex with
l(0) = 0; a flexible consumer has l = 0.

Files: ``market`` (the model, losses, the efficient allocation after commitments), ``private`` (a consumer's
answer to a forecast or a menu; menu arithmetic), ``schemes`` (one function per scheme), ``brown_johnson``
(one price before random demand is known, supply at a cost), ``compare`` (all schemes, message sizes, random
markets, supply distributions from CSV), ``search`` (roots and best prices).

Source: Ishikida (1992), chapter 4. Corrected from the printed text: menu prices in section 4.5 carry the
probabilities, p_k = sum_{i>=k} q_i lambda_i; contract k of section 4.3 holds z_k - z_{k-1}.
"""

from jaxsim.models.mechanisms.power.brown_johnson import (
    SupplyCurve,
    contingent_pricing,
    expected_price,
    one_price,
    solve_one_price,
)
from jaxsim.models.mechanisms.power.compare import (
    SCHEMES,
    compare,
    compare_many,
    every_scheme,
    make_market,
    message_sizes,
    random_markets,
    read_supplies,
    solve_priority,
    solve_scheme,
)
from jaxsim.models.mechanisms.power.market import (
    CustomLoss,
    Market,
    QuadraticLoss,
    allocate,
    planned_demand,
)
from jaxsim.models.mechanisms.power.private import (
    contingency_prices,
    contracts,
    menu_prices,
    menu_revenue,
    reliabilities,
    respond,
)
from jaxsim.models.mechanisms.power.schemes import (
    Outcome,
    clearing_price,
    forecast_then_spot,
    mean_price_then_spot,
    no_commitment,
    perfect_foresight,
    predetermined_plus_spot,
    price_forecast,
    priority_service,
    safe_price,
    single_price,
    two_stage,
)

__all__ = [
    "SCHEMES",
    "CustomLoss",
    "Market",
    "Outcome",
    "QuadraticLoss",
    "SupplyCurve",
    "allocate",
    "clearing_price",
    "compare",
    "compare_many",
    "contingency_prices",
    "contingent_pricing",
    "contracts",
    "every_scheme",
    "expected_price",
    "forecast_then_spot",
    "make_market",
    "mean_price_then_spot",
    "menu_prices",
    "menu_revenue",
    "message_sizes",
    "no_commitment",
    "one_price",
    "perfect_foresight",
    "planned_demand",
    "predetermined_plus_spot",
    "price_forecast",
    "priority_service",
    "random_markets",
    "read_supplies",
    "reliabilities",
    "respond",
    "safe_price",
    "single_price",
    "solve_one_price",
    "solve_priority",
    "solve_scheme",
    "two_stage",
]  # fmt: skip
