"""The learned policy by name: the network with the weights that come with the package, or a user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import jax.numpy as jnp

from jaxsim.core.kernel import System
from jaxsim.core.validation import choice, refuse, require
from jaxsim.models.pricing import diffusion, network
from jaxsim.models.pricing.market import AtEmpty
from jaxsim.models.pricing.policies import Game

WEIGHTS = Path(__file__).with_name("learned.msgpack")
"""Trained by ``python -m jaxsim.experiments.pricing_games.train``."""


def learned(system: System, *, weights: Any = None, at_empty: Any = "reset") -> network.Learned:
    """The learned policy: pairs and queues by a network trained on dual costs, prices as the game's.

    Args:
        weights: msgpack file of trained weights; by default those of the package.
        at_empty: ``reset`` or ``hold``, as for the game.

    Raises:
        InvalidInput: for the packet model, or if the file cannot be read or holds no weights of this network.
    """
    known = isinstance(system.kernel.spec, diffusion.Spec)
    require(known, "model", "queue", "has no learned policy", "use model=diffusion")
    choice("at_empty", at_empty, ("reset", "hold"))
    file = WEIGHTS if weights is None else Path(str(weights))
    try:
        data = file.read_bytes()
    except OSError as error:
        refuse("weights", str(file), f"cannot be read ({error.strerror})", "give the path of a msgpack file")
    game = Game(jnp.ones((), jnp.float32), cast(AtEmpty, at_empty), "same")
    return network.Learned(network.load(data), game)
