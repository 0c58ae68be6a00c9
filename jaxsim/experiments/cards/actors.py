"""The actors family by name."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_MODEL = "jaxsim.models.actors"
_PROBLEMS = f"{_MODEL}.problems"
_EXPERIMENTS = "jaxsim.experiments.actors"
_LABORATORY = "jaxsim.experiments.gradients.reports"

FAMILY = Family(
    name="actors",
    summary="Markov decision processes driven by several actors: servers, machines, players",
    source="Ahn, Righter (2005), Multi-Actor Markov Decision Processes",
    system=Entry("a queueing network (or another application) with its actors", f"{_MODEL}.system:system"),
    policies={
        "optimal": Entry("optimal by dynamic programming", f"{_MODEL}.system:optimal"),
        "greedy": Entry("greedy by marginal values (Corollaries 3.1 to 3.5)", f"{_MODEL}.system:greedy"),
        "distributed": Entry("each actor in turn maximizes its own gain", f"{_MODEL}.system:distributed"),
        "c_mu": Entry("static priority by cost times rate", f"{_MODEL}.system:c_mu"),
        "random": Entry("any action that is open", f"{_MODEL}.system:random_assignment"),
        "softmax": Entry("learnable, over joint assignments", f"{_MODEL}.system:softmax"),
    },
    views={"picks": Entry("what each actor does, seeing the state", f"{_MODEL}.views:picks")},
    metrics={
        "net_benefit": "rewards minus costs per unit of time",
        "cost_rate": "mean cost rate",
        "reward_rate": "rewards per unit of time",
        "working": "mean number of actors that are assigned",
        "event_share": "share of steps in which something happens",
    },
    problems={
        "value": Entry("value and assignment in every state of a model given by lists", f"{_PROBLEMS}:value"),
        "assignment": Entry("greedy and best assignment in one state", f"{_PROBLEMS}:assignment"),
        "tandem": Entry("collaborative, flexible and dedicated tandem lines", f"{_PROBLEMS}:tandem"),
        "klimov": Entry("Klimov's network with failure-prone servers", f"{_PROBLEMS}:klimov"),
        "scheduling": Entry("Weiss and Pinedo's jobs and machines", f"{_PROBLEMS}:scheduling"),
    },
    tunings={
        "indices": Entry(
            "priority indices of the queues of a server", "jaxsim.experiments.tunings.actors:indices"
        ),
    },
    experiments={
        "tandem": Entry("tandem lines with flexible servers", f"{_EXPERIMENTS}:tandem_lines"),
        "weiss_pinedo": Entry(
            "flow time, makespan and their stochastic order", f"{_EXPERIMENTS}:weiss_pinedo"
        ),
        "klimov": Entry("on how many queues failure-prone servers work", f"{_EXPERIMENTS}:klimov_network"),
        "andradottir": Entry("the line where the key assumptions fail", f"{_EXPERIMENTS}:andradottir"),
        "teams": Entry("copies of tasks, bang-bang rates, temporary workers", f"{_EXPERIMENTS}:teams"),
        "gradients": Entry("estimators of gradients against exact ones", f"{_LABORATORY}:actors"),
        "tuned_indices": Entry(
            "queue indices tuned: the c-mu rule is found",
            "jaxsim.experiments.tunings.headlines:priority_indices",
        ),
    },
)
