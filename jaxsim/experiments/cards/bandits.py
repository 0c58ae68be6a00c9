"""The bandits family by name."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_MODEL = "jaxsim.models.bandits"
_HERE = "jaxsim.experiments.bandits"
_LABORATORY = "jaxsim.experiments.gradients.reports"

FAMILY = Family(
    name="bandits",
    summary="reward processes that share one or more pipes: Gittins indices and their relatives",
    source="Ishikida (1992), Informational Aspects of Decentralized Resource Allocation, chapters 5 and 6",
    system=Entry(
        "N Markov, deterministic or Bernoulli arms that share M(t) pipes", f"{_MODEL}.system:system"
    ),
    policies={
        "index": Entry(
            "the largest current index (6.17), or (6.32) with arrivals", f"{_MODEL}.policies:index"
        ),
        "classical": Entry("the Gittins index, also where arms arrive", f"{_MODEL}.policies:classical"),
        "myopic": Entry("the largest immediate reward", f"{_MODEL}.policies:myopic"),
        "fixed": Entry("the lowest arm that is not finished", f"{_MODEL}.policies:fixed"),
        "random": Entry("arms chosen uniformly", f"{_MODEL}.policies:random"),
        "optimal": Entry("the dynamic program's choice (small systems)", f"{_MODEL}.policies:optimal"),
    },
    metrics={
        "discounted_reward": "sum over slots of beta^t times the reward, t from 0",
        "total_reward": "reward until the horizon",
        "average_reward": "reward per slot",
        "served": "mean number of pipes in use",
    },
    problems={
        "gittins": Entry("Gittins index of a finite Markov arm (6.17)", f"{_MODEL}.problems:gittins"),
        "bernoulli": Entry(
            "index of a Bernoulli arm with a Beta prior, bracketed", f"{_MODEL}.problems:bernoulli"
        ),
        "deterministic": Entry(
            "index, stopping times and concave envelope", f"{_MODEL}.problems:deterministic"
        ),
        "continuous": Entry(
            "index, envelope and rent of a reward curve in continuous time", f"{_MODEL}.problems:continuous"
        ),
        "whittle": Entry(
            "index of a restless arm, with a test of indexability", f"{_MODEL}.problems:whittle"
        ),
        "joint": Entry("optimal value of many arms by Whittle's integral", f"{_MODEL}.problems:joint"),
        "arrivals": Entry(
            "index of an arm-acquiring bandit (6.32), and nested leases", f"{_MODEL}.problems:arrivals"
        ),
        "superprocess": Entry(
            "choice of a law by domination (6.26), or jointly", f"{_MODEL}.problems:superprocess"
        ),
        "deadline": Entry(
            "index rule against the optimum, simulated regret, WD and MWD", f"{_HERE}:deadline"
        ),
        "auction": Entry("sequential auction with floor(T/2) announced bids", f"{_MODEL}.problems:auction"),
    },
    tunings={
        "weights": Entry("priority weights of the states", "jaxsim.experiments.tunings.bandits:weights"),
    },
    experiments={
        "envelopes": Entry("figures 6.1, 6.2: index, concave envelope, theorem 6.2.1", f"{_HERE}:envelopes"),
        "counterexamples": Entry("6.2.2, 6.2.3: where the index rule loses", f"{_HERE}:counterexamples"),
        "bounds": Entry("WD and MWD, (6.10), theorems 6.2.2 and 6.3.2", f"{_HERE}:bounds"),
        "auction": Entry("5.2, 5.4: ordering numbers, the sequential auction", f"{_HERE}:auction"),
        "optimality": Entry("theorem 6.3.1: the index rule among others", f"{_HERE}:optimality"),
        "multiplier": Entry("6.2.4: rents, multipliers, lemma 6.2.7", f"{_HERE}:multiplier"),
        "superprocess": Entry("6.4: domination, pensions, controlled machines", f"{_HERE}:superprocess"),
        "arrivals": Entry("6.5: an order that arrivals change, nested leases", f"{_HERE}:arrivals"),
        "gradients": Entry("estimators of gradients against exact ones", f"{_LABORATORY}:bandits"),
        "tuned_weights": Entry(
            "priority weights tuned: the index rule is found",
            "jaxsim.experiments.tunings.headlines:priority_weights",
        ),
    },
)
