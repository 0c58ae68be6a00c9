"""Training by name: a family's system through one of its views, learned by a named algorithm.

What a training finds is a `Trained`; `keep` writes its policy, its curve and a summary to a folder, and
`jaxsim.experiments.learned_balancing.policies` makes policies of the family of such files.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.validation import choice, integer, require
from jaxsim.core.view import View
from jaxsim.engine.environment import Environment, Scene, environment
from jaxsim.experiments.build import card_of
from jaxsim.experiments.build import system as build_system
from jaxsim.learning.ppo import Training, settings
from jaxsim.learning.ppo import train as ppo
from jaxsim.learning.ppo.evaluate import evaluate
from jaxsim.learning.saved import Decide, save_policy
from jaxsim.results.files import write_whole
from jaxsim.results.result import versions
from jaxsim.statistics import Estimate

POLICY = "policy.npz"
ALGORITHMS = ("ppo",)


@dataclass(frozen=True)
class Trained:
    """A training, what it was asked for, and the mean return of its policy on fresh episodes."""

    training: Training
    request: dict[str, Any]
    returns: Estimate

    @property
    def decide(self) -> Decide:
        """The deterministic policy's function."""
        agent = self.training.agent
        return Decide(agent.widths, agent.outputs, agent.view.choices is not None)

    def plain(self) -> dict[str, Any]:
        """Return what a reader of the result wants to know, as plain values."""
        curve = {name: np.round(values, 6).tolist() for name, values in self.training.curve.items()}
        returns = self.returns
        return {
            **self.request,
            "metrics": {
                "return": {"mean": returns.mean, "half_width": returns.half_width, "level": returns.level}
            },
            "episodes": returns.replications,
            "environment_steps": self.training.steps,
            "cpu_seconds": self.training.seconds,
            "cpu_seconds_compiling": self.training.compiling,
            "curve": curve,
            "versions": versions(),
        }


def seen(family: str, view: str | None, system: System) -> tuple[Environment, Scene]:
    """Return the environment of a system of the family under a named view (default its first).

    Raises:
        InvalidInput: for a family without views, or an unknown view.
    """
    card = card_of(family)
    require(bool(card.views), "family", family, "has nothing to learn", "see 'jaxsim list'")
    name = choice("view", view or next(iter(card.views)), card.views)
    made, how = card.views[name].load()(system)
    assert isinstance(how, View)
    return environment(made, how)


def train(
    family: str,
    *,
    view: str | None = None,
    keys: dict[str, Any] | None = None,
    algorithm: str = "ppo",
    setting: str = "fast",
    changes: dict[str, Any] | None = None,
    horizon: float | None = None,
    seed: int = 0,
    episodes: int = 1000,
    checkpoint: Path | None = None,
    progress: Callable[[Any], None] | None = None,
) -> Trained:
    """Train a policy for a family's system and judge it on fresh episodes.

    Args:
        family, view: see ``jaxsim list FAMILY``. keys: of the system. algorithm: ``ppo``.
        setting: ``fast`` or ``paper``. changes: of it, fields of `jaxsim.learning.ppo.settings`.
        horizon: of an episode, in model time (default the family's). seed: of everything.
        episodes: that judge. checkpoint, progress: as `jaxsim.learning.ppo.train` takes them.

    Raises:
        InvalidInput: for unknown names or values out of range.
    """
    choice("algorithm", algorithm, ALGORITHMS)
    sizes, rates = settings(setting, **(changes or {}))
    seed, episodes = integer("seed", seed, low=0), integer("episodes", episodes, low=2)
    env, params = seen(family, view, build_system(family, **(keys or {})))
    if horizon is not None:
        params = env.params(build_system(family, **(keys or {})).params, float(horizon))
    found = ppo(env, params, seed=seed, sizes=sizes, rates=rates, checkpoint=checkpoint, progress=progress)
    # Other paths than those of the training: the next seed's.
    returns = evaluate(env, params, found.agent, found.policy, episodes=episodes, seed=seed + 1)
    request = {
        "family": family, "view": env.view.name, "keys": keys or {}, "algorithm": algorithm,
        "setting": setting, "changes": changes or {}, "horizon": horizon, "seed": seed,
    }  # fmt: skip
    return Trained(found, request, returns)


def keep(trained: Trained, folder: Path) -> None:
    """Write the policy (where it has no memory) and ``training.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    if not trained.training.agent.memory:
        write_policy(trained, folder / POLICY)
    text = json.dumps(trained.plain(), indent=1).encode()
    write_whole(folder / "training.json", lambda file: file.write(text))


def write_policy(trained: Trained, path: Path) -> None:
    """Write the policy with how it was trained."""
    request, training = trained.request, trained.training
    notes = {
        **{name: request[name] for name in ("family", "view")},
        "features": training.agent.view.features,
        "training": request,
        "return": dataclasses.asdict(trained.returns),
    }
    save_policy(path, trained.decide, training.policy["network"], notes)
