"""Systems and policies by name: what the command line and newcomers' scripts share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaxsim.core.validation import choice, require
from jaxsim.experiments import inputs
from jaxsim.experiments.registry import Family, families

if TYPE_CHECKING:
    from jaxsim.core.kernel import System
else:
    System = Any  # the class lives beside JAX, which a list of names must not load


def card_of(family: str) -> Family:
    """Return a family's card; a misspelled name is answered with the nearest one."""
    known = families()
    return known[choice("family", family, known)]


def simulated_card(family: str) -> Family:
    """Return the card of a family that has a kernel."""
    card = card_of(family)
    require(card.system is not None, "family", family, "has no kernel to simulate", "see 'jaxsim list'")
    return card


def system(family: str, **keys: Any) -> System:
    """Return a family's system: its kernel and parameters.

    Args:
        family: a name that ``jaxsim.families()`` lists.
        keys: as ``jaxsim list FAMILY`` shows them.

    Raises:
        InvalidInput: for an unknown family or key, or a value out of range.
    """
    entry = simulated_card(family).system
    assert entry is not None
    build = entry.load()
    inputs.check_keys(keys, build)
    return inputs.call(build, keys)


def policy(name: str, system: System, **keys: Any) -> Any:
    """Return a named policy for the system.

    Raises:
        InvalidInput: for an unknown policy or key, or a value out of range.
    """
    card = card_of(system.kernel.family)
    make = card.policies[choice("policy", name, card.policies)].load()
    inputs.check_keys(keys, make)
    return inputs.call(make, keys, system)
