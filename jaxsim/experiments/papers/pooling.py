"""What Chen, Chen and Qian (2023) show."""

from __future__ import annotations

from jaxsim.results import Item, Paper

PAPER = Paper(
    "Chen, Chen, Qian (2023), Incentivizing Resource Pooling",
    (
        Item("Section 2.1", "complete pooling under central control", ("pooling.figure_1",)),
        Item("Lemmas 3.1, 3.2", "when to ask for help", reason="proofs; used by the solvers of section 4"),
        Item("Proposition 4.1, Lemma 4.2", "a server's best response: thresholds", ("pooling.figure_1",)),
        Item("Corollary 4.3", "the best response where the pool waits at most 1", ("pooling.figure_1",)),
        Item("Proposition 4.4", "the wait in the pool falls as servers are added", ("pooling.pool_waits",)),
        Item("Proposition 4.5", "the equilibrium exists for large N", ("pooling.pool_waits",)),
        Item("Theorem 5.1", "jobs in the system against phi", ("pooling.figure_1", "pooling.theorem_5_2")),
        Item("Figure 1a", "rates of asking for and offering help against phi", ("pooling.figure_1",)),
        Item("Figure 1b", "a server's queue against phi", ("pooling.figure_1",)),
        Item("Theorem 5.2", "the best phi is the arrival rate", ("pooling.theorem_5_2", "pooling.best_phi")),
        Item("Lemma 6.1", "token bounds bind with probability of order 1/C", ("pooling.lemma_6_1",)),
        Item("Lemma 6.2", "the queue under finite C nears the fluid one", ("pooling.lemma_6_1",)),
        Item("Proposition 6.3", "the pool's queue under finite C", ("pooling.pool_waits", "pooling.grid")),
        Item("Lemmas 6.4, 6.5", "what deviating gains in large markets", ("pooling.deviations",)),
        Item(
            "Figure 2",
            "complete pooling against the best response, with the printed gaps 4.43, 4.27, 4.01, .87, .89 %",
            ("pooling.figure_2",),
        ),
        Item(
            "Theorems 7.1, 7.2",
            "unequal servers with phi at the mean load",
            ("pooling.unequal_servers", "pooling.tune_unequal"),
        ),
        Item("Figure 3", "the chain behind Lemma A.1", reason="a drawing of a Markov chain, without numbers"),
        Item(
            "Figure 4",
            "chains of queue and tokens, phi >= lambda",
            reason="a drawing of Markov chains; 'jaxsim solve pooling.server_law' gives their laws",
        ),
        Item(
            "Figure 5",
            "chains of queue and tokens, phi < lambda",
            reason="a drawing of Markov chains; 'jaxsim solve pooling.server_law' gives their laws",
        ),
        Item("Appendix D", "the linear program of the fully informed server", ("pooling.figure_2",)),
    ),
)
