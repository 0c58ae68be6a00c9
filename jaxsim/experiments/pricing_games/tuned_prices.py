"""Experiment: price functions tuned by pathwise gradients beside every pricing of the paper.

Two objectives, both averages over [0, 200] from the stationary mean of the workload, on the users of figure
11 with prices between (0.64, 0.8) and (9, 3):

    cost       E C_0(P Q), the paper's; it increases with prices on every path, so lower bounds are optimal
    net cost   E [C_0(P Q) - value * sum_j lambda_j m_j P_j], in which what packets pay counts too
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.random import Key
from jaxsim.core.validation import choice, integer
from jaxsim.engine import rollout, simulate
from jaxsim.learning import Interval, Pathwise, Tuning, default_optimizer, tune
from jaxsim.learning.objectives import Objective
from jaxsim.models.pricing import catalogue
from jaxsim.models.pricing.schedule import SCALE, Bounded, Schedule
from jaxsim.models.pricing.system import system
from jaxsim.results.report import Claim, Curve, Panel, Report, Verdict
from jaxsim.statistics import mean_interval

VALUE = 3e-3
"""Value of a unit of revenue in units of dual cost: with it prices of about 1 are optimal at W = 1500."""

HORIZON = 200.0
UNIT = 100.0
"""What the descent multiplies the objective by."""

_STEP = 0.4
_MEAN = 1573.529
"""sigma^2 / (2 |b|), the stationary mean of the workload of figure 11."""


def market() -> System:
    """Return the users of figure 11 with upper price bounds (9, 3), started at the stationary mean."""
    return system(upper_prices=(9.0, 3.0), reference="none", initial_workload=_MEAN, time_step=_STEP)


def hand_made(here: System) -> dict[str, Any]:
    """Return the pricings of the paper, by name; (5.12) kept within the bounds."""
    return {
        "dynamic (5.10), reset": catalogue.game(here),
        "dynamic (5.10), hold": catalogue.game(here, at_empty="hold"),
        "constant prices 1": catalogue.constant(here),
        "arbitrary (5.12)": Bounded(catalogue.arbitrary(here)),
        "2D-queue, prices 1": catalogue.two_dimensional(here),
    }


def packets(here: System) -> np.ndarray:
    """Return lambda_j m_j, the packets of each user per unit of time."""
    users = here.params.users
    return np.asarray(users.arrival_rate * users.batch_mean, np.float64)[0]


def net_cost(here: System, place: Callable[[Any], tuple[Any, Any]]) -> Callable[[Any], Objective]:
    """Return value -> the objective; ``place`` turns what is tuned into (params, policy)."""
    flow, steps = packets(here), round(HORIZON / _STEP)

    def make(value: Any) -> Objective:
        def objective(point: Any, key: Key) -> Any:
            params, policy = place(point)
            _, means, _ = rollout(here.kernel, policy, params, key, steps=steps)
            paid = sum(float(n) * means[f"price_{j}"] for j, n in enumerate(flow, start=1))
            return UNIT * (means["cost"] - value * paid)

        return objective

    return make


def tuned(here: System, value: float, *, steps: int, seed: int, flat: bool = False) -> Tuning:
    """Tune the schedule from the middle of the bounds; ``flat`` leaves out the slope (constant prices)."""

    def place(point: Any) -> tuple[Any, Any]:
        slope = jnp.zeros_like(point["level"]) if flat else point["slope"]
        return here.params, Schedule(point["level"], slope)

    zero = {"level": jnp.zeros(2)} if flat else {"level": jnp.zeros(2), "slope": jnp.zeros(2)}
    return tune(
        net_cost(here, place)(value), zero, gradient=Pathwise(16), optimizer=default_optimizer(steps, 0.2),
        steps=steps, seed=seed, judges=64, assess=False,
    )  # fmt: skip


def with_bounds(here: System) -> Callable[[Any], tuple[Any, Any]]:
    """Return lower price bounds -> (params, policy) of the paper's policy (5.10), reset at W = 0.

    Its prices move through the bounds and at W = 0 only, where they fall to the lower ones: those are what
    there is to tune.
    """
    policy = catalogue.game(here)

    def place(lower: Any) -> tuple[Any, Any]:
        users = dataclasses.replace(here.params.users, lower_prices=jnp.asarray(lower))
        return dataclasses.replace(here.params, users=users), policy

    return place


def _tuned_bounds(here: System, *, steps: int, count: int, seed: int) -> Claim:
    """Tune the bounds on the net cost; return how much more the paper's bounds cost."""
    place = with_bounds(here)
    found = tune(
        net_cost(here, place)(VALUE), np.asarray(here.params.users.lower_prices), gradient=Pathwise(16),
        constraint=Interval(0.1, 3.0), steps=steps, seed=seed, judges=64, assess=False,
    )  # fmt: skip
    params, policy = place(found.tuned)
    better = net_costs(System(here.kernel, params), policy, VALUE, count, seed + 1)
    d = mean_interval(net_costs(here, policy, VALUE, count, seed + 1) - better)
    verdict: Verdict = "reproduced" if d.mean - d.half_width > 0 else "not reproduced"
    old, new = (", ".join(f"{x:.3g}" for x in p.users.lower_prices) for p in (here.params, params))
    about = (
        "net cost: dynamic (5.10), reset, costs more with the paper's lower bounds than with tuned ones by"
    )
    return Claim(about, None, d.mean, d.half_width, verdict, f"bounds ({old}) against ({new})")


def _policy(found: Tuning) -> Schedule:
    level = jnp.asarray(found.tuned["level"])
    return Schedule(level, jnp.asarray(found.tuned.get("slope", np.zeros(2))))


def net_costs(here: System, policy: Any, value: float, replications: int, seed: int) -> np.ndarray:
    """Return the objective of each replication: the same number means the same noise for every policy."""
    found = simulate(here.kernel, policy, here.params, replications=replications, horizon=HORIZON, seed=seed)

    def mean(name: str) -> np.ndarray:
        return found.samples[f"{name}.numerator"] / found.samples[f"{name}.denominator"]

    paid = sum(n * mean(f"price_{j}") for j, n in enumerate(packets(here), start=1))
    return mean("cost") - value * paid


def _claims(
    about: str, here: System, best: Schedule, others: dict[str, Any], value: float, count: int, seed: int
) -> list[Claim]:
    ours = net_costs(here, best, value, count, seed)
    own = mean_interval(ours)
    out = [Claim(f"{about} of the tuned prices", None, own.mean, own.half_width)]
    for name, policy in others.items():
        more = net_costs(here, policy, value, count, seed) - ours
        d = mean_interval(more)
        verdict: Verdict = "reproduced" if d.mean - d.half_width > 0 else "not reproduced"
        # costs grow like W^3, so few paths carry much of a mean and normal intervals are too short
        heavy = np.sort(more)[-max(1, count // 100) :].sum() / more.sum()
        note = (
            f"more on {100 * np.mean(more > 0):.1f} % of paths; 1 % of paths carry {100 * heavy:.0f} % of it"
        )
        about_this = f"{about}: {name} costs more than the tuned prices by"
        out.append(Claim(about_this, None, d.mean, d.half_width, verdict, note))
    return out


def _above_the_optimum(here: System, best: Schedule, count: int, seed: int) -> Claim:
    """Return what the tuned prices cost above the known optimum: lower bounds, whatever happens."""
    floor = catalogue.constant(here, prices=np.asarray(here.params.users.lower_prices, np.float64))
    d = mean_interval(net_costs(here, best, 0.0, count, seed) - net_costs(here, floor, 0.0, count, seed))
    note = (
        "from an empty system (5.10) with reset is there from the first exact step on, and cannot be beaten"
    )
    return Claim(
        "cost: tuned prices above the optimum, prices at lower bounds", None, d.mean, d.half_width, note=note
    )


def _panel(here: System, schedules: dict[str, Schedule]) -> Panel:
    w = np.linspace(0, 6000, 121)
    low, high = (np.asarray(x) for x in (here.params.users.lower_prices, here.params.users.upper_prices))
    curves = []
    for name, s in schedules.items():
        for j in range(2):
            share = jax.nn.sigmoid(s.level[j] + s.slope[j] * np.log1p(w / SCALE))
            price = low[j] + (high[j] - low[j]) * np.asarray(share)
            curves.append(Curve(f"{name}, user {j + 1}", tuple(w.tolist()), tuple(price.tolist())))
    return Panel("Tuned prices", "workload", "price", tuple(curves))


def tuned_prices(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Prices tuned by gradient beside the paper's, on its cost and on the cost net of revenue.

    Smoke: 60 steps, 1024 paths to judge; paper: 300 steps, 16384 paths.
    """
    choice("scale", scale, ("smoke", "paper"))
    integer("seed", seed, low=0)
    steps, count = (60, 1024) if scale == "smoke" else (300, 16384)
    here = market()
    others = hand_made(here)
    cost, net = (tuned(here, value, steps=steps, seed=seed) for value in (0.0, VALUE))
    flat = tuned(here, VALUE, steps=steps, seed=seed, flat=True)
    claims = _claims("cost", here, _policy(cost), others, 0.0, count, seed + 1)
    claims.append(_above_the_optimum(here, _policy(cost), count, seed + 1))
    others_net = others | {"best constant prices, tuned too,": _policy(flat)}
    claims.append(_tuned_bounds(here, steps=steps, count=count, seed=seed))
    claims += _claims("net cost", here, _policy(net), others_net, VALUE, count, seed + 1)
    x = tuple(float(n) for n in range(steps))
    traces = {"P(W)": net.values, "constant": flat.values}
    lines = tuple(Curve(name, x, tuple((v / UNIT).tolist())) for name, v in traces.items())
    descent = Panel("Descent", "step", "net cost of 16 paths", lines)
    prices = _panel(here, {"cost": _policy(cost), "net cost": _policy(net)})
    return Report(
        "pricing.tuned_prices", "Prices tuned by gradient", "Dai (2024), section 5.1, extended",
        tuple(claims),
        (prices, descent), scale, seed,
    )  # fmt: skip
