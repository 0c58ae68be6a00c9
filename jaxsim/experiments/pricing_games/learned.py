"""Experiment: the learned policy of section 3.4 trained without labels, judged against the exact solver."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core import random
from jaxsim.core.types import Array
from jaxsim.core.validation import choice, integer
from jaxsim.engine import simulate
from jaxsim.experiments.pricing_games import instances, train
from jaxsim.experiments.pricing_games.policy import learned as shipped
from jaxsim.learning import Pathwise, path_objective, tune
from jaxsim.models.pricing import catalogue, network
from jaxsim.models.pricing.policies import Game
from jaxsim.models.pricing.system import system
from jaxsim.results import compare
from jaxsim.results.report import Claim, Curve, Panel, Report

SEEN = (2, 3, 4, 5, 6, 7, 8)
UNSEEN = (12, 16)
"""Numbers of users: up to 8, of which 2, 3, 5, 8 were trained on; beyond, zero-shot."""


@functools.partial(jax.jit, static_argnames=("users", "count", "kind"))
def _regrets(variables: Any, users: int, count: int, seed: Any, kind: Callable[..., Array]) -> Array:
    root = random.Key(jnp.uint32(77), jnp.asarray(seed, jnp.uint32), jnp.uint32(0))
    return jax.vmap(lambda n: kind(variables, root.replication(n), users, n % instances.POOLS))(
        jnp.arange(count)
    )


def judged(
    variables: Any, users: int, count: int, seed: int = 0, kind: Callable[..., Array] = instances.regret
) -> tuple[float, float, float]:
    """Return the mean regret, the half-width of its 95 % interval and the 99th percentile."""
    found = np.asarray(_regrets(variables, users, count, seed, kind), np.float64)
    half = 1.96 * found.std(ddof=1) / np.sqrt(count)
    return float(found.mean()), float(half), float(np.percentile(found, 99))


def _regret_claims(name: str, table: dict[int, tuple[float, float, float]]) -> list[Claim]:
    out = []
    for users, (mean, half, worst) in table.items():
        new = "" if users in (2, 3, 5, 8) else ", a number of users never trained on"
        note = f"99th percentile {worst:.2e}{new}"
        out.append(Claim(f"{name}: relative regret, {users} users", None, mean, half, note=note))
    return out


def _simulated(seed: int, replications: int) -> Claim:
    """Return the cost of the learned policy beside the game's, under the same noise."""
    here = system(users=3, reference="none", initial_workload=1000.0, rate=100.0)
    run = functools.partial(
        simulate, here.kernel, params=here.params, replications=replications, horizon=20.0, seed=seed
    )
    exact, ours = run(catalogue.game(here)), run(shipped(here))
    difference = compare(ours, exact, "cost")
    scale = exact["cost"].mean
    note = f"3 users, T = 20; the game's mean cost is {scale:.4g}"
    return Claim(
        "simulated cost above that of the exact policy, relative", None, difference.mean / scale,
        difference.half_width / scale, note=note,
    )  # fmt: skip


def trained_on_paths(steps: int, seed: int) -> tuple[Any, Any]:
    """Train the network from its start on the simulated cost of the whole loop; return tuning and system.

    Pathwise gradients pass through queues, prices and costs; the choice of the pair is a jump, to which they
    are blind. Users served at rate 60 make the start expensive.
    """
    here = system(users=3, reference="none", initial_workload=3000.0, rate=60.0)
    game = Game(jnp.ones(()), "reset", "same")

    def place(variables: Any) -> tuple[Any, Any]:
        return here.params, network.Learned(variables, game)

    objective = path_objective(here.kernel, "cost", steps=50, place=place)
    found = tune(objective, network.start(seed), gradient=Pathwise(8), steps=steps, seed=seed, judges=256)
    return found, here


def _path_claims(found: Any, here: Any, seed: int) -> list[Claim]:
    run = functools.partial(
        simulate, here.kernel, params=here.params, replications=256, horizon=2.0, seed=seed + 1000
    )
    exact = run(catalogue.game(here))
    scale, game = exact["cost"].mean, Game(jnp.ones(()), "reset", "same")
    out = []
    for name, variables in (
        ("start", network.start(seed)),
        ("trained", jax.tree.map(jnp.asarray, found.tuned)),
    ):
        d = compare(run(network.Learned(variables, game)), exact, "cost")
        about = f"simulated cost above the exact policy's, relative: {name} on paths alone"
        out.append(Claim(about, None, d.mean / scale, d.half_width / scale, note="3 users at rate 60"))
    return out


def _panels(tables: dict[str, dict[int, tuple[float, float, float]]]) -> tuple[Panel, ...]:
    def curves(entry: int) -> tuple[Curve, ...]:
        return tuple(
            Curve(name, tuple(float(n) for n in table), tuple(row[entry] for row in table.values()))
            for name, table in tables.items()
        )

    regret = "cost / least cost - 1"
    return (
        Panel("Regret against the exact solver: mean", "users", regret, curves(0), log_y=True),
        Panel("Its 99th percentile", "users", regret, curves(2), log_y=True),
    )


def learned(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The learned policy: regret by number of users, central and federated training, simulated cost.

    Smoke: 1000 steps of training, 2048 instances; paper: 6000 and 16384. The text gives no numbers.
    """
    choice("scale", scale, ("smoke", "paper"))
    integer("seed", seed, low=0)
    small = scale == "smoke"
    steps, count = (1000, 2048) if small else (train.STEPS, 16384)
    one, many = train.in_one_place(steps, seed), train.at_the_pools(steps, seed)
    networks = {"untrained": network.start(seed), "central": one.parameters, "federated": many.parameters}
    users = (2, 5, 8, 12) if small else (*SEEN, *UNSEEN)
    tables = {
        name: {n: judged(variables, n, count, seed) for n in users} for name, variables in networks.items()
    }
    claims = [claim for name, table in tables.items() for claim in _regret_claims(name, table)]
    for n in (8, 12):
        mean, half, worst = judged(one.parameters, n, count, seed, instances.selection_regret)
        note = f"selection by least predicted cost; 99th percentile {worst:.2e}"
        claims.append(
            Claim(f"central: relative regret of the pair chosen out of {n}", None, mean, half, note=note)
        )
    claims.append(_simulated(seed, 64 if small else 512))
    found, here = trained_on_paths(60 if small else 300, seed)
    claims += _path_claims(found, here, seed)
    return Report(
        "pricing.learned", "The learned policy", "Dai (2024), section 3.4, figure 6", tuple(claims),
        _panels(tables), scale, seed,
    )  # fmt: skip
