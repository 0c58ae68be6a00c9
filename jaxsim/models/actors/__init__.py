"""Actors: multi-actor Markov decision processes, formulated, solved and simulated.

In state s each of N actors with speeds μ_i(s) is assigned to one of the actions it may take, at most
M_k(s) of them to action k; the set Γ_k then fires action k at rate r_s(Γ_k) ν_k(s), which earns a reward
and moves the state. With V the values, m_k = ν_k E[R_k + V(S_k) - V] and

    V_{t+1}(s) = V_t(s) + (1/Λ) {max over Γ in G(s) of Σ_k r_s(Γ_k) m_k(s) + Σ_e γ_e(s) [V_t(s_e) - V_t(s)]
    - g(s)}.

Under the conditions of Corollaries 3.1 to 3.5 the maximum is found greedily, actor by actor; the conditions
are checked, and where one fails the solver says which and maximizes over all joint assignments.

Map: `model` the formulation · `laws` firing rates r_s · `assignment` greedy rules · `exhaustive` their
oracle · `conditions` which corollary holds where · `bellman` one sweep · `solve` the four criteria ·
`evaluate` exact values of given policies · `network`, `space` queueing networks from a short declaration ·
`applications` the systems that the paper names · `kernel`, `policies`, `system` simulation · `paths`,
`dominance`, `gradients` stochastic order and derivatives · `problems` worked examples of the command line.

Source: Ahn, Righter (2005), "Multi-actor Markov decision processes", J. Appl. Prob. 42, 15-26.
"""

from __future__ import annotations

from jaxsim.models.actors.conditions import REASONS, Certificate, Verdict, certify
from jaxsim.models.actors.evaluate import policy_law, policy_value
from jaxsim.models.actors.laws import Additive, Affinity, HeadCount, PowerSpeed, Subsets
from jaxsim.models.actors.model import ActorsParams, ActorsSpec, Local, Model, formulate, with_collaboration
from jaxsim.models.actors.solve import NotConverged, Solution, average, discounted, finite_horizon, total

__all__ = [
    "REASONS", "ActorsParams", "ActorsSpec", "Additive", "Affinity", "Certificate", "HeadCount", "Local",
    "Model", "NotConverged", "PowerSpeed", "Solution", "Subsets", "Verdict", "average", "certify",
    "discounted",
    "finite_horizon", "formulate", "policy_law", "policy_value", "total", "with_collaboration",
]  # fmt: skip
