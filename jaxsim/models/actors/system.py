"""The actors by name: the keys of ``jaxsim simulate actors``, and policies for a system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, non_negative, refuse, require
from jaxsim.models.actors import policies
from jaxsim.models.actors.applications.grid import grid
from jaxsim.models.actors.applications.klimov import klimov
from jaxsim.models.actors.applications.lines import two_stations
from jaxsim.models.actors.applications.scheduling import scheduling
from jaxsim.models.actors.applications.speeds import bang_bang, temporary_workers
from jaxsim.models.actors.applications.tandem import tandem
from jaxsim.models.actors.kernel import build
from jaxsim.models.actors.model import Model
from jaxsim.models.actors.network import Activity, Network, NetworkModel, Queue, Server

APPLICATIONS: dict[str, Callable[..., Any]] = {
    "tandem": tandem,
    "klimov": klimov,
    "grid": grid,
    "line": two_stations,
    "temporary_workers": temporary_workers,
    "bang_bang": bang_bang,
    "scheduling": scheduling,
}
"""The systems of the paper by name."""


def system(
    *,
    application: str = "tandem",
    options: Any = None,
    queues: Any = None,
    servers: Any = None,
    activities: Any = None,
    collaborative: bool = False,
    size: Whole | None = None,
    clock: str = "uniformized",
    holding_times: str = "mean",
    criterion: str = "average",
    discount_rate: Real = 0.0,
) -> System:
    """Return a multi-actor Markov decision process as a system.

    Args:
        application: tandem, klimov, grid, line, temporary_workers, bang_bang or scheduling.
        options: keys of the application, as a table: ``options={"arrival": 0.5}``.
        queues: a network of one's own instead: a list of tables with the fields of `network.Queue`.
        servers: its servers, tables with the fields of `network.Server`.
        activities: further activities (forks and joins), tables with the fields of `network.Activity`.
        collaborative: whether any number of its servers may work on one job.
        size: where queues are cut off; by default 20 for tandem (and as in the application otherwise).
        clock: ``uniformized`` (epochs of mean length 1/Λ) or ``jump`` (only real events).
        holding_times: of a step, ``mean`` (less variance) or ``sampled``.
        criterion: ``average``, or ``totals``: also rewards minus costs summed over the horizon, plain and
            discounted, from time 0 (simulate with warmup=0).
        discount_rate: α >= 0 of the discounted total.

    Returns:
        The system; default horizon 2000 and warm-up 200 units of time (0 with ``totals``).

    Raises:
        InvalidInput: for unknown names and values out of range.
    """
    choice("clock", clock, ("uniformized", "jump"))
    choice("holding_times", holding_times, ("mean", "sampled"))
    choice("criterion", criterion, ("average", "totals"))
    alpha = non_negative("discount_rate", discount_rate)
    require(alpha.ndim == 0, "discount_rate", discount_rate, "is not one number", "give a number >= 0")
    built = (
        _network(queues, servers, activities, collaborative)
        if queues
        else _application(application, options, size)
    )
    model = built.model if isinstance(built, NetworkModel) else built
    return system_of(
        model, clock=clock, holding=holding_times, criterion=criterion, discount_rate=float(alpha)
    )


def system_of(
    model: Model, *, clock: str = "uniformized", holding: str = "mean", criterion: str = "average",
    discount_rate: Real = 0.0, horizon: Real = 2000.0, warmup: Real = 200.0,
) -> System:  # fmt: skip
    """Any model as a system."""
    spec = replace(model.spec, clock=clock, holding=holding, criterion=criterion)
    params = replace(model.params, discount_rate=np.float64(discount_rate))
    warm = warmup if criterion == "average" else 0.0
    return System(build(spec, horizon=float(horizon), warmup=float(warm)), params)


def _application(name: str, options: Any, size: Whole | None) -> Any:
    choice("application", name, APPLICATIONS)
    table = options is None or isinstance(options, Mapping)
    require(table, "options", options, "is not a table", 'give options={"arrival": 0.5}')
    given = dict(options or {})
    if size is not None or name == "tandem":
        given.setdefault("size", 20 if size is None else size)
    try:
        return APPLICATIONS[name](**given)
    except TypeError:
        known = APPLICATIONS[name].__kwdefaults__ or {}
        unknown = next((key for key in given if key not in known), None)
        if unknown is None:
            raise
        refuse("options", unknown, f"is not a key of {name}", f"choose from {', '.join(known)}")


def _network(queues: Any, servers: Any, activities: Any, collaborative: bool) -> NetworkModel:
    def table(kind: type, field: str, rows: Any) -> tuple[Any, ...]:
        out = []
        for row in rows or ():
            require(isinstance(row, Mapping), field, row, "is not a table", "give tables with a name each")
            known = kind.__dataclass_fields__
            unknown = [key for key in row if key not in known]
            require(not unknown, field, unknown, "is not known", f"choose from {', '.join(known)}")
            row = {key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}
            out.append(kind(**row))
        return tuple(out)

    require(bool(servers), "servers", "", "there are none", "declare at least one server")
    return Network(
        table(Queue, "queues", queues), table(Server, "servers", servers),
        table(Activity, "activities", activities), collaborative=collaborative,
    ).build()  # fmt: skip


def model_of(chosen: System) -> Model:
    """The model behind a system."""
    return Model(chosen.kernel.spec, chosen.params)  # type: ignore[arg-type]


def optimal(chosen: System, *, criterion: str = "average", rate: Real = 0.1) -> policies.Table:
    """Return the policy that maximizes the net benefit.

    Args:
        chosen: the system.
        criterion: ``average`` per unit of time, ``discounted`` at the rate, or ``total``.
        rate: discount rate, for ``discounted`` only.
    """
    return policies.optimal(model_of(chosen), criterion=criterion, rate=rate)


def greedy(chosen: System, *, criterion: str = "average", rate: Real = 0.1) -> policies.Table:
    """Return the greedy policy of the corollaries, whether or not their conditions hold.

    Args:
        chosen: the system.
        criterion: ``average`` per unit of time, ``discounted`` at the rate, or ``total``.
        rate: discount rate, for ``discounted`` only.
    """
    return policies.optimal(model_of(chosen), criterion=criterion, rate=rate, method="greedy")


def distributed(chosen: System) -> policies.Distributed:
    """Return distributed control: each actor in turn maximizes its own marginal gain."""
    return policies.distributed(model_of(chosen))


def c_mu(chosen: System, *, holding: Any = None) -> policies.StaticPriority:
    """Return static priority by c ν.

    Args:
        chosen: the system.
        holding: one c per action; by default the mean drop of the cost rate when the action completes.
    """
    return policies.c_mu(model_of(chosen), holding)


def random_assignment(chosen: System) -> policies.RandomAssignment:
    """Return the policy in which each actor takes any action open to it."""
    return policies.RandomAssignment()


def softmax(chosen: System) -> policies.Softmax:
    """Return a learnable random policy over joint assignments, uniform to begin with."""
    return policies.softmax(model_of(chosen))
