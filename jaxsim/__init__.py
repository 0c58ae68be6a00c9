"""jaxsim: batched, differentiable simulation of decentralized resource-allocation systems.

    import jaxsim

    system = jaxsim.system("balancing", topology="torus", side=70, delay=5)
    result = jaxsim.simulate(system.kernel, jaxsim.policy("jsq", system), system.params, replications=500)
    print(result["drops_per_node"])

Three verbs carry everything: `rollout` (one replication, pure), `simulate` (thousands, with intervals) and,
per family, what is solved exactly. Families: ``jaxsim.families()``. Names are imported when first used, so
that the command line starts at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsim.core.errors import InvalidInput, MissingExtra, UntrustworthyResult
    from jaxsim.core.kernel import Kernel, Metric, System
    from jaxsim.core.random import Key, key
    from jaxsim.engine import Every, FinalState, rollout, simulate
    from jaxsim.experiments.build import policy, system
    from jaxsim.experiments.registry import families
    from jaxsim.results import Result, compare, load, save

_HOME = {
    "InvalidInput": "jaxsim.core.errors",
    "MissingExtra": "jaxsim.core.errors",
    "UntrustworthyResult": "jaxsim.core.errors",
    "Kernel": "jaxsim.core.kernel",
    "Metric": "jaxsim.core.kernel",
    "System": "jaxsim.core.kernel",
    "Key": "jaxsim.core.random",
    "key": "jaxsim.core.random",
    "Every": "jaxsim.engine",
    "FinalState": "jaxsim.engine",
    "rollout": "jaxsim.engine",
    "simulate": "jaxsim.engine",
    "policy": "jaxsim.experiments.build",
    "system": "jaxsim.experiments.build",
    "families": "jaxsim.experiments.registry",
    "Result": "jaxsim.results",
    "compare": "jaxsim.results",
    "load": "jaxsim.results",
    "save": "jaxsim.results",
}

__all__ = [
    "Every",
    "FinalState",
    "InvalidInput",
    "Kernel",
    "Key",
    "Metric",
    "MissingExtra",
    "Result",
    "System",
    "UntrustworthyResult",
    "compare",
    "families",
    "key",
    "load",
    "policy",
    "rollout",
    "save",
    "simulate",
    "system",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'jaxsim' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
