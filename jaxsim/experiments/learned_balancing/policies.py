"""Trained policies of the balancing family by name, on graphs of any size.

A name is VIEW-GRAPH-DELAY, for instance ``mf-n-cycle-5``: a network trained through that view on that kind
of graph at that delay (``nodes`` policies are NA-PS). `jaxsim.experiments.learned_balancing.ship` trained all
that come with the package, and trains them again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from jaxsim.core.kernel import System
from jaxsim.core.validation import choice, require
from jaxsim.learning.saved import Saved, load_policy
from jaxsim.models.balancing.learned import kind_of
from jaxsim.models.balancing.model import Params, Spec
from jaxsim.models.balancing.views import seen_by

SHIPPED = Path(__file__).parent / "shipped"


def names() -> list[str]:
    """Return the names of the policies that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.npz"))


def nearest(view: str, kind: str, delay: float) -> str:
    """Return the name of the shipped policy of a view and kind of graph with the nearest delay.

    A kind of graph for which none of that view is shipped has the cycle's.

    Raises:
        InvalidInput: if none of that view is shipped.
    """
    kinds = [k for k in (kind, "cycle") if any(name.startswith(f"{view}-{k}-") for name in names())]
    start = f"{view}-{kinds[0] if kinds else kind}-"
    found = [name for name in names() if name.startswith(start)]
    have = ", ".join(sorted({name.rpartition("-")[0] for name in names()}))
    require(bool(found), "view", start[:-1], "is not shipped", f"train it, or take one of {have}")
    return min(found, key=lambda name: abs(float(name[len(start) :]) - delay))


def deployed(saved: Saved, system: System) -> Any:
    """Return the kernel's policy for a system of any size.

    Raises:
        InvalidInput: if the policy is another family's, or was trained for another buffer.
    """
    family = saved.notes["family"]
    require(family == "balancing", "policy file", family, "is another family's", "train one for balancing")
    view = seen_by(saved.notes["view"], system)[1]
    same = view.features == saved.notes["features"]
    spec = cast(Spec, system.kernel.spec)
    remedy = f"it was trained for buffer {saved.notes['features'] // 2 - 1}; train one for yours"
    require(same, "buffer", spec.states - 1, "does not fit the policy", remedy)
    require(view.deploy is not None, "view", view.name, "belongs to one graph only", "take another view")
    assert view.deploy is not None
    return view.deploy(saved.decide, saved.weights)


def learned(system: System, *, view: Any = "mf-r", name: Any = None, file: Any = None) -> Any:
    """A trained policy: by ``view`` the shipped one for this graph and delay; by ``name``; from a ``file``.

    Args:
        view: ``mf-r`` (default), ``mf-n``, ``mf-g`` or ``nodes`` (NA-PS).
        name: of a shipped policy, whatever this graph and delay are.
        file: a policy.npz that 'jaxsim train balancing --out DIR' wrote.

    Raises:
        InvalidInput: for an unknown name, a damaged file, or a policy for another buffer.
    """
    if file is not None:
        return deployed(load_policy(str(file)), system)
    if name is None:
        spec, params = cast(Spec, system.kernel.spec), cast(Params, system.params)
        choice("view", view, ("mf-r", "mf-n", "mf-g", "nodes"))
        name = nearest(str(view), kind_of(spec), float(params.delay))
    return deployed(load_policy(SHIPPED / f"{choice('name', name, names())}.npz"), system)
