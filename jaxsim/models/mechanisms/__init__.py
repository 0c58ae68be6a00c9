"""Mechanisms: messages exchanged until every participant agrees, and the allocation that follows.

A mechanism is a message space, verification functions g_j(m, e_j) (participant j agrees when it is 0,
seeing only its own environment e_j), and an outcome function. The goal is the optimum of a resource
allocation problem:

    maximize  sum_j u_j(x_j)   subject to   sum_j f_j(x_j) <= b,   x_j >= 0,

whose equilibrium message is the price vector with the allocation. Assumptions: concave utilities, convex
consumption, participants who follow the mechanism (no strategic behaviour).

Files: ``price`` (prices by dual Newton), ``utilities``, ``newton``, ``convex`` (profits and consumptions as
functions), ``linear`` and ``simplex`` (K bundles and an indicator), ``nonseparable`` (a joint cost and its
price), ``exchange`` (pure exchange with a numeraire), ``walras`` and ``preferences`` (pure exchange with any
preferences), ``tatonnement`` (prices by excess demand alone), ``power`` (chapter 4:
electric power under uncertainty), ``matching`` (users and time frames), ``framework`` and ``dimensions``
(privacy, dimensions of messages, the theorems' test classes), ``status`` (how solvers end), ``kernel``,
``policies``, ``system`` (rounds of exchange as a simulation), ``problems`` (worked examples by name).

Source: Ishikida (1992), Informational Aspects of Decentralized Resource Allocation, chapters 2 to 5.
"""

from jaxsim.models.mechanisms.convex import Program, convex_equilibrium
from jaxsim.models.mechanisms.exchange import exchange_equilibrium
from jaxsim.models.mechanisms.framework import Mechanism, TestClass
from jaxsim.models.mechanisms.linear import linear_equilibrium
from jaxsim.models.mechanisms.matching import match_users
from jaxsim.models.mechanisms.nonseparable import joint_cost_equilibrium
from jaxsim.models.mechanisms.policies import adaptive, multiplicative
from jaxsim.models.mechanisms.preferences import CES, CobbDouglas, Concave
from jaxsim.models.mechanisms.price import price_equilibrium, solve_economies, solve_prices
from jaxsim.models.mechanisms.status import NoEquilibrium
from jaxsim.models.mechanisms.tatonnement import tatonnement_equilibrium
from jaxsim.models.mechanisms.utilities import Custom, Logarithmic, Mixed, Quadratic, SquareRoot
from jaxsim.models.mechanisms.walras import walrasian_equilibrium

__all__ = [
    "CES", "CobbDouglas", "Concave", "Custom", "Logarithmic", "Mechanism", "Mixed", "NoEquilibrium",
    "Program", "Quadratic", "SquareRoot", "TestClass", "adaptive", "convex_equilibrium",
    "exchange_equilibrium", "joint_cost_equilibrium", "linear_equilibrium", "match_users", "multiplicative",
    "price_equilibrium", "solve_economies", "solve_prices", "tatonnement_equilibrium",
    "walrasian_equilibrium",
]  # fmt: skip
