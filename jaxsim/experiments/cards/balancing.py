"""The card of family ``balancing``."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_MODELS = "jaxsim.models.balancing"
_FIGURES = "jaxsim.experiments.balancing"
_LEARNED = "jaxsim.experiments.learned_balancing"
_LABORATORY = "jaxsim.experiments.gradients.reports"

FAMILY = Family(
    name="balancing",
    summary="finite queues on a sparse graph, seen with delay: where should packets go?",
    source="Tahir, Cui, Koeppl (2023), Sparse mean field load balancing in large localized queueing systems",
    system=Entry("queues on a cycle, torus, random graph or graph file", f"{_MODELS}.system:system"),
    policies={
        "jsq": Entry("join the shortest queue of the neighbourhood", f"{_MODELS}.policies:jsq"),
        "random": Entry("a random queue of the neighbourhood", f"{_MODELS}.policies:random"),
        "own": Entry("the own queue only", f"{_MODELS}.policies:own"),
        "mf-r": Entry(
            "the shipped table of offload probabilities by own state", f"{_MODELS}.learned:learned"
        ),
        "power-of-d": Entry(
            "the shortest of some random queues of the neighbourhood", f"{_MODELS}.comparing:power_of_d"
        ),
        "sed": Entry("shortest expected delay, for unequal servers", f"{_MODELS}.comparing:sed"),
        "learned": Entry("a trained network, shipped or yours", f"{_LEARNED}.policies:learned"),
        "zeta": Entry("offload with a probability by own state", f"{_MODELS}.policies:table"),
    },
    views={
        "mf-r": Entry("how much to offload by own state", f"{_MODELS}.views:mf_r"),
        "mf-n": Entry("the same by own state and neighbours' states", f"{_MODELS}.views:mf_n"),
        "mf-g": Entry("the same by own state and the whole system's states", f"{_MODELS}.views:mf_g"),
        "nodes": Entry("by own state, each node for its surroundings", f"{_MODELS}.views:nodes"),
        "targets": Entry("a queue for each node, by its neighbours' queues", f"{_MODELS}.views:targets"),
    },
    metrics={
        "drops_per_node": "packets lost per queue over the horizon",
        "queue_length": "mean queue at the starts of epochs",
    },
    problems={
        "own": Entry("exact drops of the own-queue policy", f"{_MODELS}.problems:own"),
        "random": Entry("exact drops of random routing on any graph", f"{_MODELS}.problems:random"),
        "jsq": Entry(
            "exact drops of JSQ on a small cycle as the delay tends to 0", f"{_MODELS}.problems:jsq"
        ),
        "mean-field": Entry(
            "drops on the cycle by pair approximation or independence", f"{_MODELS}.problems:mean_field"
        ),
        "table": Entry("the best table of offload probabilities, by search", f"{_MODELS}.problems:table"),
    },
    tunings={
        "table": Entry(
            "the table of offload probabilities, by delay", "jaxsim.experiments.tunings.balancing:table"
        ),
    },
    experiments={
        "figure3a": Entry("JSQ levels off with the delay", f"{_FIGURES}:figure3a"),
        "figure5": Entry("policies on cycles of six sizes", f"{_FIGURES}:figure5"),
        "figure6": Entry("MF-R over sizes", f"{_FIGURES}:figure6"),
        "figure7": Entry("four topologies over delays", f"{_FIGURES}:figure7"),
        "figure8": Entry("the Bethe lattice over delays", f"{_FIGURES}:figure8"),
        "figure10a": Entry("buffer 20", f"{_FIGURES}:figure10a"),
        "figure10b": Entry("unequal servers", f"{_FIGURES}:figure10b"),
        "large_systems": Entry("100 000 and 1 000 000 queues", f"{_FIGURES}:large_systems"),
        "random_graphs": Entry(
            "thousands of random graphs, one per replication", f"{_FIGURES}:random_graphs"
        ),
        "learned3b": Entry("sizes of the network", f"{_LEARNED}.networks:learned3b"),
        "learned4": Entry("the scalable actor-critic over sizes", f"{_LEARNED}.scalable:learned4"),
        "learned5": Entry("learned policies on cycles of six sizes", f"{_LEARNED}.figures:learned5"),
        "learned6": Entry("the learned MF-R over sizes", f"{_LEARNED}.figures:learned6"),
        "learned7": Entry("the learned MF-R on four topologies", f"{_LEARNED}.figures:learned7"),
        "learned8": Entry("the learned MF-R on the Bethe lattice", f"{_LEARNED}.figures:learned8"),
        "learned9a": Entry("training with a recurrent network", f"{_LEARNED}.networks:learned9a"),
        "learned9b": Entry("policies that see more than their queue", f"{_LEARNED}.seeing:learned9b"),
        "learned10b": Entry("the learned MF-R, unequal servers", f"{_LEARNED}.figures:learned10b"),
        "gradients": Entry("estimators of gradients against exact ones", f"{_LABORATORY}:balancing"),
        "tuned_table": Entry(
            "ten delays tuned in one call, from random tables",
            "jaxsim.experiments.tunings.headlines:offload_table",
        ),
    },
)
