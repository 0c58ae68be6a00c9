"""What the bandit model is made of: static sizes, traced tables, the state, and what a policy sees."""

from __future__ import annotations

from dataclasses import dataclass

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Int, UInt, UInt32

ROW = 32
"""Words of one row: maxima are taken over rows first, a vector operation, and then inside one row."""


@dataclass(frozen=True)
class Spec:
    """Static sizes and choices.

    kind: what the arms are ("markov", "deterministic", "bernoulli" or "custom"), for the record.
    arms: N (with arrivals: slots for arms). states, outcomes: sizes of the tables (see `Params`).
    rows: 1 if all arms share one table, else N.
    direct: an outcome is the next state and the reward does not depend on it (Markov arms): then the tables
        of rewards and of next states by outcome are not looked up.
    pipes: M(1), M(2), ..., repeated periodically; the most of them is M.
    may_idle: pipes may stay idle (deadlines); if not, every open pipe serves somebody.
    start: the first state of every arm.
    batch: the most arms that arrive at once (0: no arrivals). free: the state that marks an empty slot.
    """

    kind: str = "markov"
    arms: int = 5
    states: int = 5
    outcomes: int = 5
    rows: int = 1
    direct: bool = True
    pipes: tuple[int, ...] = (1,)
    may_idle: bool = False
    start: tuple[int, ...] = (0, 0, 0, 0, 0)
    batch: int = 0
    free: int = -1

    @property
    def most_pipes(self) -> int:
        """The largest M(t)."""
        return max(self.pipes)

    @property
    def width(self) -> int:
        """Words that the state keeps: one per arm, and zeros up to whole rows of 32 where there are many."""
        return self.arms if self.arms <= ROW else -(-self.arms // ROW) * ROW

    @property
    def state_bits(self) -> int:
        """Bits that hold a state number; a cell is ``arm << state_bits | state``."""
        return max(1, (self.states - 1).bit_length())

    @property
    def cells(self) -> int:
        """Number of cells, some of them unused when the states are not a power of two."""
        return self.arms << self.state_bits


@pytree
class Params:
    """Tables of the arms, traced. An arm in state s has outcome o with probability chances[row, s, o].

    chances, rewards: (rows, states, outcomes). following: the next state per outcome; the number ``states``
    marks the end of the table, a place that must not be reached. discount: beta.
    arrival_chances (laws,) and arrival_states (laws, batch): what comes in each step, -1 for nothing.
    """

    chances: Float[Array, "rows states outcomes"]
    rewards: Float[Array, "rows states outcomes"]
    following: Int[Array, "rows states outcomes"]
    discount: Float[Array, ""]
    arrival_chances: Float[Array, " laws"]
    arrival_states: Int[Array, "laws batch"]


@pytree
class Ranks:
    """A priority policy made fast: all cells ordered by priority, ties to the lowest arm.

    of_cell: rank + 1 of each cell, higher is served first; 0 is "nobody". cell: its inverse (index rank).
    served: ranks from this one on may be served (all of them where pipes may not idle).
    """

    of_cell: UInt[Array, " cells"]
    cell: Int[Array, " ranks"]
    served: UInt[Array, ""]


@pytree
class Context:
    """What is constant along a path: alias tables, tables by cell or state, and the policy's ranks."""

    aliases: UInt32[Array, " cells_"]
    rewards: Float[Array, " entries"]
    mean_rewards: Float[Array, " states"]
    following: Int[Array, " entries"]
    discount: Float[Array, ""]
    arrival_aliases: UInt32[Array, " laws"]
    arrival_states: Int[Array, "laws batch"]
    ranks: Ranks | None


@pytree
class State:
    """The arms between two steps.

    words: per arm, its state; under a priority policy the rank of its cell instead (the same information).
        Words after the last arm are 0.
    time: steps taken. weight: beta^time.
    """

    words: UInt[Array, " width"]
    time: Int[Array, ""]
    weight: Float[Array, ""]
    status: UInt32[Array, ""]


@pytree
class Observation:
    """What a policy sees: the state of every arm, the time from 0, and how many pipes are open."""

    states: Int[Array, " arms"]
    time: Int[Array, ""]
    pipes: Int[Array, ""]


@pytree
class Draws:
    """Random words of one step: one per pipe for outcomes, one for the policy, one for arrivals."""

    outcomes: UInt32[Array, " pipes"]
    coin: UInt32[Array, ""]
    arrival: UInt32[Array, ""]
    step: UInt32[Array, ""]
