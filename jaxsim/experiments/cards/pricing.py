"""The card of family ``pricing``."""

from __future__ import annotations

from jaxsim.experiments.registry import Entry, Family

_MODEL = "jaxsim.models.pricing"
_EXPERIMENTS = "jaxsim.experiments.pricing"
_GAMES = f"{_MODEL}.games.problems"
_TRIALS = "jaxsim.experiments.pricing_games"

FAMILY = Family(
    name="pricing",
    summary="users of a buffering system, their queues and prices, in a random environment",
    source="Dai (2024), Game-theoretic policy computing and simulation for blockchained buffering system",
    system=Entry("users who share pools at prices that follow their queues", f"{_MODEL}.system:system"),
    policies={
        "game": Entry("the cheapest pair, its Pareto queues and prices", f"{_MODEL}.catalogue:game"),
        "constant": Entry("constant prices", f"{_MODEL}.catalogue:constant"),
        "arbitrary": Entry("the arbitrary pricing (5.12)", f"{_MODEL}.catalogue:arbitrary"),
        "stochastic": Entry("a pair drawn at random (5.23)", f"{_MODEL}.catalogue:stochastic"),
        "2d-queue": Entry("two queues that reflect obliquely", f"{_MODEL}.catalogue:two_dimensional"),
        "schedule": Entry("prices as a smooth function of the workload", f"{_MODEL}.catalogue:schedule"),
        "learned": Entry("pairs and queues by a trained network", f"{_TRIALS}.policy:learned"),
    },
    views={"prices": Entry("prices of all users, seeing workload and regime", f"{_MODEL}.views:prices")},
    problems={
        "stationary": Entry("stationary mean of the workload", f"{_MODEL}.problems:stationary"),
        "transient": Entry("mean workload from empty, and by Euler", f"{_MODEL}.problems:transient"),
        "differences": Entry("mean cost differences of figure 11", f"{_MODEL}.problems:differences"),
        "two_users": Entry("Pareto queues, prices and rates in closed form", f"{_MODEL}.problems:two_users"),
        "path": Entry("the decisions of one replication", f"{_MODEL}.problems:path"),
        "pareto": Entry("queues that carry a workload at the least dual cost", f"{_GAMES}:pareto"),
        "pools": Entry("the same for users who draw on several pools", f"{_GAMES}:pools"),
        "nash": Entry("rates of the utility-maximizing Nash equilibrium", f"{_GAMES}:equilibrium"),
        "stages": Entry("a service of four stages: moments by stage", f"{_MODEL}.stages:problem"),
        "select": Entry("which users to serve: the coalition of least cost", f"{_GAMES}:select"),
    },
    tunings={
        "prices": Entry("prices as functions of the workload", "jaxsim.experiments.tunings.pricing:prices"),
        "bounds": Entry(
            "the lower price bounds of the paper's policy", "jaxsim.experiments.tunings.pricing:bounds"
        ),
    },
    experiments={
        "figure_4": Entry("three users, prices between bounds", f"{_EXPERIMENTS}:figure_4"),
        "figure_5": Entry("three users, equal prices", f"{_EXPERIMENTS}:figure_5"),
        "figure_10": Entry("Pareto points and prices", f"{_EXPERIMENTS}:figure_10"),
        "figure_11": Entry("two users, mean cost differences", f"{_EXPERIMENTS}:figure_11"),
        "two_pools": Entry("three users, two pools", f"{_EXPERIMENTS}:two_pools"),
        "exactness": Entry("the reflected step against exact means", f"{_EXPERIMENTS}:exactness"),
        "pre_limit": Entry("packets approach the diffusion", f"{_EXPERIMENTS}:pre_limit"),
        "gradients": Entry("estimators of gradients against exact ones", f"{_EXPERIMENTS}:gradients"),
        "schedule": Entry("prices as a smooth function of the workload", f"{_MODEL}.catalogue:schedule"),
        "learned": Entry("the learned policy: regret, federated training", f"{_TRIALS}.learned:learned"),
        "tuned_prices": Entry(
            "prices tuned by gradient, beside the paper's", f"{_TRIALS}.tuned_prices:tuned_prices"
        ),
    },
    metrics={
        "workload": "mean workload",
        "cost": "mean total dual cost",
        "queue_1": "mean queue of user 1",
        "queue_2": "mean queue of user 2",
        "price_1": "mean price of user 1",
        "price_2": "mean price of user 2",
        "emptied": "share of steps in which the system was empty",
        "cost_difference": "mean cost minus that of the reference policy, same noise",
    },
    ledger=Entry("the decisions of a replication as hash-linked blocks", f"{_MODEL}.ledger:record"),
)
