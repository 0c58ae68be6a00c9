"""What Ishikida's thesis (1992) shows."""

from __future__ import annotations

from jaxsim.results import Item, Paper

_SIZES = ("mechanisms.message_dimensions",)
_PROGRAMS = (*_SIZES, "mechanisms.price_mechanism")

PAPER = Paper(
    "Ishikida (1992), Informational Aspects of Decentralized Resource Allocation",
    (
        Item("Chapter 1", "introduction", reason="no result"),
        Item("Example, 2.1.1 to 2.1.4", "N agents, K resources: message size K(N+1)", _PROGRAMS),
        Item("Lemmas 2.1.1 to 2.1.3", "uniqueness and similarity", reason="proofs without numbers"),
        Item("Theorem 2.1.1", "least message size of the example", _SIZES),
        Item("Theorem 2.2.1", "maximal level set: K", _PROGRAMS),
        Item("Lemma 2.2.2, Proposition 2.2.1", "pure exchange", (*_SIZES, "mechanisms.pure_exchange")),
        Item("Lemmas 3.1.1 to 3.1.3, Theorem 3.1.1", "separable convex programs: K(N+1)", _PROGRAMS),
        Item(
            "Corollaries 3.1.2 to 3.1.4",
            "local constraints, public b, equalities",
            reason="variants of Theorem 3.1.1 by the same proof",
        ),
        Item("Theorem 3.1.2", "maximal level set: K", _SIZES),
        Item("Propositions 3.2.1, 3.2.2", "linear programs: K(K+1) and K", _PROGRAMS),
        Item("Section 3.3", "worked non-separable example", ("mechanisms.joint_cost",)),
        Item("Propositions 3.3.1, 3.3.2", "non-separable: sizes 4 and 2", _SIZES),
        Item("Figure 4.1", "Brown and Johnson's scheme", ("mechanisms.brown_johnson",)),
        Item("Figure 4.2", "demand that the planner does not know", ("mechanisms.brown_johnson",)),
        Item("Figure 4.3", "spot price", ("mechanisms.spot_and_priority",)),
        Item("Figure 4.4", "commodities of priority service", ("mechanisms.spot_and_priority",)),
        Item("Proposition 4.3.1", "the priority menu is optimal", ("mechanisms.spot_and_priority",)),
        Item("Figure 4.5a", "deterministic demand: nested deliveries", ("mechanisms.spot_and_priority",)),
        Item("Figure 4.5b", "random demand: not nested", ("mechanisms.random_demand",)),
        Item("Lemma 4.4.1", "price forecast, level set: size", _SIZES),
        Item("Lemma 4.4.2, Proposition 4.4.1", "instances of the proof", ("mechanisms.schemes",)),
        Item("Section 4.5", "the pricing schemes compared and ranked", ("mechanisms.schemes",)),
        Item("Section 4.6", "concluding remarks", reason="no result"),
        Item("Section 5.2.2", "the equivalent problem of ordering", ("bandits.auction",)),
        Item("Example, 5.2.3", "ordering the numbers 3, 9, 5", ("bandits.auction",)),
        Item("Lemmas 5.2.1, 5.2.2, Theorem 5.2.1", "the sequential auction", ("bandits.auction", *_SIZES)),
        Item("Section 5.3, Proposition 5.3.1", "matching", ("mechanisms.matching_by_prices", *_SIZES)),
        Item("Section 5.4", "messages exchanged over time", ("bandits.auction",)),
        Item("Figure 6.1", "the index as the largest slope", ("bandits.envelopes",)),
        Item("Figure 6.2", "a process and its concave envelope", ("bandits.envelopes",)),
        Item("Lemmas 6.2.1 to 6.2.3, Theorem 6.2.1", "the index rule is optimal", ("bandits.envelopes",)),
        Item("Examples, 6.2.2", "average reward; deadlines", ("bandits.counterexamples",)),
        Item("Theorem 6.2.2", "asymptotic optimality, average reward", ("bandits.bounds",)),
        Item("Examples, 6.2.3", "several pipes: where the rule loses", ("bandits.counterexamples",)),
        Item("Lemma 6.2.4, (6.10)", "several pipes: the loss is bounded", ("bandits.bounds",)),
        Item("Section 6.2.4, Theorem 6.2.3, Lemma 6.2.7", "continuous time; rents", ("bandits.multiplier",)),
        Item("Lemmas 6.3.1 to 6.3.3, Theorem 6.3.1", "the stochastic problem", ("bandits.optimality",)),
        Item("Propositions 6.3.1, 6.3.2, Theorem 6.3.2", "bounds WD and MWD", ("bandits.bounds",)),
        Item("Section 6.3.4", "continuous time, stochastic", reason="a limit argument without numbers"),
        Item("Section 6.4", "superprocesses: domination and selection", ("bandits.superprocess",)),
        Item("Section 6.5", "arms that arrive; nested leases", ("bandits.arrivals",)),
        Item("Chapter 7", "summary and future work", reason="no result"),
    ),
)
