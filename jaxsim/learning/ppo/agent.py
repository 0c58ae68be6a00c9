"""An agent for any environment: its networks, and what they say about a batch of situations.

Where the observations of a view are numbered (`jaxsim.core.view.View.table`), the networks are evaluated once
for each number and looked up, not once for each agent: the same values for a fraction of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax.core import unfreeze

from jaxsim.core.types import Array
from jaxsim.core.view import View
from jaxsim.learning.ppo.networks import Law, Network, Remembering


@dataclass(frozen=True)
class Agent:
    """Static: a view, the hidden widths, the width of the memory (0: none) and what a critic sees.

    central: numbers in `jaxsim.engine.environment.Environment.central`.
    deviation: log of the standard deviation of u, at the start, or (``learned`` false) throughout.
    """

    view: View
    widths: tuple[int, ...]
    memory: int
    central: int
    deviation: float
    learned: bool

    def __hash__(self) -> int:
        """Hash by the view's identity: it holds functions and tables."""
        return hash((id(self.view), *self._sizes()))

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same view with the same sizes."""
        if not isinstance(other, Agent):
            return NotImplemented
        return self.view is other.view and self._sizes() == other._sizes()

    def _sizes(self) -> tuple[Any, ...]:
        return self.widths, self.memory, self.central, self.deviation, self.learned

    @property
    def outputs(self) -> int:
        """Parameters of the law of one agent's action."""
        return self.view.choices or self.view.actions

    def init(self, key: Any) -> Any:
        """Return the parameters of policy and critic."""
        keys = jax.random.split(key, 3)
        row, central = jnp.zeros(self.view.features), jnp.zeros(self.central)
        if self.memory:
            network = Remembering(self.memory, self.outputs).init(keys[0], jnp.zeros(self.memory), row)
        else:
            network = Network(self.widths, self.outputs).init(keys[0], row)
        policy: dict[str, Any] = {"network": network}
        if self.view.choices is None and self.learned:
            policy["log_deviation"] = jnp.full(self.outputs, self.deviation)
        critic = {"central": Network(self.widths, 1, 1.0).init(keys[1], central)}
        if not self.view.team:
            critic["own"] = Network(self.widths, 1, 1.0).init(keys[2], row)
        return unfreeze({"policy": policy, "critic": critic})

    def remember_nothing(self) -> Array:
        """Return the memories at the start of an episode."""
        return jnp.zeros((self.view.agents, self.memory))

    def rows(self, observation: Array) -> Array:
        """Return observations as numbers, whether numbered or not."""
        table = self.view.table
        return observation if table is None else jnp.asarray(table)[observation]

    def centers(self, policy: Any) -> Array | None:
        """Return the law's parameters for each numbered observation; None where they are not numbered."""
        if self.view.table is None or self.memory:
            return None
        return applied(Network(self.widths, self.outputs), policy["network"], jnp.asarray(self.view.table))

    def law(self, policy: Any, centers: Array | None, observation: Array, memory: Array) -> tuple[Law, Array]:
        """Return the law of every agent's action [..., agents, numbers], and the memories after it."""
        if self.memory:
            rows = self.rows(observation)
            memory, center = applied(Remembering(self.memory, self.outputs), policy["network"], memory, rows)
        elif centers is None:
            center = applied(Network(self.widths, self.outputs), policy["network"], observation)
        else:
            center = centers.at[observation].get(mode="promise_in_bounds")
        fixed = None if self.view.choices else jnp.full(self.outputs, self.deviation)
        return Law(center, policy.get("log_deviation", fixed)), memory

    def shared(self, each: Array) -> Array:
        """Return numbers of agents as the learner needs them: the team's sum, or each agent's own."""
        return jnp.sum(each, axis=-1) if self.view.team else each

    def value(self, critic: Any, observation: Array, central: Array) -> Array:
        """Return values: of the team [...], or of every agent [..., agents]."""
        value = applied(Network(self.widths, 1), critic["central"], central)[..., 0]
        if self.view.team:
            return value
        own, table = Network(self.widths, 1), self.view.table
        if table is None:
            each = applied(own, critic["own"], observation)[..., 0]
        else:
            rows = applied(own, critic["own"], jnp.asarray(table))[:, 0]
            each = rows.at[observation].get(mode="promise_in_bounds")
        return value[..., None] + each


def applied(network: Any, variables: Any, *inputs: Any) -> Any:
    """Return what a network makes of inputs (flax also allows for changed variables, which ours lack)."""
    return network.apply(variables, *inputs)
