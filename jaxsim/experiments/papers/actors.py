"""What Ahn and Righter (2005) show."""

from __future__ import annotations

from jaxsim.results import Item, Paper

PAPER = Paper(
    "Ahn, Righter (2005), Multi-actor Markov decision processes",
    (
        Item("Introduction", "two stations, two flexible workers (Ahn et al.)", ("actors.tandem",)),
        Item("Introduction", "temporary workers (Kaufman et al.)", ("actors.teams",)),
        Item("Introduction", "jobs on machines (Weiss and Pinedo)", ("actors.weiss_pinedo",)),
        Item("Theorem 3.1, Corollary 3.1", "greedy assignment; teams", ("actors.klimov", "actors.tandem")),
        Item("Section 3.1", "failure-prone servers in Klimov's network", ("actors.klimov",)),
        Item("Corollary 3.2", "faster actors first", ("actors.weiss_pinedo",)),
        Item("Corollary 3.3", "collaboration: actors act as one", ("actors.teams", "actors.tandem")),
        Item("Section 3.2", "bang-bang service rates", ("actors.teams",)),
        Item("Section 3.2", "a grid of parallel computers: copies of tasks", ("actors.teams",)),
        Item("Section 3.2", "pooling a tandem line (Mandelbaum and Reiman)", ("actors.tandem",)),
        Item(
            "Corollaries 3.4, 3.5",
            "convex and concave rates",
            reason="no numbers; tests/models/actors checks them on thousands of random instances",
        ),
        Item(
            "Section 3.4",
            "means instead of stochastic order, average reward",
            reason="no numbers; every experiment above uses means",
        ),
        Item("Section 4", "where the assumptions fail (Andradottir et al.)", ("actors.andradottir",)),
        Item("Figures and tables", "none", reason="the paper has none"),
    ),
)
