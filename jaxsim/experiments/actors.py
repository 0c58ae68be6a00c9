"""The statements of Ahn and Righter (2005) and the systems they name, solved and simulated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxsim.core.types import Whole
from jaxsim.core.validation import choice
from jaxsim.engine import simulate
from jaxsim.models.actors import Model, average, policies, policy_law, policy_value, total
from jaxsim.models.actors.applications.grid import c_mu_assignment, grid, single_server_cost
from jaxsim.models.actors.applications.klimov import klimov, most_queues, queues_in_use
from jaxsim.models.actors.applications.lines import best_team_throughput, own_station_assignment, two_stations
from jaxsim.models.actors.applications.scheduling import scheduling, sorted_assignment
from jaxsim.models.actors.applications.speeds import bang_bang, rates_in_use, temporary_workers
from jaxsim.models.actors.applications.tandem import dedicated_cost, expedite_cost, tandem
from jaxsim.models.actors.dominance import dominates
from jaxsim.models.actors.system import system_of
from jaxsim.results.report import Claim, Curve, Panel, Report

SOURCE = "Ahn, Righter (2005), Multi-actor Markov decision processes"
SCALES = {"smoke": (60, 300.0), "paper": (1000, 5000.0)}


def _simulated(
    model: Model,
    assignment: Any,
    metric: str,
    exact: float,
    what: str,
    scale: str,
    seed: Whole,
    **choices: Any,
) -> Claim:
    """Simulate a policy and hold the estimate against its solved value: within 3 standard errors."""
    replications, horizon = SCALES[scale]
    system = system_of(model, **choices)
    horizon = 60.0 if choices.get("criterion") == "totals" else horizon
    result = simulate(
        system.kernel,
        policies.table(model, assignment),
        system.params,
        seed=seed,
        replications=replications,
        horizon=horizon,
    )
    found = result.estimates[metric]
    half = float(found.half_width)
    near = (
        abs(float(found.mean) - exact) <= 1.55 * half + 1e-9
    )  # 3 standard errors in units of the 95 % half-width
    return Claim(
        f"{what}: simulated against solved",
        round(exact, 7),
        float(found.mean),
        half,
        "reproduced" if near else "not reproduced",
        "the first number is this package's exact value",
    )


def _number(quantity: str, paper: float, ours: float, tolerance: float, note: str = "") -> Claim:
    return Claim(
        quantity, paper, ours, 0.0, "reproduced" if abs(ours - paper) <= tolerance else "not reproduced", note
    )


def _statement(quantity: str, text: str, holds: bool, ours: str, note: str = "") -> Claim:
    return Claim(quantity, text, ours, 0.0, "reproduced" if holds else "not reproduced", note)


def tandem_lines(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Collaborative, flexible and dedicated tandem lines (sections 1 and 3.2), λ = .8, ν = h = (1, 1)."""
    choice("scale", scale, SCALES)
    claims, size = [], 60
    theory = {
        "collaborative": expedite_cost(0.8, (1, 1), 2.0),
        "dedicated": dedicated_cost(0.8, (1, 1), (1, 1)),
    }
    for way in ("collaborative", "flexible", "dedicated"):
        line = tandem(way=way, size=size)
        solved = average(line.model, tolerance=1e-7)
        edge = max(line.boundary(policy_law(line.model, solved.assignment)).values())
        note = f"queues cut at {size}, stationary mass there {edge:.1e}"
        if way in theory:
            claims.append(_number(f"mean cost, {way} servers", theory[way], -solved.gain, 2e-4, note))
        counts = line.space.counts
        free = np.all((counts == 0) | (counts >= 2), axis=1) & (counts.sum(1) > 0)
        together = bool(np.all(solved.assignment[free, 0] == solved.assignment[free, 1]))
        if way == "flexible":
            text = "both servers at one station wherever every queue has 0 or at least 2 jobs (Corollary 3.1)"
            claims.append(_statement("flexible servers", text, together, f"{int(free.sum())} states checked"))
        claims.append(
            _simulated(
                line.model, solved.assignment, "cost_rate", -solved.gain, f"mean cost, {way}", scale, seed
            )
        )
    loads = np.linspace(0.3, 0.8, 6)
    curves = tuple(
        Curve(name, tuple(loads), tuple(cost(a) for a in loads))
        for name, cost in (
            ("dedicated", lambda a: dedicated_cost(a, (1, 1), (1, 1))),
            ("pooled (expedite)", lambda a: expedite_cost(a, (1, 1), 2.0)),
        )
    )
    panel = Panel("Pooling a tandem line always helps", "arrival rate", "mean number of jobs", curves)
    better = all(expedite_cost(a, (1, 1), 2.0) < dedicated_cost(a, (1, 1), (1, 1)) for a in loads)
    claims.append(
        _statement("pooled against dedicated", "pooling is always better in tandem", better, "six loads")
    )
    return Report(
        "actors.tandem", "Tandem lines with flexible servers", SOURCE, tuple(claims), (panel,), scale, seed
    )


def weiss_pinedo(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Weiss and Pinedo's jobs and machines (section 1, Corollary 3.2): flow time and makespan."""
    choice("scale", scale, SCALES)
    claims, rates, speeds = [], (1.0, 2.0, 3.0, 4.0, 5.0), (1.0, 0.6, 0.3)
    for objective, fast in (("flowtime", True), ("makespan", False)):
        model = scheduling(job_rates=rates, speeds=speeds, objective=objective)
        best = -float(total(model).values[-1])
        rule, other = (sorted_assignment(rates, speeds, fastest_first=f) for f in (fast, not fast))
        ours = -float(policy_value(model, rule, criterion="total")[-1])
        worse = -float(policy_value(model, other, criterion="total")[-1])
        name = "fastest" if fast else "slowest"
        text = f"the {name} job on the fastest machine is optimal"
        found = f"{ours:.10f}, optimum {best:.10f}, reversed {worse:.7f}"
        claims.append(_statement(f"expected {objective}", text, abs(ours - best) < 1e-9, found))
        what = f"expected {objective}, {name} first"
        claims.append(_simulated(model, rule, "total", -ours, what, scale, seed, criterion="totals"))
    model = scheduling(job_rates=rates, speeds=speeds)
    good, bad = (
        policies.table(model, sorted_assignment(rates, speeds, fastest_first=f)) for f in (True, False)
    )
    runs = {"epochs": 100, "replications": 1000 if scale == "smoke" else 10000, "seed": seed}
    forward, backward = dominates(model, good, bad, **runs), dominates(model, bad, good, **runs)
    holds = not forward.refuted(0.01) and backward.refuted(0.01)
    text = "fastest first is better than its reverse in the stochastic order (section 3.1)"
    found = f"p = {forward.p_value:.3f}; the opposite: p = {backward.p_value:.3f}"
    note = "a Monte Carlo test can refute dominance, not prove it"
    claims.append(_statement("stochastic order of the flow time", text, holds, found, note))
    return Report(
        "actors.weiss_pinedo", "Exponential jobs on machines", SOURCE, tuple(claims), (), scale, seed
    )


def klimov_network(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Klimov's network with failure-prone servers: at most m̂ queues are served (section 3.1)."""
    choice("scale", scale, SCALES)
    network = klimov(size=6 if scale == "smoke" else 9)
    solved = average(network.model, tolerance=1e-7)
    used = queues_in_use(solved.assignment)
    here, counts = network.space.up.sum(1), network.space.counts
    excess = int((used - most_queues(counts, here)).max())
    one = np.all((counts == 0) | (counts >= here[:, None]), axis=1)
    text = "at most m-hat queues are served in every state"
    note = "m-hat = M with fewer jobs than servers, else the least m with x_1 + ... + x_m >= N (corrected)"
    edge = max(network.boundary(policy_law(network.model, solved.assignment)).values())
    claims = (
        _statement(
            "queues in use", text, excess <= 0, f"largest excess {excess} of {len(used)} states", note
        ),
        _statement(
            "queues with 0 or at least N jobs",
            "all servers on one queue",
            bool(np.all(used[one] <= 1)),
            f"{int(one.sum())} states checked",
        ),
        _simulated(
            network.model,
            solved.assignment,
            "cost_rate",
            -solved.gain,
            f"mean cost (mass at the edge {edge:.1e})",
            scale,
            seed,
        ),
    )
    return Report(
        "actors.klimov", "Failure-prone servers in Klimov's network", SOURCE, claims, (), scale, seed
    )


def andradottir(*, scale: str = "smoke", seed: int = 0) -> Report:
    """The line of Andradottir, Ayhan and Down, where the key assumptions fail (section 4)."""
    choice("scale", scale, SCALES)
    line = two_stations()
    solved = average(line.model)
    own = own_station_assignment(2)
    value = float(policy_value(line.model, own))
    same = bool(np.all(solved.assignment == own))
    text = "each server at its own station unless it would idle"
    team = best_team_throughput(((4, 2), (1, 3)))
    seen = f"optimum {solved.gain:.7f}, policy {value:.7f}, best team {team:.4f}"
    claims = (
        _statement("mu = [[4, 2], [1, 3]], B = 2: throughput", text, same, seen),
        _statement(
            "conditions", "the corollaries do not apply", bool(solved.fallback), f"solver: {solved.fallback}"
        ),
        _simulated(line.model, own, "reward_rate", value, "throughput", scale, seed),
    )
    return Report("actors.andradottir", "Where the assumptions fail", SOURCE, claims, (), scale, seed)


def teams(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Copies of tasks, bang-bang service rates and temporary workers: actors as one team (section 3.2)."""
    choice("scale", scale, SCALES)
    tasks = grid(size=45, arrivals=(0.3, 0.2))
    solved = average(tasks.model, tolerance=1e-7)
    exact = single_server_cost((0.3, 0.2), (1.0, 1.5), (2.0, 1.0), speed=1.0)
    rule = c_mu_assignment(tasks, (2.0, 1.0), (1.0, 1.5))
    queue = bang_bang()
    rates = rates_in_use(queue, average(queue, tolerance=1e-8).assignment)
    line = temporary_workers(size=12)
    staff = average(line.model, tolerance=1e-6).assignment
    up = line.space.up
    one = all(np.all((staff[:, i] == staff[:, j])[up[:, i] & up[:, j]]) for i in range(3) for j in range(i))
    ends = set(np.round(rates, 9)) <= {0.0, 0.3, 1.2}
    claims = (
        _number(
            "copies of tasks: optimum against one fast computer in c-mu order", exact, -solved.gain, 1e-5
        ),
        _number("the same: c-mu policy", exact, -float(policy_value(tasks.model, rule)), 1e-5),
        _simulated(tasks.model, rule, "cost_rate", exact, "cost of the c-mu policy", scale, seed),
        _statement(
            "service rate from [0.3, 1.2]",
            "the least or the largest (bang-bang)",
            ends,
            f"rates in use {sorted(set(np.round(rates, 9).tolist()))} (0 in the empty state)",
        ),
        _statement(
            "temporary workers", "all who are there work at one station", bool(one), f"{len(up)} states"
        ),
    )
    x = np.arange(12.0)
    panel = Panel(
        "Bang-bang service",
        "jobs",
        "service rate in use",
        (Curve("optimal", tuple(x), tuple(rates[:12]), None, "steps"),),
    )
    return Report("actors.teams", "Actors that act as one", SOURCE, claims, (panel,), scale, seed)


EXPERIMENTS: dict[str, Callable[..., Report]] = {
    "tandem": tandem_lines,
    "weiss_pinedo": weiss_pinedo,
    "klimov": klimov_network,
    "andradottir": andradottir,
    "teams": teams,
}
"""By name, as in the family's card."""
