"""The worked examples, tables and figures of Ishikida (1992), chapters 2 to 5, with the stated numbers
beside ours.

`exchange` (chapter 2), `programs` (chapter 3), `pricing` (chapter 4: spot prices, menus, schemes),
`announced` (chapter 4: one price), `messages` (dimensions, matching, tatonnement), `tuning` (gradients),
`claims` (what they share).
"""

from jaxsim.experiments.mechanisms.announced import brown_johnson
from jaxsim.experiments.mechanisms.exchange import pure_exchange
from jaxsim.experiments.mechanisms.messages import matching_by_prices, message_dimensions, tatonnement
from jaxsim.experiments.mechanisms.pricing import random_demand, schemes, spot_and_priority
from jaxsim.experiments.mechanisms.programs import joint_cost, price_mechanism
from jaxsim.experiments.mechanisms.tuning import tuning

__all__ = [
    "brown_johnson",
    "joint_cost",
    "matching_by_prices",
    "message_dimensions",
    "price_mechanism",
    "pure_exchange",
    "random_demand",
    "schemes",
    "spot_and_priority",
    "tatonnement",
    "tuning",
]
