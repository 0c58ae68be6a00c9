"""Trained policies as files: a few kilobytes, versioned, with a checksum, without pickle.

A file holds the weights of an agent's network and, as plain JSON, what they belong to (family, view, sizes)
and how they were trained. It is a checkpoint file (`jaxsim.results.checkpoint`) of the kind "policy".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.core.types import Array
from jaxsim.core.validation import require
from jaxsim.learning.ppo.agent import applied
from jaxsim.learning.ppo.networks import Network, squashed
from jaxsim.results.checkpoint import read, write

IDENTITY = {"kind": "policy", "policy format": "1"}


@dataclass(frozen=True)
class Decide:
    """The deterministic policy of a network: (weights, observations) -> the likeliest actions. Hashable."""

    widths: tuple[int, ...]
    outputs: int
    choices: bool = False

    def __call__(self, weights: Any, rows: Array) -> Array:
        """Return actions in [0, 1], or numbers of choices."""
        center = applied(Network(self.widths, self.outputs), weights, rows)
        return jnp.argmax(center, axis=-1) if self.choices else squashed(center)


@dataclass(frozen=True)
class Saved:
    """A trained policy: how it decides, its weights, and notes (family, view, features, training)."""

    decide: Decide
    weights: Any
    notes: dict[str, Any]


def save_policy(path: str | Path, decide: Decide, weights: Any, notes: dict[str, Any]) -> None:
    """Write a policy's file.

    Raises:
        InvalidInput: if it cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, IDENTITY, weights, {**notes, "decide": asdict(decide)})


def load_policy(path: str | Path) -> Saved:
    """Read a policy's file.

    Raises:
        InvalidInput: if there is none, or it is damaged or of another kind.
    """
    path = Path(path)
    require(path.is_file(), "policy file", str(path), "does not exist", "give a file that training wrote")
    found = read(path, IDENTITY)
    shape = found.notes["decide"]
    decide = Decide(tuple(shape["widths"]), shape["outputs"], shape["choices"])
    weights = _nested({name: np.asarray(array) for name, array in found.arrays.items()})
    return Saved(decide, weights, found.notes)


def _nested(flat: dict[str, Any]) -> Any:
    """Return arrays by path as nested dicts."""
    tree: dict[str, Any] = {}
    for name, array in flat.items():
        *above, last = name.split("/")
        place = tree
        for part in above:
            place = place.setdefault(part, {})
        place[last] = jnp.asarray(array)
    return tree
