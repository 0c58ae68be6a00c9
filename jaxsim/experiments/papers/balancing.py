"""What Tahir, Cui and Koeppl (2023) show."""

from __future__ import annotations

from jaxsim.results import Item, Paper

PAPER = Paper(
    "Tahir, Cui, Koeppl (2023), Sparse mean field load balancing in large localized queueing systems",
    (
        Item("Figure 1", "the system", reason="a sketch without numbers"),
        Item("Figure 2", "how an agent uses its policy", reason="a sketch without numbers"),
        Item(
            "Theorem 1",
            "the sparse mean field limit",
            ("balancing.figure6", "balancing.large_systems"),
        ),
        Item("Table 1", "system parameters", ("balancing.figure5", "balancing.figure7")),
        Item(
            "Table 2",
            "parameters of the learner",
            reason="no result; 'jaxsim train balancing --setting paper' trains with them",
        ),
        Item("Figure 3a", "JSQ levels off as the delay grows", ("balancing.figure3a",)),
        Item("Figure 3b", "sizes of the neural network", ("balancing.learned3b",)),
        Item("Figure 4a", "training time of SAC", ("balancing.learned4",)),
        Item("Figure 4b", "SAC against the others", ("balancing.learned4",)),
        Item(
            "Figure 5",
            "policies on cycles of six sizes over delays",
            ("balancing.figure5", "balancing.learned5"),
        ),
        Item("Figure 6", "MF-R as the cycle grows", ("balancing.figure6", "balancing.learned6")),
        Item(
            "Figure 7",
            "cycle, cube-connected cycle, torus, configuration model",
            ("balancing.figure7", "balancing.learned7"),
        ),
        Item("Figure 8", "the Bethe lattice", ("balancing.figure8", "balancing.learned8")),
        Item("Figure 9a", "recurrent policies", ("balancing.learned9a",)),
        Item("Figure 9b", "policies that see more", ("balancing.learned9b",)),
        Item("Figure 10a", "buffer 20", ("balancing.figure10a",)),
        Item("Figure 10b", "unequal servers", ("balancing.figure10b", "balancing.learned10b")),
        Item("Section 2.1", "random graphs of the configuration model", ("balancing.random_graphs",)),
        Item(
            "Appendix",
            "proof of Theorem 1; exact epoch transitions",
            reason="a proof; 'jaxsim solve balancing.own' computes the transitions",
        ),
    ),
)
