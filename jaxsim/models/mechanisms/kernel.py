"""Message exchange as a kernel: one step is one round of tatonnement in a random economy.

The state is the current message (prices) and the economy it is exchanged in. In a step each division
answers the prices with its demand, from its own environment only; if the market clears (to the tolerance) a
new economy is drawn, otherwise the policy (the resource division's rule) announces new prices. An economy
that has not cleared after ``patience`` rounds is abandoned and sets the status bit NOT_CONVERGED: the rule
cannot find the equilibrium.

    u_j(x) = w_j ln(1 + x/d_j),   consumption a_j x of K resources,   supplies b.

Source: Ishikida (1992), sections 2.2 and 3.1.2 (the tatonnement that the product form of messages suggests).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxsim.core import samplers
from jaxsim.core.kernel import Kernel, Metric, Observables
from jaxsim.core.random import Key, Stream
from jaxsim.core.status import Status, no_trouble, raise_bit
from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float, Int, UInt32
from jaxsim.models.mechanisms.tatonnement import Memory, no_memory


@dataclass(frozen=True)
class Spec:
    """divisions N, resources K, and patience: the most rounds in one economy."""

    divisions: int
    resources: int
    patience: int


@pytree
class Params:
    """Means of the random economies, the first price announced, and the residual at which a market counts
    as clear.

    weight, scale: w_j and d_j are uniform within 50 % of them; use: a_jk is uniform on (0.2, 1.2) times it;
    supply:
    b_k is uniform within 50 % of N times it.
    """

    weight: Float[Array, ""]
    scale: Float[Array, ""]
    use: Float[Array, ""]
    supply: Float[Array, ""]
    first_price: Float[Array, ""]
    tolerance: Float[Array, ""]


class Economy(NamedTuple):
    """Local environments: weight and scale [N] and use [N, K] of the divisions, supplies [K] of the
    resource one.
    """

    weight: Array
    scale: Array
    use: Array
    supplies: Array


@pytree
class State:
    """The economy, the prices announced [K], what the resource division remembers, the round, and the
    status.
    """

    economy: Economy
    prices: Float[Array, " K"]
    memory: Memory
    rounds: Int[Array, ""]
    status: UInt32[Array, ""]


class Observation(NamedTuple):
    """What the resource division sees: its supplies, prices and relative excess supplies [K], and its
    memory.
    """

    supplies: Array
    prices: Array
    excess: Array
    memory: Memory


def economy_of(words: UInt32[Array, " n"], spec: Spec, params: Params) -> Economy:
    """Return the economy that N (K + 2) + K random words stand for."""
    n, k = spec.divisions, spec.resources
    u = samplers.uniform(words)
    near = 0.5 + u[: 2 * n].reshape(2, n)
    use = 0.2 + u[2 * n : n * (k + 2)].reshape(n, k)
    supplies = n * params.supply * (0.5 + u[n * (k + 2) :])
    return Economy(params.weight * near[0], params.scale * near[1], params.use * use, supplies)


def demand(economy: Economy, prices: Float[Array, " K"]) -> Float[Array, " N"]:
    """Return every division's activity at the prices: max(0, w_j / (a_j'p) - d_j), each from its own row
    only.
    """
    return jnp.maximum(economy.weight / (economy.use @ prices) - economy.scale, 0)


def _words(spec: Spec) -> int:
    return spec.divisions * (spec.resources + 2) + spec.resources


def draw(key: Key, spec: Spec, policy: Any) -> UInt32[Array, " n"]:
    """Return the words of the economy that starts if this round clears the present one."""
    return key.words(Stream.ENVIRONMENT, _words(spec))


def init(key: Key, spec: Spec, context: Params) -> State:
    """Return the first economy, with the first price announced for every resource."""
    economy = economy_of(key.words(Stream.INITIAL, _words(spec)), spec, context)
    prices = context.first_price * jnp.ones(spec.resources, jnp.float32)
    return State(economy, prices, no_memory(prices), jnp.int32(0), no_trouble())


def step(draws: Any, spec: Spec, context: Params, policy: Any, state: State) -> tuple[State, Observables]:
    """Let the divisions answer the prices; clear, abandon or go on."""
    here = state.economy
    x = demand(here, state.prices)
    excess = (here.supplies - x @ here.use) / here.supplies
    residual = jnp.max(jnp.abs(jnp.minimum(state.prices, excess)))
    rounds = state.rounds + 1
    clear = residual <= context.tolerance
    abandoned = ~clear & (rounds >= spec.patience)
    finished = clear | abandoned

    moved, memory = policy(None, Observation(here.supplies, state.prices, excess, state.memory))
    fresh = economy_of(draws, spec, context)
    first = context.first_price * jnp.ones_like(moved)
    choose = lambda new, old: jnp.where(finished, new, old)  # noqa: E731
    status = raise_bit(state.status, Status.NOT_CONVERGED, abandoned)
    status = raise_bit(status, Status.NON_FINITE, ~jnp.isfinite(residual))
    blank = no_memory(first)
    after = State(
        Economy(*(choose(new, old) for new, old in zip(fresh, here, strict=True))),
        choose(first, moved),
        Memory(*(choose(new, old) for new, old in zip(blank, memory, strict=True))),
        choose(0, rounds),
        status,
    )
    welfare = jnp.sum(here.weight * jnp.log1p(x / here.scale))
    numbers = spec.resources * (1 + spec.divisions)
    return after, {
        "rounds": jnp.int32(1),
        "finished": finished.astype(jnp.int32),
        "abandoned": abandoned.astype(jnp.int32),
        "messages": jnp.int32(numbers),
        "welfare": jnp.where(clear, welfare, 0),
        "cleared": clear.astype(jnp.int32),
        "residual": residual,
    }


METRICS = (
    Metric(
        "rounds_to_clear",
        "rounds",
        "finished",
        unit="rounds",
        summary="rounds of exchange per economy",
        better="lower",
    ),
    Metric(
        "messages_to_clear", "messages", "finished", unit="numbers", summary="numbers exchanged per economy"
    ),
    Metric("abandoned", "abandoned", "finished", summary="share of economies that did not clear in time"),
    Metric("welfare", "welfare", "cleared", summary="mean welfare of the economies that cleared"),
    Metric("residual", "residual", summary="mean residual max |min(p, e)| over rounds"),
)


def step_time(spec: Spec, params: Any) -> float:
    """Return the length of a round. Named, not a lambda: kernels of one Spec are equal and compile once."""
    return 1.0


def build(spec: Spec) -> Kernel:
    """Return the kernel of a Spec; one step is one round, the unit of model time."""
    return Kernel(
        family="mechanisms",
        spec=spec,
        init=init,
        step=step,
        draw=draw,
        step_time=step_time,
        metrics=METRICS,
        horizon=2000.0,
        warmup=0.0,
        largest_count=spec.resources * (1 + spec.divisions),
    )
