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


def nearest(view: str, system: System) -> str:
    """Return the name of the shipped policy of a view that comes nearest to a system's graph and delay.

    A kind of graph for which none of that view is shipped has the cycle's.

    Raises:
        InvalidInput: if none of that view is shipped.
    """
    kind, delay = _kind_and_delay(system)
    kinds = [k for k in (kind, "cycle") if any(name.startswith(f"{view}-{k}-") for name in names())]
    start = f"{view}-{kinds[0] if kinds else kind}-"
    found = [name for name in names() if name.startswith(start)]
    have = ", ".join(sorted({name.rpartition("-")[0] for name in names()}))
    require(bool(found), "view", start[:-1], "is not shipped", f"train it, or take one of {have}")
    return min(found, key=lambda name: abs(float(name[len(start) :]) - delay))


def stand_in(system: System, *, view: str = "mf-r") -> Any:
    """Return the shipped policy that comes nearest, for figures, which say what it was trained for."""
    return learned(system, name=nearest(view, system))


def _kind_and_delay(system: System) -> tuple[str, float]:
    return kind_of(cast(Spec, system.kernel.spec)), float(cast(Params, system.params).delay)


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
        InvalidInput: for an unknown name, a damaged file, a policy for another buffer, or a view of
            which none is shipped for this kind of graph and delay.
    """
    if file is not None:
        return deployed(load_policy(str(file)), system)
    if name is None:
        choice("view", view, ("mf-r", "mf-n", "mf-g", "nodes"))
        kind, delay = _kind_and_delay(system)
        near, name = nearest(str(view), system), f"{view}-{kind}-{delay:g}"
        problem = f"has no network for {kind} at delay {delay:g}"
        require(name in names(), "view", view, problem, f"name={near} can stand in, or train one")
    return deployed(load_policy(SHIPPED / f"{choice('name', name, names())}.npz"), system)
