"""What Dai (2024) shows."""

from __future__ import annotations

from jaxsim.results import Item, Paper

_CHART = "a flow chart without numbers"

PAPER = Paper(
    "Dai (2024), Game-theoretic policy computing and simulation for blockchained buffering system",
    (
        Item("Figure 1", "the system: users and pools", reason="a sketch without numbers"),
        Item("Figure 2", "three stages: selection, pricing, scheduling", reason=_CHART),
        Item("Figure 3", "a supply chain with digital currencies", reason="a sketch without numbers"),
        Item("Figure 4", "three users, prices between bounds: mean cost differences", ("pricing.figure_4",)),
        Item("Figure 5", "three users, equal prices", ("pricing.figure_5",)),
        Item("Theorem 3.5", "queues of packets approach the diffusion", ("pricing.pre_limit",)),
        Item("Figure 6", "the algorithm with a network", ("pricing.learned",)),
        Item("Figure 7", "two users, one pool: the two stages", reason=_CHART + "; the example is 4.1"),
        Item("Example 4.1", "two users: queues and prices", ("pricing.figure_10", "pricing.figure_11")),
        Item("Figure 8", "three users, one pool: the three stages", reason=_CHART + "; the example is 4.3"),
        Item("Example 4.3", "three users: all stages", ("pricing.figure_4", "pricing.figure_5")),
        Item("Figure 9", "three users, two pools", ("pricing.two_pools",)),
        Item("Figure 10", "Pareto points and prices against the queue, w = 10 000", ("pricing.figure_10",)),
        Item("Figure 11", "two users: mean cost differences, queues, prices", ("pricing.figure_11",)),
        Item("Section 5", "the projected Euler step behind the figures", ("pricing.exactness",)),
        Item("Section 6", "the proof of Theorem 3.5", reason="a proof; for the statement see Theorem 3.5"),
    ),
)
