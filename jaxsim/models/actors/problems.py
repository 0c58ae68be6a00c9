"""``jaxsim solve actors.PROBLEM``: worked examples with every number open to change."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, integer, non_negative, numbers, positive, refuse, require, scalar
from jaxsim.models.actors.applications.klimov import klimov as klimov_network
from jaxsim.models.actors.applications.klimov import most_queues, queues_in_use
from jaxsim.models.actors.applications.scheduling import scheduling as scheduling_model
from jaxsim.models.actors.applications.scheduling import sorted_assignment
from jaxsim.models.actors.applications.tandem import dedicated_cost, expedite_cost
from jaxsim.models.actors.applications.tandem import tandem as tandem_line
from jaxsim.models.actors.assignment import assignment_value
from jaxsim.models.actors.bellman import METHODS, choose, named, prepare
from jaxsim.models.actors.conditions import Verdict, certify, signs_hold
from jaxsim.models.actors.evaluate import policy_law, policy_value
from jaxsim.models.actors.laws import Additive, FiringLaw, HeadCount, PowerSpeed
from jaxsim.models.actors.model import formulate
from jaxsim.models.actors.solve import Solution, average, discounted, finite_horizon
from jaxsim.models.actors.solve import total as total_reward

CRITERIA = ("average", "discounted", "total", "finite")


def value(
    *,
    speeds: Any = (1.0, 0.5),
    rates: Any = (1.0, 0.8),
    targets: Any = (((1,), (2,)), ((2,), (0,)), ((0,), (1,))),
    rewards: Any = (((1.0,), (0.0,)), ((0.0,), (2.0,)), ((3.0,), (1.0,))),
    caps: Any = (2, 1),
    costs: Any = 0.0,
    criterion: str = "average",
    rate: Real = 0.1,
    epochs: Whole = 100,
    method: str = "checked",
    idle: bool = True,
) -> dict[str, Any]:
    """Value and best assignment in every state of a model given by its lists.

    ``targets[s][k]`` lists the equally likely successors of action k in state s and ``rewards[s][k]`` what
    each earns; ``caps[k]`` actors at most on action k; ``speeds``, ``rates`` of actors and actions;
    ``costs`` per unit of time. ``criterion`` is average, discounted (at ``rate``), total or finite
    (``epochs`` to go); ``method`` is checked, greedy or exhaustive. Assignments: action of each actor, -1
    for idle.
    """
    choice("criterion", criterion, CRITERIA)
    choice("method", method, METHODS)
    model = formulate(
        speeds=speeds, rates=rates, targets=targets, rewards=rewards, caps=caps, costs=costs, idle=bool(idle)
    )
    if criterion == "average":
        solved = average(model, method=method)
    elif criterion == "discounted":
        solved = discounted(model, scalar("rate", rate, positive), method=method)
    elif criterion == "total":
        solved = total_reward(model, method=method)
    else:
        solved = finite_horizon(model, epochs, method=method)
    out: dict[str, Any] = {"values": solved.values.tolist(), "assignment": solved.assignment.tolist()}
    if criterion == "average":
        out["gain"] = solved.gain
    return {**out, **_trust(solved)}


def _trust(solved: Solution) -> dict[str, Any]:
    failed = [f"{name} in {count} states" for name, count in solved.fallback.items()]
    return {"error_bound": solved.error, "sweeps": solved.sweeps, "conditions_that_fail": failed}


@float64
def assignment(
    *,
    speeds: Any = (1.0, 1.0, 1.0, 1.0),
    values: Any = (5.0, -1.0, -1.0),
    caps: Any = (2, 2, 2),
    allowed: Any = None,
    law: str = "power",
    exponent: Real = 2.0,
    table: Any = None,
    idle: bool = False,
) -> dict[str, Any]:
    """Greedy and best assignment in one state with marginal values m_k.

    ``law``: ``additive``, ``power`` (ρ(x) = x^exponent of the summed speed) or ``heads`` (``table`` ρ(0),
    ρ(1), ... of the head count). ``allowed[i][k]``: whether actor i may take action k (all, by default).
    The default is a case in which Corollary 3.4 fails: greedy 16, optimum 18.
    """
    m, speed = numbers("values", values), positive("speeds", speeds)
    require(m.ndim == 1 and speed.ndim == 1, "values", values, "is not a list", "give one number per action")
    sets = np.ones((len(speed), len(m))) if allowed is None else non_negative("allowed", allowed)
    model = formulate(
        speeds=speed,
        rates=np.ones(len(m)),
        targets=np.zeros((1, len(m), 1)),
        allowed=sets,
        caps=caps,
        law=_law(law, exponent, table),
        idle=True,
    )
    model = model._replace(spec=model.spec.__class__(**{**model.spec.__dict__, "idle": bool(idle)}))
    proof, column = certify(model.params.local), jnp.asarray(m)[:, None]
    out: dict[str, Any] = {}
    signs = True
    for name, method in (("greedy", "greedy"), ("best", "exhaustive")):
        program = prepare(model, method, proof)
        found = choose(program, column)
        local = program.local
        out[f"{name}_value"] = float(assignment_value(local.law, local.speeds, found, column)[0])
        table_ = np.asarray(named(program, found))[:, 0]
        out[f"{name}_assignment"] = np.where(table_ == len(m), -1, table_).tolist()
        if name == "greedy":
            signs = bool(signs_hold(found, column, idle=bool(idle))[0]) or not proof.signs
    verdict = Verdict(int(proof.verdict[0]))
    out["verdict"] = (verdict if verdict < 0 or signs else Verdict.NEGATIVE_VALUE).name
    return out


def _law(name: str, exponent: Any, table: Any) -> FiringLaw:
    choice("law", name, ("additive", "power", "heads"))
    if name == "power":
        return PowerSpeed(scalar("exponent", exponent, positive))
    if name == "heads" and table is None:
        refuse("table", table, "is missing", "give rho(0), rho(1), ... up to the number of actors")
    return HeadCount(table) if name == "heads" else Additive()


def tandem(
    *,
    arrival: Real = 0.8,
    service: Any = (1.0, 1.0),
    holding: Any = (1.0, 1.0),
    speeds: Any = (1.0, 1.0),
    size: Whole = 60,
) -> dict[str, Any]:
    """Mean cost of a two-station tandem line: collaborative, flexible and dedicated servers.

    ``boundary`` is the stationary mass at the truncation ``size``: raise it where that is not small.
    """
    out: dict[str, Any] = {}
    for way in ("collaborative", "flexible", "dedicated"):
        line = tandem_line(
            arrival=arrival, service=service, holding=holding, speeds=speeds, way=way, size=size
        )
        solved = average(line.model, tolerance=1e-7)
        out[way] = -solved.gain
        edge = line.boundary(policy_law(line.model, solved.assignment))
        out[f"{way}_boundary"] = max(edge.values())
    if len(set(np.asarray(holding, float).tolist())) == 1:
        cost = float(np.asarray(holding, float)[0])
        out["expedite_formula"] = expedite_cost(arrival, service, float(np.sum(speeds)), cost)
        out["dedicated_formula"] = cost * dedicated_cost(arrival, service, speeds)
    return out


def klimov(
    *,
    arrivals: Any = (0.3, 0.2, 0.0),
    services: Any = (1.0, 1.5, 0.8),
    holding: Any = (1.0, 2.0, 1.5),
    routing: Any = ((0.0, 0.2, 0.3), (0.1, 0.0, 0.0), (0.0, 0.0, 0.0)),
    speeds: Any = (0.6, 0.6),
    failure: Real = 0.05,
    repair: Real = 0.5,
    size: Whole = 7,
) -> dict[str, Any]:
    """Klimov's network with failure-prone flexible servers: best cost and on how many queues they work.

    ``largest_excess`` is the most queues in use beyond m̂ over all states: 0 confirms the structure.
    """
    network = klimov_network(
        arrivals=arrivals,
        services=services,
        routing=routing,
        holding=holding,
        speeds=speeds,
        failure=failure,
        repair=repair,
        size=size,
    )
    solved = average(network.model, tolerance=1e-7)
    used = queues_in_use(solved.assignment)
    most = most_queues(network.space.counts, network.space.up.sum(1))
    edge = network.boundary(policy_law(network.model, solved.assignment))
    return {
        "mean_cost": -solved.gain,
        "most_queues_in_use": int(used.max()),
        "largest_excess": int((used - most).max()),
        "boundary": max(edge.values()),
        **_trust(solved),
    }


def scheduling(
    *, job_rates: Any = (1.0, 2.0, 3.0, 4.0, 5.0), speeds: Any = (1.0, 0.6, 0.3), objective: str = "flowtime"
) -> dict[str, Any]:
    """Expected flow time or makespan of exponential jobs on machines of different speeds (Weiss, Pinedo)."""
    model = scheduling_model(job_rates=job_rates, speeds=speeds, objective=objective)
    solved = total_reward(model)
    out: dict[str, Any] = {
        "best": -float(solved.values[-1]),
        "first_assignment": solved.assignment[-1].tolist(),
    }
    for name, fast in (("fastest_first", True), ("slowest_first", False)):
        rule = sorted_assignment(job_rates, speeds, fastest_first=fast)
        out[name] = -float(policy_value(model, rule, criterion="total")[-1])
    integer("machines", len(speeds), low=1)
    return out
