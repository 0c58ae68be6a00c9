"""Policies by name, made for a system: what ``--policy`` and the key ``reference`` refer to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.types import Real
from jaxsim.core.validation import choice, non_negative, numbers, positive, require
from jaxsim.models.pricing.market import AtEmpty, Market, Order, Users
from jaxsim.models.pricing.packet_policies import (
    PacketArbitrary,
    PacketConstant,
    PacketGame,
    PacketStochastic,
)
from jaxsim.models.pricing.packets import PacketSpec
from jaxsim.models.pricing.policies import (
    Arbitrary,
    Constant,
    Game,
    StochasticPooling,
    TwoDimensional,
    one_user_reflection,
)
from jaxsim.models.pricing.reflection import completely_s
from jaxsim.models.pricing.schedule import Schedule


def _market(system: System) -> tuple[Market, Users]:
    return system.kernel.spec.market, system.params.users


def _packets(system: System) -> bool:
    return isinstance(system.kernel.spec, PacketSpec)


def _each(field: str, value: Any, users: int, check: Callable[[str, Any], np.ndarray] = positive) -> Any:
    """Return one checked number per user; a single number is meant for all."""
    array = check(field, value)
    fits = array.ndim == 0 or array.shape == (users,)
    require(fits, field, value, f"has shape {array.shape}", f"give one number, or {users} of them")
    return jnp.asarray(np.broadcast_to(array, (users,)), jnp.float32)


def _game(varpi: Real, at_empty: Any, order: Any) -> Game:
    choice("at_empty", at_empty, ("reset", "hold"))
    choice("order", order, ("same", "prices_first", "queues_first"))
    factor = positive("varpi", varpi)
    require(factor.ndim == 0, "varpi", varpi, "is not a single number", "give one number")
    return Game(jnp.asarray(factor, jnp.float32), cast(AtEmpty, at_empty), cast(Order, order))


def game(system: System, *, varpi: Real = 1.0, at_empty: Any = "reset", order: Any = "same") -> Any:
    """The paper's policy (5.10), (5.19) to (5.22).

    Args:
        varpi: the factor of (5.21) for two users of kind ``log``.
        at_empty: ``reset`` or ``hold``: prices when the system empties, where (5.7) is 0/0.
        order: ``same``, ``prices_first`` or ``queues_first``, see `jaxsim.models.pricing.policies.Game`.
    """
    found = _game(varpi, at_empty, order)
    if _packets(system):
        remedy = "leave at_empty and order at their defaults: prices are a function of the queues"
        require(
            (at_empty, order) == ("reset", "same"),
            "at_empty, order",
            (at_empty, order),
            "has no meaning here",
            remedy,
        )
        return PacketGame(found.varpi)
    return found


def constant(system: System, *, prices: Real = 1.0) -> Any:
    """Constant prices, one number or one per user; the queues are the Pareto point."""
    found = _each("prices", prices, _market(system)[0].users)
    return PacketConstant(found) if _packets(system) else Constant(found)


def arbitrary(system: System, *, gain: Real = None, offset: Real = None) -> Any:
    """The arbitrary pricing (5.12): lower price + gain / (offset + sqrt(queue)), at the game's queues.

    Args:
        gain, offset: one number per user; by default (20, 0.05) for ``log`` and (30, 0.1) for ``delay``.
    """
    found = _arbitrary(_market(system)[0], gain, offset)
    return PacketArbitrary(found.gain, found.offset) if _packets(system) else found


def _arbitrary(market: Market, gain: Real = None, offset: Real = None) -> Arbitrary:
    gain = [20.0 if kind == "log" else 30.0 for kind in market.kinds] if gain is None else gain
    offset = [0.05 if kind == "log" else 0.1 for kind in market.kinds] if offset is None else offset
    users = market.users
    return Arbitrary(
        _game(1.0, "reset", "same"),
        _each("gain", gain, users, non_negative),
        _each("offset", offset, users),
    )


def stochastic(system: System, *, pricing: Any = "dynamic", at_empty: Any = "reset") -> Any:
    """A pair drawn at every step (5.23); ``pricing`` is ``dynamic`` (as the game's) or ``constant``.

    In the packet model prices are 1.
    """
    choice("pricing", pricing, ("dynamic", "constant"))
    if _packets(system):
        return PacketStochastic(jnp.ones(_market(system)[0].users, jnp.float32))
    return StochasticPooling(_game(1.0, at_empty, "same"), cast(Literal["dynamic", "constant"], pricing))


def two_dimensional(system: System, *, prices: Real = 1.0, alone: Real = None, matrix: Real = None) -> Any:
    """The 2D-queue of two users: queues that reflect obliquely, at constant prices.

    The reflection comes from the capacity that one user has while the other's queue is empty (3.16), which
    the paper gives for two users only.

    Args:
        prices: one number or one per user.
        alone: rates c_1^2, c_2^1 of a user while the other's queue is empty; by default 1.5 times ``rate``.
        matrix: the reflection matrix itself (``[[1,0],[0,1]]`` for normal reflection), instead of ``alone``.

    Raises:
        InvalidInput: for other than two users, or a matrix that is not completely S.
    """
    remedy = "choose model=diffusion: before the limit every policy moves all queues"
    require(not _packets(system), "model", "queue", "has no 2D-queue", remedy)
    return _two_dimensional(*_market(system), prices, alone, matrix)


def _two_dimensional(
    market: Market, users: Users, prices: Real = 1.0, alone: Real = None, matrix: Real = None
) -> TwoDimensional:
    require(market.users == 2, "users", market.users, "do not make a 2D-queue", "give users=2")
    rate = np.asarray(users.rate, np.float64)[0].sum(axis=0)
    if matrix is None:
        others = 1.5 * rate if alone is None else np.asarray(_each("alone", alone, 2), np.float64)
        matrix = one_user_reflection(np.asarray(users.mu, np.float64), rate, others)
    checked = completely_s("matrix", matrix)
    require(
        checked.shape == (2, 2), "matrix", matrix, f"has shape {checked.shape}", "give 2 rows of 2 numbers"
    )
    return TwoDimensional(_each("prices", prices, 2), jnp.asarray(checked, jnp.float32))


def schedule(system: System, *, level: Real = -2.0, slope: Real = 0.5) -> Any:
    """Prices that are a smooth function of the workload between the bounds, to be tuned.

    Args:
        level: of the price at an empty system, one number or one per user: minus infinity would be the lower
            bound, plus infinity the upper one (the initial price in a market without).
        slope: by which the level changes with ln(1 + workload / 1000).
    """
    remedy = "use model=diffusion: before the limit prices are a function of the queues"
    require(not _packets(system), "model", "queue", "has no price schedule", remedy)
    users = _market(system)[0].users
    return Schedule(_each("level", level, users, numbers), _each("slope", slope, users, numbers))


REFERENCES = ("none", "constant", "arbitrary", "stochastic", "2d-queue")


def reference(name: Any, market: Market, users: Users) -> Any:
    """Return the policy that runs beside, with its defaults, or None."""
    choice("reference", name, REFERENCES)
    if name == "none":
        return None
    if name == "constant":
        return Constant(jnp.ones(market.users, jnp.float32))
    if name == "arbitrary":
        return _arbitrary(market)
    if name == "2d-queue":
        return _two_dimensional(market, users)
    return StochasticPooling(_game(1.0, "reset", "same"))


def scalar(field: str, value: Any, check: Callable[[str, Any], np.ndarray] = numbers) -> float:
    """Return a single checked number."""
    array = check(field, value)
    require(array.ndim == 0, field, value, "is not a single number", "give one number")
    return float(array)
