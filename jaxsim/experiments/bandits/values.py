"""Section 6.3.1: the index rule beside other rules and the exact optimum, by simulation."""

from __future__ import annotations

import numpy as np

from jaxsim.engine import simulate
from jaxsim.experiments.bandits.common import Draft, never, scaled, verdict
from jaxsim.models.bandits import policies
from jaxsim.models.bandits.system import system
from jaxsim.models.bandits.theory.dynamic import optimal_joint, policy_value
from jaxsim.models.bandits.theory.gittins import gittins_index
from jaxsim.models.bandits.theory.joint import joint_value
from jaxsim.results.report import Claim, Report


def optimality(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Theorem 6.3.1: the index rule attains the optimum; myopic, fixed and random rules do not exceed it."""
    draft = Draft("optimality", "The index rule is optimal", "theorem 6.3.1", scale, seed)
    rng = np.random.default_rng(5)
    move, reward = rng.dirichlet(np.ones(5), 5), rng.random(5)
    bandit = system(rewards=reward.tolist(), transitions=move.tolist(), arms=3, start=[0, 2, 4])
    optimum = joint_value([(reward, move)] * 3, 0.9, [0, 2, 4])
    count = scaled(scale, 2000, 200_000)
    claims = [_against_the_program(rng, scaled(scale, 5, 200))]
    for name in ("index", "myopic", "fixed", "random"):
        policy = getattr(policies, name)(bandit)
        result = simulate(bandit.kernel, policy, bandit.params, replications=count, horizon=200, seed=seed)
        found = result.estimates["discounted_reward"]
        close = abs(found.mean - optimum) <= 2 * found.half_width
        holds = close if name == "index" else found.mean - 2 * found.half_width <= optimum
        claims.append(
            Claim(
                f"value of the {name} rule, three arms of five states, beta = .9",
                float(optimum) if name == "index" else f"at most {optimum:.6g}",
                found.mean,
                found.half_width,
                verdict(holds),
            )
        )
    return draft.report(claims)


def _against_the_program(rng: np.random.Generator, count: int) -> Claim:
    """Compare the index rule's exact value with the dynamic program's in every joint state."""
    worst, lost = 0.0, 0
    for _ in range(count):
        arms = [(rng.normal(size=n), rng.dirichlet(np.ones(n), n)) for n in (4, 3, 5)]
        grids = np.meshgrid(*[gittins_index(r, p, 0.9) for r, p in arms], indexing="ij")
        gap = optimal_joint(arms, 0.9).value - policy_value(arms, 0.9, np.argmax(np.stack(grids), axis=0))
        worst = max(worst, float(np.abs(gap).max()))
        lost += float(np.abs(gap).max()) > 1e-10
    return never(
        "theorem 6.3.1: the index rule attains the dynamic program's optimum",
        lost,
        count,
        f"largest difference {worst:.1e}",
    )
