"""Queueing networks in a few lines, made into multi-actor Markov decision processes.

    network = Network(
        queues=(Queue("one", arrival=0.8, service=1.0, to={"two": 1}, holding=1.0, size=40),
                Queue("two", service=1.0, holding=1.0, size=40)),
        servers=(Server("a"), Server("b", speed=0.5, skills=("two",), failure=0.1, repair=1.0)))
    built = network.build()
    best = average(built.model)

A state holds the jobs in every queue, which of the failure-prone servers are up, and the environment. Each
queue with a service rate is an action (an `Activity` that takes one job from it); further activities may
take jobs from several queues at once (joins: ``takes="b+c"``) and leave jobs in several (forks:
``to={"b+c": 1}``); ``out`` leaves the network. At most as many servers as there are jobs may work on an
activity, or all of them where the network is collaborative.

Queues hold at most ``size`` jobs. An arrival that does not fit is lost. A job that is served and does not
fit where it goes stays and is served again (``full="stays"``, no reward), or is lost (``loses``), or may
not be served at all while one of its destinations is full (``blocks``, which can lock networks with
feedback). A ``size`` that stands for an unlimited queue must be checked: `NetworkModel.boundary` gives the
stationary mass at the edge. (Losing jobs is not the default, for a truncated model's optimal policy then
throws jobs away on purpose.)

Source: the model class of Ahn, Righter (2005), section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, integer, non_negative, positive, probability, refuse, require
from jaxsim.models.actors.laws import FiringLaw
from jaxsim.models.actors.model import Model, formulate
from jaxsim.models.actors.space import Space, parse_jobs

OUT = "out"
"""The destination of jobs that leave."""

FULL = ("stays", "loses", "blocks")
"""What happens to a job that does not fit into its next queue."""


@dataclass(frozen=True)
class Queue:
    """Jobs waiting or in service. ``service`` (rate ν) and ``to`` declare the activity that serves it."""

    name: str
    arrival: Real = 0.0
    service: Real = None
    to: Mapping[str, float] = field(default_factory=lambda: {OUT: 1.0})
    holding: Real = 0.0
    reward: Real = 0.0
    size: Whole = 20
    full: str = "stays"
    initial: Whole = 0


@dataclass(frozen=True)
class Activity:
    """An action: takes jobs (``"a"``, ``"a+b"``, or ``""`` for an unlimited supply) and sends jobs on."""

    name: str
    takes: str
    rate: Real
    to: Mapping[str, float]
    reward: Real = 0.0


@dataclass(frozen=True)
class Server:
    """An actor: its speed, the activities it is trained for (None: all), its failure and repair rates."""

    name: str
    speed: Real = 1.0
    skills: tuple[str, ...] | None = None
    failure: Real = 0.0
    repair: Real = 0.0


@dataclass(frozen=True)
class Environment:
    """An exogenous Markov chain: transition rates between its states, and what they multiply."""

    rates: Real
    arrival: Real | None = None
    service: Real = None
    speed: Real | None = None

    def factors(self, what: str) -> np.ndarray:
        """Multiplier of arrivals, services or speeds in each state of the environment."""
        given = getattr(self, what)
        size = len(self.rates)
        out = np.ones(size) if given is None else non_negative(f"environment.{what}", given)
        require(
            out.shape == (size,), f"environment.{what}", given, "has the wrong length", f"give {size} numbers"
        )
        return out


CALM = Environment(((0.0,),))
"""No environment."""


@dataclass(frozen=True)
class NetworkModel:
    """The model of a network with the meaning of its states and actions."""

    model: Model
    space: Space
    activities: tuple[str, ...]
    servers: tuple[str, ...]

    def boundary(self, law: np.ndarray) -> dict[str, float]:
        """Stationary probability that each queue is full, which is what truncation costs."""
        return {
            name: float(law[self.space.counts[:, q] == self.space.sizes[q]].sum())
            for q, name in enumerate(self.space.names)
        }

    def mean_jobs(self, law: np.ndarray) -> dict[str, float]:
        """Mean number of jobs in each queue under a law of the states."""
        return {name: float(law @ self.space.counts[:, q]) for q, name in enumerate(self.space.names)}


@dataclass(frozen=True)
class Network:
    """Queues, servers, further activities, an environment; see the module's docstring.

    ``idle``: servers may rest though there is work. ``law``: a firing law other than added speeds.
    """

    queues: tuple[Queue, ...]
    servers: tuple[Server, ...]
    activities: tuple[Activity, ...] = ()
    environment: Environment = CALM
    collaborative: bool = False
    idle: bool = True
    law: FiringLaw | None = None

    def all_activities(self) -> tuple[Activity, ...]:
        """The queues' own services first, then the others; an action's number is its place here."""
        own = [
            Activity(q.name, q.name, q.service, q.to, q.reward) for q in self.queues if q.service is not None
        ]
        return (*own, *self.activities)

    def build(self, costs: Callable[[np.ndarray], np.ndarray] | None = None) -> NetworkModel:
        """Enumerate the states and formulate the model.

        ``costs`` maps jobs ``[states, queues]`` to cost rates ``[states]``; by default Σ holding x jobs.
        Raises `InvalidInput` for unknown names, probabilities that do not sum to 1, or more than 2 million
        states.
        """
        activities = self.all_activities()
        self._check(activities)
        space = self._space()
        targets, chances, rewards, caps = _transitions(space, activities, self)
        up = space.up * (np.array([s.speed for s in self.servers]))
        service = self.environment.factors("service")[space.environment]
        rates, exits = _exogenous(space, self)
        holding = np.array([q.holding for q in self.queues], float)
        names = [a.name for a in activities]
        skills = np.array([[s.skills is None or n in s.skills for n in names] for s in self.servers])
        model = formulate(
            speeds=up * self.environment.factors("speed")[space.environment][:, None],
            rates=np.array([a.rate for a in activities])[None] * service[:, None],
            targets=targets, chances=chances, rewards=rewards, allowed=skills[None], caps=caps,
            exogenous=rates, exits=exits,
            costs=space.counts @ holding if costs is None else costs(space.counts),
            law=self.law, idle=self.idle, initial=space.initial([q.initial for q in self.queues]),
        )  # fmt: skip
        return NetworkModel(model, space, tuple(names), tuple(s.name for s in self.servers))

    def _space(self) -> Space:
        sizes = tuple(integer(f"{q.name}.size", q.size, low=1) for q in self.queues)
        failing = tuple(i for i, s in enumerate(self.servers) if s.failure > 0)
        total = math.prod(n + 1 for n in sizes) * 2 ** len(failing) * len(self.environment.rates)
        require(total <= 2_000_000, "size", sizes, f"gives {total} states", "cut the queues at smaller sizes")
        return Space.of(
            tuple(q.name for q in self.queues), sizes, len(self.servers), failing, len(self.environment.rates)
        )

    def _check(self, activities: tuple[Activity, ...]) -> None:
        names = [q.name for q in self.queues]
        require(len(set(names)) == len(names), "queues", names, "has a name twice", "name each queue once")
        require(bool(activities), "activities", "", "there is nothing to do", "give a queue a service rate")
        require(bool(self.servers), "servers", "", "there are none", "declare at least one server")
        for q in self.queues:
            choice(f"{q.name}.full", q.full, FULL)
            non_negative(f"{q.name}.arrival", q.arrival)
            integer(f"{q.name}.initial", q.initial, low=0, high=q.size)
        known = {a.name for a in activities}
        for a in activities:
            positive(f"{a.name}.rate", a.rate)
            parse_jobs(f"{a.name}.takes", a.takes, names)
            chances = probability(f"{a.name}.to", list(a.to.values()))
            require(
                bool(abs(chances.sum() - 1) < 1e-9),
                f"{a.name}.to",
                dict(a.to),
                "does not sum to 1",
                f"add {OUT!r}",
            )
            for to in a.to:
                parse_jobs(f"{a.name}.to", to, names, OUT)
        for s in self.servers:
            non_negative(f"{s.name}.speed", s.speed)
            unknown = [k for k in s.skills or () if k not in known]
            if unknown:
                refuse(
                    f"{s.name}.skills", unknown[0], "is not an activity", f"choose from {', '.join(known)}"
                )
            ok = s.failure == 0 or s.repair > 0
            require(
                ok, f"{s.name}.repair", s.repair, "a failed server never comes back", "give a rate above 0"
            )


def _transitions(
    space: Space, activities: tuple[Activity, ...], network: Network
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Targets, chances, rewards ``[states, activities, branches]`` and caps ``[states, activities]``."""
    states, branches = len(space.counts), max(len(a.to) for a in activities)
    servers = len(network.servers)
    full = np.array([q.full for q in network.queues])
    targets = np.tile(np.arange(states)[:, None, None], (1, len(activities), branches))
    chances, rewards = np.zeros(targets.shape), np.zeros(targets.shape)
    caps = np.zeros((states, len(activities)), np.int32)
    for k, a in enumerate(activities):
        takes = parse_jobs("takes", a.takes, space.names)
        ready = np.where(takes > 0, space.counts // np.maximum(takes, 1), servers).min(1)
        for b, (to, chance) in enumerate(a.to.items()):
            after = space.counts - takes + parse_jobs("to", to, space.names, OUT)
            over = after > space.sizes
            ready = np.where(np.any(over & (full == "blocks"), axis=1) & (chance > 0), 0, ready)
            stays = np.any(over & (full == "stays"), axis=1) | (ready == 0)
            moved = space.with_counts(np.clip(after, 0, space.sizes))
            targets[:, k, b] = np.where(stays, targets[:, k, b], moved)
            rewards[:, k, b] = np.where(stays, 0.0, a.reward)
            chances[:, k, b] = chance
        caps[:, k] = np.where(ready > 0, servers, 0) if network.collaborative else ready
    return targets, chances, rewards, caps


def _exogenous(space: Space, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Rates and successors of arrivals, failures and repairs, and the environment: ``[states, exits]``."""
    rates, exits, states = [], [], np.arange(len(space.counts))
    boost = network.environment.factors("arrival")[space.environment]
    for q, queue in enumerate(network.queues):
        if queue.arrival > 0:
            more = space.counts.copy()
            more[:, q] = np.minimum(more[:, q] + 1, space.sizes[q])
            rates.append(queue.arrival * boost)
            exits.append(space.with_counts(more))
    for i in space.failing:
        server = network.servers[i]
        rates.append(np.where(space.up[:, i], server.failure, server.repair))
        exits.append(space.toggled(i))
    table = non_negative("environment.rates", network.environment.rates)
    for e in range(len(table)):
        if np.any(np.delete(table[:, e], e) > 0):
            rates.append(np.where(space.environment == e, 0.0, table[space.environment, e]))
            exits.append(space.with_environment(e))
    if not rates:
        return np.zeros((len(states), 0)), np.zeros((len(states), 0))
    return np.stack(rates, 1), np.stack(exits, 1)
