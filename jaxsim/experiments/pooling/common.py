"""What the pooling experiments share: scales, simulations by keys, verdicts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from jaxsim.core.types import Whole
from jaxsim.core.validation import choice
from jaxsim.engine import simulate
from jaxsim.models.pooling import policies, system
from jaxsim.results import Result
from jaxsim.results.report import Claim, Panel, Report
from jaxsim.statistics import Estimate

SOURCE = "Chen, Chen, Qian (2023), Incentivizing Resource Pooling"


def scaled(scale: str, smoke: Any, paper: Any) -> Any:
    """Return the value for the scale asked for."""
    return smoke if choice("scale", scale, ("smoke", "paper")) == "smoke" else paper


def run(keys: dict[str, Any], *, policy: Any = None, seed: int, replications: int, horizon: float) -> Result:
    """Simulate a system by its keys under its equilibrium policy, or under ``policy(system)``."""
    described = system(**keys)
    chosen = (policy or policies.fmfe)(described)
    return simulate(
        described.kernel, chosen, described.params, seed=seed, replications=replications, horizon=horizon
    )


def agrees(estimate: Estimate, exact: float) -> bool:
    """Return whether an exact value lies within four standard errors (false alarms: 6e-5 of the cases)."""
    return abs(estimate.mean - exact) <= 4 * estimate.standard_error


class Draft:
    """A report under way: it knows its name, source, scale and when it began."""

    def __init__(self, name: str, title: str, where: str, scale: str, seed: Whole):
        """Start the clock of experiment ``name`` at ``where`` in the paper."""
        self.head = (f"pooling.{name}", title, f"{SOURCE}, {where}")
        self.scale, self.seed, self.clock = scale, int(seed), time.perf_counter()

    def report(self, claims: Iterable[Claim], panels: Iterable[Panel] = ()) -> Report:
        """Return the report."""
        seconds = time.perf_counter() - self.clock
        return Report(*self.head, tuple(claims), tuple(panels), self.scale, self.seed, seconds)
