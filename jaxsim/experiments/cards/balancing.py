"""The card of family ``balancing``."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_MODELS = "jaxsim.models.balancing"

FAMILY = Family(
    name="balancing",
    summary="finite queues on a sparse graph, seen with delay: where should packets go?",
    source="Tahir, Cui, Koeppl (2023), Sparse mean field load balancing in large localized queueing systems",
    system=Entry("queues on a cycle, torus, random graph or graph file", f"{_MODELS}.system:system"),
    policies={
        "jsq": Entry("join the shortest queue of the neighbourhood", f"{_MODELS}.policies:jsq"),
        "random": Entry("a random queue of the neighbourhood", f"{_MODELS}.policies:random"),
        "own": Entry("the own queue only", f"{_MODELS}.policies:own"),
        "zeta": Entry("offload with a probability by own state", f"{_MODELS}.policies:table"),
    },
    metrics={
        "drops_per_node": "packets lost per queue over the horizon",
        "queue_length": "mean queue at the starts of epochs",
    },
)
