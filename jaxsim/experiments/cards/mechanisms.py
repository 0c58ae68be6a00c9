"""The mechanisms family by name."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_MODEL = "jaxsim.models.mechanisms"
_PROBLEMS = f"{_MODEL}.problems"
_HERE = "jaxsim.experiments.mechanisms"
_LABORATORY = "jaxsim.experiments.gradients.reports"

FAMILY = Family(
    name="mechanisms",
    summary="prices, bids and allocations exchanged between participants who keep their environments private",
    source="Ishikida (1992), Informational Aspects of Decentralized Resource Allocation, chapters 2 to 5",
    system=Entry("random economies in which prices are found by tatonnement", f"{_MODEL}.system:system"),
    policies={
        "adaptive": Entry(
            "price steps that adapt to the steepness of excess demand", f"{_MODEL}.policies:adaptive"
        ),
        "multiplicative": Entry(
            "prices move by a constant gain on excess demand", f"{_MODEL}.policies:multiplicative"
        ),
    },
    metrics={
        "rounds_to_clear": "rounds of exchange per economy",
        "messages_to_clear": "numbers exchanged per economy",
        "abandoned": "share of economies that did not clear in time",
        "welfare": "mean welfare of the economies that cleared",
        "residual": "mean residual over rounds",
    },
    problems={
        "price": Entry("equilibrium prices of a separable concave program", f"{_PROBLEMS}:price"),
        "lp": Entry("linear program: prices, indicator and K bundles", f"{_PROBLEMS}:lp"),
        "nonseparable": Entry("two divisions with a joint cost and its price", f"{_PROBLEMS}:nonseparable"),
        "exchange": Entry("pure exchange economy with a numeraire", f"{_PROBLEMS}:exchange"),
        "walras": Entry("pure exchange economy with any preferences, no numeraire", f"{_PROBLEMS}:walras"),
        "spot": Entry("spot prices of electric power, flexible consumers", f"{_PROBLEMS}:spot"),
        "priority": Entry("priority service menu: reliabilities and prices", f"{_PROBLEMS}:priority"),
        "forecast": Entry("price forecast and commitments of the two-stage model", f"{_PROBLEMS}:forecast"),
        "compare": Entry("all pricing schemes on one market", f"{_PROBLEMS}:compare"),
        "brown_johnson": Entry("one price announced before random demand", f"{_PROBLEMS}:brown_johnson"),
        "matching": Entry("users and time frames matched by rents", f"{_PROBLEMS}:matching"),
        "dimensions": Entry("message dimensions: theorems beside computed ranks", f"{_PROBLEMS}:dimensions"),
    },
    tunings={
        "forecast": Entry(
            "the announced price of each contingency", "jaxsim.experiments.tunings.mechanisms:forecast"
        ),
        "menu": Entry("a menu of priority contracts", "jaxsim.experiments.tunings.mechanisms:menu"),
    },
    experiments={
        "spot_and_priority": Entry(
            "spot prices and priority menu, figures 4.3, 4.4", f"{_HERE}:spot_and_priority"
        ),
        "schemes": Entry("all pricing schemes compared, section 4.5", f"{_HERE}:schemes"),
        "random_demand": Entry(
            "random demand defeats nested contracts, figure 4.5", f"{_HERE}:random_demand"
        ),
        "joint_cost": Entry("the non-separable example, section 3.3", f"{_HERE}:joint_cost"),
        "brown_johnson": Entry("one price before random demand, figures 4.1, 4.2", f"{_HERE}:brown_johnson"),
        "price_mechanism": Entry("instances of the proofs of chapters 2 and 3", f"{_HERE}:price_mechanism"),
        "pure_exchange": Entry(
            "trade without a numeraire and with one, section 2.2.2", f"{_HERE}:pure_exchange"
        ),
        "message_dimensions": Entry("theorems on message sizes, computed", f"{_HERE}:message_dimensions"),
        "matching_by_prices": Entry(
            "matching of users and frames, section 5.3", f"{_HERE}:matching_by_prices"
        ),
        "tuning": Entry("a forecast and a menu tuned by gradient", f"{_HERE}:tuning"),
        "tatonnement": Entry("rounds and messages until markets clear", f"{_HERE}:tatonnement"),
        "gradients": Entry("estimators of gradients against exact ones", f"{_LABORATORY}:mechanisms"),
    },
)
