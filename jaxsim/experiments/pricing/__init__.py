"""The figures and claims of Dai (2024), sections 4 and 5, and what lies under them."""

from jaxsim.experiments.pricing.diffusion import exactness, gradients
from jaxsim.experiments.pricing.figures import figure_4, figure_5, figure_10
from jaxsim.experiments.pricing.limit import pre_limit, two_pools
from jaxsim.experiments.pricing.two_users import figure_11

__all__ = [
    "exactness",
    "figure_4",
    "figure_5",
    "figure_10",
    "figure_11",
    "gradients",
    "pre_limit",
    "two_pools",
]
